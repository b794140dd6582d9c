"""More containers: each made from a live one, with all that was set for it, and removed again by its exact name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from runbook_lib.config import Docker
from runbook_lib.errors import PlatformError, StepFailedError
from runbook_lib.levers.base import At, Request, shown, wrong_after
from runbook_lib.levers.how_many import wanted
from runbook_lib.platforms.base import Release
from runbook_lib.platforms.docker_clone import REPLACES_LABEL, clone, exclusive, refusal, restart_policy
from runbook_lib.platforms.docker_containers import Containers, release_of
from runbook_lib.platforms.docker_engine import Client, Inspect, connect, found, image_found, reported
from runbook_lib.platforms.docker_health import wait_until_up
from runbook_lib.platforms.docker_replacement import join_further
from runbook_lib.probes.http import Client as Http
from runbook_lib.probes.http import Route
from runbook_lib.run.plan import Snapshot, Step, Verdict

MADE_BY = "runbook.scaled"
_NUMBER = "com.docker.compose.container-number"


@dataclass(frozen=True)
class ScaleContainers:
    """most: more replicas than that are refused."""

    request: Request
    most: int

    stays: ClassVar[bool] = True
    several: ClassVar[bool] = False

    @property
    def what(self) -> str:
        return f"scaled up ({self.request.value})"

    def read(self) -> Snapshot:
        """The containers there are, and the one that is copied. Refuses one that no second one can stand beside."""
        with reported(f"reading the containers of {self.request.target.label}"):
            settled = Containers(self._docker).settled(self._client)
            name, item = next((pair for pair in settled.items() if pair[1]["State"] == "running"), (None, None))
            if name is None or item is None:
                raise PlatformError("no container runs that could be copied", next_step="restart it: -p action restart")
            seen = self._client.inspect_container(item["Id"])
        held, (why, remedy) = exclusive(seen), refusal(seen)
        if held or why:
            raise PlatformError(
                f"the container {name} {f'holds {held}, which no second one can have' if held else why}",
                next_step=remedy or "let a proxy hold it, and reach the containers through their network",
            )
        number = wanted(self.request.value, len(settled), self.most)
        return {"of": name, "id": seen["Id"], "now": len(settled), "more": number - len(settled)}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        warnings = [f"{before['now'] + before['more']} replicas instead of {before['now']}; the database gets their "]
        warnings[0] += "connections, too"
        if self._docker.container:
            warnings.append(
                f"containers are found by the name {self._docker.container}: a rollback does not see the new ones, so "
                "take them back first"
            )
        return tuple(warnings)

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return tuple(self._starts(name, before, at) for name in _names(before, at.origin))

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return tuple(self._removes(name, at) for name in reversed(_names(before, at.origin)))

    def effect(self, before: Snapshot) -> Verdict:
        """That many more run and are healthy; where this machine reaches their addresses, they answer."""
        return shown(
            wrong_after(lambda: self._missing(before), self.request.target.environment.checks.within),
            f"{before['more']} more replicas run and answer",
        )

    def undone(self, before: Snapshot) -> Verdict:
        left = [self._name(item) for item in self._made(before)]
        return shown(f"{', '.join(left)} is still there" if left else "", "the replicas that were added are gone")

    def holds(self, before: Snapshot) -> bool | None:
        return any(item["State"] == "running" for item in self._made(before))

    # -- containers ---------------------------------------------------------------------------------------------

    @cached_property
    def _docker(self) -> Docker:
        docker = self.request.target.environment.docker
        if docker is None:
            raise PlatformError(f"{self.request.target.label} is not run by docker", next_step="give it a table docker")
        return docker

    @cached_property
    def _client(self) -> Client:
        return connect(self._docker.engine)

    def _made(self, before: Snapshot) -> list[Inspect]:
        with reported("looking for the replicas that were added"):
            label = f"{MADE_BY}={before['id']}"
            return list(self._client.containers(all=True, filters={"label": [label]}))

    def _name(self, item: Inspect) -> str:
        return str(item["Names"][0]).removeprefix("/")

    def _missing(self, before: Snapshot) -> str:
        running = [item for item in self._made(before) if item["State"] == "running"]
        if len(running) < before["more"]:
            return f"{len(running)} of {before['more']} more replicas run"
        return next(filter(None, (self._unreachable(item["Id"]) for item in running)), "")

    def _unreachable(self, container: str) -> str:
        """What is wrong with a replica's answer at its own address, where that can be reached from here."""
        with reported("looking at a replica"):
            seen = self._client.inspect_container(container)
        if (seen["State"].get("Health") or {}).get("Status", "healthy") != "healthy":
            return f"{seen['Name']} is {seen['State']['Health']['Status']}"
        if self._client.base_url != "http+docker://localhost":
            return ""  # the engine is on another machine, and so are its networks
        route = Route(self.request.target.environment.checks.up, self.request.target.environment.checks.up)
        http = Http(self.request.target.environment.checks.timeout)
        readings = [http.ask(url, route) for url in _addresses(seen)]
        return "" if not readings or any(reading.ok for reading in readings) else str(readings[0])

    def _starts(self, name: str, before: Snapshot, at: At) -> Step:
        return Step(
            id=f"{at.prefix}.{name.rpartition('.')[2]}",
            title=f"start one more container like {before['of']}",
            host=before["of"],
            shows=(f"docker create --name {name} ...", f"docker start {name}"),
            do=lambda: self._start(name, before),
            done=lambda: self._is_up(name),
            repeatable=True,
        )

    def _start(self, name: str, before: Snapshot) -> str:
        with reported(f"starting {name}", StepFailedError):
            source = found(self._client, before["id"])
            image = image_found(self._client, source["Image"]) if source else None
            if source is None or image is None:
                raise StepFailedError(f"{before['of']} or its image is gone", next_step="make a new plan")
            half_made = found(self._client, name)
            if half_made:
                self._client.remove_container(half_made["Id"], force=True)
            made = self._client.create_container_from_config(self._body(source, image, name, before), name)["Id"]
            join_further(self._client, made, source)
            self._client.update_container(made, restart_policy=restart_policy(source))
            self._client.start(made)
            wait_until_up(self._client, made, name, self.request.target.environment.checks.within)
        return f"{name} runs"

    def _body(self, source: Inspect, image: Inspect, name: str, before: Snapshot) -> dict[str, Any]:
        listed = {"ImageID": source["Image"], "Image": source["Config"]["Image"], "Labels": source["Config"]["Labels"]}
        release = release_of(listed, [], self._docker.image)
        label = (source["Config"]["Labels"] or {}).get("runbook.release", release.tag)
        body = clone(source, image, Release(label, source["Image"]), name)
        labels = {key: value for key, value in body["Labels"].items() if key != REPLACES_LABEL}
        labels[MADE_BY] = before["id"]
        if _NUMBER in labels:
            labels[_NUMBER] = str(before["now"] + int(name.rpartition("-")[2]))
        return {**body, "Labels": labels}

    def _is_up(self, name: str) -> bool:
        with reported(f"looking for {name}", StepFailedError):
            seen = found(self._client, name)
            state = seen["State"] if seen else {}
            return bool(state.get("Running")) and (state.get("Health") or {}).get("Status", "healthy") == "healthy"

    def _removes(self, name: str, at: At) -> Step:
        patience = self._docker.stop_timeout
        return Step(
            id=f"{at.prefix}.remove-{name.rpartition('.')[2]}",
            title="remove a container that was added",
            shows=(f"docker stop --time {patience:.0f} {name}", f"docker rm {name}"),
            do=lambda: self._remove(name),
            done=lambda: self._is_gone(name),
            repeatable=True,
            no_undo="it is the way back itself",
        )

    def _remove(self, name: str) -> str:
        with reported(f"removing {name}", StepFailedError):
            seen = found(self._client, name)
            if seen and MADE_BY not in (seen["Config"]["Labels"] or {}):
                raise StepFailedError(f"{name} is none that was added", next_step=f"look at it: docker inspect {name}")
            if seen:
                self._client.stop(seen["Id"], timeout=round(self._docker.stop_timeout))
                self._client.remove_container(seen["Id"], force=True)
        return f"{name} is removed"

    def _is_gone(self, name: str) -> bool:
        with reported(f"looking for {name}", StepFailedError):
            return found(self._client, name) is None


def _names(before: Snapshot, origin: str) -> list[str]:
    """The names of the containers that a run adds; the run's id makes them nobody else's."""
    run = re.sub(r"[^A-Za-z0-9_-]", "-", origin)
    return [f"{before['of']}.more.{run}-{number}" for number in range(1, before["more"] + 1)]


def _addresses(seen: Inspect) -> Iterator[str]:
    """Where a container can be asked: its addresses, at the ports that it exposes."""
    exposed = {*(seen["Config"].get("ExposedPorts") or {}), *(seen["NetworkSettings"].get("Ports") or {})}
    ports = [port.partition("/")[0] for port in sorted(exposed) if port.endswith("/tcp")]
    for network in seen["NetworkSettings"]["Networks"].values():
        if network.get("IPAddress"):
            yield from (f"http://{network['IPAddress']}:{port}" for port in ports)
