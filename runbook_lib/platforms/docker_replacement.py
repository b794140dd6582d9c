"""One container replaced by one of another release, and put back: each act can be repeated from wherever a crash
left it, each has a probe that tells whether its effect holds.

The old container is stopped and kept, under another name, until it is retired: it is the way back, and the only
place from which its variables are read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.errors import StepFailedError
from runbook_lib.platforms.base import Release
from runbook_lib.platforms.docker_clone import (
    NO_RESTART,
    REPLACES_LABEL,
    RUN_LABEL,
    clone,
    further_networks,
    restart_policy,
    with_variables,
)
from runbook_lib.platforms.docker_engine import Client, Inspect, found, image_found, reported
from runbook_lib.platforms.docker_health import wait_until_up


@dataclass(frozen=True)
class Replacement:
    """What takes the place of what.

    client: gives the engine's client. name: the container's name, which the new one takes. old: its id.
    release: what the new one runs. run: the run's id. restart: the old one's restart policy.
    exclusive: what only one of the two can hold, or empty: then the new one is up before the old one stops.
    waits: another container serves meanwhile, so wait for the new one's health. stop_timeout, health_timeout: seconds.
    variables: gives those that the new container has instead of the old one's, when it is made.
    """

    client: Callable[[], Client]
    name: str
    old: str
    release: Release
    run: str
    restart: dict[str, Any]
    exclusive: str
    waits: bool
    stop_timeout: float
    health_timeout: float
    variables: Callable[[], Mapping[str, str]] = dict

    @property
    def next_name(self) -> str:
        """The new container's name until it goes live."""
        return f"{self.name}.next.{_name_part(self.run)}"

    @property
    def retained_name(self) -> str:
        """The old container's name from then on."""
        return f"{self.name}.before.{_name_part(self.run)}"

    def create(self) -> str:
        """Make the new container, not started. StepFailedError when the engine refuses."""
        client = self.client()
        with reported(f"creating {self.next_name}", StepFailedError):
            old = self._old(client)
            if self.created():
                return f"{self.next_name} was there already"
            half_made = self._new(client)
            if half_made and half_made["State"]["Status"] == "created":
                client.remove_container(half_made["Id"], force=True)
            image = image_found(client, old["Image"])
            if image is None:
                raise StepFailedError(
                    f"the image of {self.name}, {old['Image']}, is gone: what the container inherits is not known",
                    next_step=f"pull or load that image again, or start {self.release.tag} by hand",
                )
            body = with_variables(clone(old, image, self.release, self.run), self.variables())
            new = client.create_container_from_config(body, self.next_name)["Id"]
            join_further(client, new, old)
        return f"{self.next_name} ({new[:12]}) runs {self.release} when started"

    def created(self) -> bool:
        """The new container is there with all its networks."""
        client = self.client()
        with reported(f"looking for {self.next_name}", StepFailedError):
            new, old = self._new(client), found(client, self.old)
            if new is None or old is None:
                return new is not None
            return set(old["NetworkSettings"]["Networks"]) <= set(new["NetworkSettings"]["Networks"])

    def switch(self) -> str:
        """Let the new container serve instead of the old one, under its name. StepFailedError when it does not
        come up; then it may be that nothing serves, until `back`."""
        client, began = self.client(), time.monotonic()
        with reported(f"switching {self.name} to {self.release}", StepFailedError, "the way back restores what served"):
            new = self._new(client)
            if new is None:
                raise StepFailedError(f"{self.next_name} is gone", next_step="go back, and make a new plan")
            if self.exclusive:
                self._stop_old(client)
                self._start(client, new["Id"])
            else:
                self._start(client, new["Id"])
                self._stop_old(client)
            self._name(client, self.old, self.retained_name)
            self._name(client, new["Id"], self.name)
        return f"{self.name} runs {self.release} after {time.monotonic() - began:.1f} s"

    def switched(self) -> bool:
        """The new container runs under the name, the old one does not run."""
        client = self.client()
        with reported(f"looking at {self.name}", StepFailedError):
            new, old = self._new(client), found(client, self.old)
            live = new is not None and _name_of(new) == self.name and bool(new["State"]["Running"])
            return live and (old is None or not old["State"]["Running"])

    def back(self) -> str:
        """Put the old container back as it was and remove the new one. StepFailedError when the old one is gone
        or does not start."""
        client = self.client()
        with reported(f"putting {self.name} back", StepFailedError, f"docker logs {self.old[:12]}; docker ps --all"):
            self._old(client)
            new = self._new(client)
            if self.exclusive:
                self._stop_new(client, new)
                self._start_old(client)
            else:
                # The old one first, and without a look at its health: what is being taken back serves nobody well.
                self._start_old(client)
                self._stop_new(client, new)
            if new:
                client.remove_container(new["Id"], force=True)
            self._name(client, self.old, self.name)
        return f"{self.name} is the container it was ({self.old[:12]})"

    def is_back(self) -> bool:
        """The old container runs under its name with its restart policy, and the new one is gone."""
        client = self.client()
        with reported(f"looking at {self.name}", StepFailedError):
            old = found(client, self.old)
            return (
                old is not None
                and bool(old["State"]["Running"])
                and _name_of(old) == self.name
                and restart_policy(old) == self.restart
                and self._new(client) is None
            )

    def retire(self) -> str:
        """Remove the old container; its volumes stay. StepFailedError when it runs."""
        client = self.client()
        with reported(f"removing {self.retained_name}", StepFailedError):
            if found(client, self.old):
                client.remove_container(self.old)
        return f"{self.retained_name} ({self.old[:12]}) is removed"

    def retired(self) -> bool:
        client = self.client()
        with reported(f"looking for {self.retained_name}", StepFailedError):
            return found(client, self.old) is None

    @property
    def _patience(self) -> int:
        return round(self.stop_timeout)

    def _old(self, client: Client) -> Inspect:
        old = found(client, self.old)
        if old is None:
            raise StepFailedError(
                f"the container {self.name} ({self.old[:12]}) was removed by somebody else",
                next_step=f"see what runs with `docker ps --all`; start {self.name} by hand if nothing serves",
            )
        return old

    def _new(self, client: Client) -> Inspect | None:
        """The new container under whatever name it has."""
        labels = [f"{REPLACES_LABEL}={self.old}", f"{RUN_LABEL}={self.run}"]
        listed = client.containers(all=True, filters={"label": labels})
        return found(client, listed[0]["Id"]) if listed else None

    def _stop_old(self, client: Client) -> None:
        # Otherwise a restart of the engine would bring it up beside the new one.
        if self.restart != NO_RESTART:
            client.update_container(self.old, restart_policy=dict(NO_RESTART))
        client.stop(self.old, timeout=self._patience)

    def _stop_new(self, client: Client, new: Inspect | None) -> None:
        if new and new["State"]["Running"]:
            client.stop(new["Id"], timeout=self._patience)

    def _start_old(self, client: Client) -> None:
        old = self._old(client)
        if restart_policy(old) != self.restart:
            client.update_container(self.old, restart_policy=dict(self.restart))
        if not old["State"]["Running"]:
            client.start(self.old)

    def _start(self, client: Client, new: str) -> None:
        if self.restart != NO_RESTART:
            client.update_container(new, restart_policy=dict(self.restart))
        client.start(new)
        # Where nothing else serves, waiting helps nobody: one look, the rest is for the verification.
        wait_until_up(client, new, self.name, self.health_timeout if self.waits else 0)

    def _name(self, client: Client, container: str, name: str) -> None:
        seen = found(client, container)
        if seen and _name_of(seen) != name:
            client.rename(container, name)


def join_further(client: Client, container: str, like: Inspect) -> None:
    """Connect a container that was made like another one to that one's networks but the first."""
    for network, endpoint in further_networks(like).items():
        _join(client, container, network, endpoint)


def _join(client: Client, container: str, network: str, endpoint: dict[str, Any]) -> None:
    address = endpoint.get("IPAMConfig") or {}
    client.connect_container_to_network(
        container,
        network,
        aliases=endpoint.get("Aliases"),
        links=dict(link.split(":", 1) for link in endpoint.get("Links") or []),
        ipv4_address=address.get("IPv4Address"),
        ipv6_address=address.get("IPv6Address"),
        link_local_ips=address.get("LinkLocalIPs"),
        driver_opt=endpoint.get("DriverOpts"),
    )


def _name_of(container: Inspect) -> str:
    return str(container["Name"]).removeprefix("/")


def _name_part(run: str) -> str:
    """A run's id with what a container's name may hold."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", run)
