"""One container replaced by one of another release, and put back: each act can be repeated from wherever a crash
left it, each has a probe that tells whether its effect holds.

The old container is stopped and kept, under another name, until it is retired: it is the way back, and the only
place from which its variables are read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runbook_lib.command import mask, printable
from runbook_lib.errors import StepFailedError
from runbook_lib.platforms.base import Release
from runbook_lib.platforms.docker_clone import NO_RESTART, REPLACES_LABEL, RUN_LABEL, clone, further_networks
from runbook_lib.platforms.docker_engine import Inspect, found, image_found, reported

if TYPE_CHECKING:
    from docker import APIClient

_POLL = 0.05
_STEADY = 1.0
_UP = ("running", "restarting", "paused")


@dataclass(frozen=True)
class Replacement:
    """What takes the place of what.

    client: gives the engine's client. name: the container's name, which the new one takes. old: its id.
    release: what the new one runs. run: the run's id. restart: the old one's restart policy.
    exclusive: what only one of the two can hold, or empty: then the new one is up before the old one stops.
    waits: another container serves meanwhile, so wait for the new one's health. stop_timeout, health_timeout: seconds.
    """

    client: Callable[[], APIClient]
    name: str
    old: str
    release: Release
    run: str
    restart: dict[str, Any]
    exclusive: str
    waits: bool
    stop_timeout: float
    health_timeout: float

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
            if half_made:
                client.remove_container(half_made["Id"], force=True)
            image = image_found(client, old["Image"])
            if image is None:
                raise StepFailedError(
                    f"the image of {self.name}, {old['Image']}, is gone: what the container inherits is not known",
                    next_step=f"pull or load that image again, or start {self.release.tag} by hand",
                )
            body = clone(old, image, self.release, self.run)
            new = client.create_container_from_config(body, self.next_name)["Id"]
            for network, endpoint in further_networks(old).items():
                _join(client, new, network, endpoint)
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
                self._healthy(client, new["Id"])
            else:
                self._start(client, new["Id"])
                self._healthy(client, new["Id"])
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
            # Where both can run, the old one first: nobody is without an answer, however slowly the new one stops.
            if new and self.exclusive and new["State"]["Running"]:
                client.stop(new["Id"], timeout=self._patience)
            self._start_old(client)
            if new:
                if new["State"]["Running"]:
                    client.stop(new["Id"], timeout=self._patience)
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
                and old["HostConfig"]["RestartPolicy"] == self.restart
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

    def _old(self, client: APIClient) -> Inspect:
        old = found(client, self.old)
        if old is None:
            raise StepFailedError(
                f"the container {self.name} ({self.old[:12]}) was removed by somebody else",
                next_step=f"see what runs with `docker ps --all`; start {self.name} by hand if nothing serves",
            )
        return old

    def _new(self, client: APIClient) -> Inspect | None:
        """The new container under whatever name it has."""
        labels = [f"{REPLACES_LABEL}={self.old}", f"{RUN_LABEL}={self.run}"]
        listed = client.containers(all=True, filters={"label": labels})
        return found(client, listed[0]["Id"]) if listed else None

    def _stop_old(self, client: APIClient) -> None:
        # Otherwise a restart of the engine would bring it up beside the new one.
        client.update_container(self.old, restart_policy=dict(NO_RESTART))
        client.stop(self.old, timeout=self._patience)

    def _start_old(self, client: APIClient) -> None:
        old = self._old(client)
        if old["HostConfig"]["RestartPolicy"] != self.restart:
            client.update_container(self.old, restart_policy=dict(self.restart))
        if not old["State"]["Running"]:
            client.start(self.old)

    def _start(self, client: APIClient, new: str) -> None:
        if self.restart["Name"] not in ("", "no"):
            client.update_container(new, restart_policy=dict(self.restart))
        client.start(new)

    def _name(self, client: APIClient, container: str, name: str) -> None:
        seen = found(client, container)
        if seen and _name_of(seen) != name:
            client.rename(container, name)

    def _healthy(self, client: APIClient, new: str) -> None:
        """Wait until the new container can be relied on: healthy if its image checks that, else up for a moment.
        Where nothing else serves, waiting helps nobody: one look, the rest is for the verification."""
        began = time.monotonic()
        while True:
            state = client.inspect_container(new)["State"]
            health = (state.get("Health") or {}).get("Status")
            passed = time.monotonic() - began
            if not state["Running"] or state.get("Restarting") or health == "unhealthy":
                raise self._not_up(client, new, state, health)
            if not self.waits or health == "healthy" or (health is None and passed > _STEADY):
                return
            if passed > self.health_timeout:
                raise self._not_up(client, new, state, health)
            time.sleep(_POLL)

    def _not_up(self, client: APIClient, new: str, state: Inspect, health: str | None) -> StepFailedError:
        ended = f"ended with status {state['ExitCode']}" if not state["Running"] else f"is {health or 'restarting'}"
        words = mask(client.logs(new, tail=5).decode(errors="replace"))
        return StepFailedError(
            f"the new container of {self.name} {ended}; its last words: {printable(words.strip() or 'none', 600)}",
            next_step="the way back restores what served; then look why this release does not start",
        )


def is_up(state: str) -> bool:
    """Whether a state of the engine's list is one of a container that is meant to serve."""
    return state in _UP


def is_left_behind(name: str) -> bool:
    """Whether a container's name says that it is on its way into service or out of it."""
    return re.search(r"\.(next|before)\.[A-Za-z0-9_-]+$", name) is not None


def _join(client: APIClient, container: str, network: str, endpoint: dict[str, Any]) -> None:
    url = client._url("/networks/{0}/connect", network)
    response = client._post_json(url, data={"Container": container, "EndpointConfig": endpoint})
    client._raise_for_status(response)


def _name_of(container: Inspect) -> str:
    return str(container["Name"]).removeprefix("/")


def _name_part(run: str) -> str:
    """A run's id with what a container's name may hold."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", run)
