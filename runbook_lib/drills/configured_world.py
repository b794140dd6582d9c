"""Drills on a service that a runbooks.toml describes: real containers, a real application."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.command import Command, Result, printable
from runbook_lib.config import Docker, Drilling, Loaded, Target
from runbook_lib.connectors import connector_to
from runbook_lib.drills.evidence import On
from runbook_lib.errors import DrillError, PlatformError
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import find_release
from runbook_lib.platforms.command_step import in_short
from runbook_lib.platforms.docker_containers import Containers
from runbook_lib.platforms.docker_engine import connect, reported
from runbook_lib.practice.deployment import deploy, new_run, prove
from runbook_lib.probes import queues
from runbook_lib.probes.http import Client, places, routes
from runbook_lib.run.journal import Journal
from runbook_lib.run.lock import Locks

# What can be done to every container.
CONTAINERS = ("down", "hang")
PATIENCE = 60.0
TICK = 0.3


@dataclass(frozen=True)
class ConfiguredWorld:
    """The first environment with a table `drill`. It may be broken, says that table."""

    on: On
    target: Target
    drilling: Drilling

    @classmethod
    def of(cls, on: On, loaded: Loaded) -> ConfiguredWorld:
        """DrillError where no environment has the table; ConfigurationError."""
        for service, about in loaded.configuration.services.items():
            for name, environment in about.environments.items():
                if environment.drill is not None:
                    return cls(on, loaded.target(service, name), environment.drill)
        raise DrillError(
            f"no environment in {loaded.file} has a table drill",
            next_step="give it to one that may be broken, never to one that customers use",
        )

    @property
    def folder(self) -> Path:
        return self.target.root / ".runbooks" / "drill"

    def mend(self) -> None:
        """Run what mends each fault, start what does not run, and put the good release live."""
        for fault in self.drilling.faults.values():
            if fault.mend:
                self._command(fault.mend)
        self._start_containers()
        for target in self._targets:
            live = platform_of(target).current()
            if any(release.tag != self.drilling.good for release in live.values()):
                self._deploy(target, self.drilling.good)
        self._await_health()
        for target in self._targets:
            prove(target, find_release(platform_of(target).releases(), self.drilling.good))

    def can_break(self, fault: str) -> bool:
        """By its own command; by the bad release that is named; what can be done to any container."""
        in_containers = self.target.environment.docker is not None and fault in CONTAINERS
        return fault in self.drilling.faults or in_containers or (fault == "bad-release" and bool(self.drilling.bad))

    @property
    def good(self) -> str:
        return self.drilling.good

    def break_(self, fault: str) -> str:
        if fault in self.drilling.faults:
            argv = self.drilling.faults[fault].run
            self._command(argv)
            return f"`{in_short(argv)}` was run"
        if fault == "bad-release" and self.drilling.bad:
            for target in self._targets:
                self._deploy(target, self.drilling.bad)
            return f"{self.drilling.bad} is live"
        if fault in CONTAINERS and self.target.environment.docker is not None:
            return self._stop_containers(self.target.environment.docker, fault)
        raise DrillError(f"nothing says how to bring {fault} about", next_step=f"add drill.faults.{fault} to its table")

    def shows(self, fault: str) -> str:
        about = self.drilling.faults.get(fault)
        if about is None or not about.shows:
            return self.unsteady()
        return f"`{in_short(about.shows)}` says so" if self._run(about.shows).ok else ""

    def ends(self, fault: str) -> None:
        """Nothing ends by itself here: what `mend` of a fault takes back is not for a drill to take back."""

    def unsteady(self) -> str:
        client = Client(self.target.environment.checks.timeout)
        readings = client.all(places(self.target.environment), routes(self.target.environment))
        return next((str(reading) for reading in readings if not reading.ok), "") or self._backed_up()

    def _backed_up(self) -> str:
        limits = self.target.environment.queues
        if limits is None:
            return ""
        try:
            waiting = queues.state(self.target).waiting
        except PlatformError as error:
            return error.message
        return f"{waiting} jobs wait" if waiting > limits.max_waiting else ""

    @property
    def _targets(self) -> list[Target]:
        return [target for target in (self.target.staging, self.target) if target is not None]

    def _deploy(self, target: Target, tag: str) -> None:
        locks = Locks(Journal(target.state), new_run())
        locks.take([target.label])
        try:
            deploy(target, tag, new_run())
        finally:
            locks.release()

    def _command(self, argv: list[str]) -> None:
        result = self._run(argv)
        if not result.ok:
            said = printable(result.last_line, 200)
            raise DrillError(f"`{in_short(argv)}` ended with status {result.code}: {said}")

    def _run(self, argv: list[str]) -> Result:
        command = Command.of(*argv, cwd=str(self.target.root), timeout=PATIENCE)
        return connector_to("local", self.target.state).read(command)

    def _stop_containers(self, docker: Docker, fault: str) -> str:
        client = connect(docker.engine)
        stop, done = (client.kill, "killed") if fault == "down" else (client.pause, "paused")
        with reported("stopping the containers"):
            serving = Containers(docker).serving(client)
            for item in serving.values():
                stop(item["Id"])
        return f"{', '.join(serving)} was {done}"

    def _start_containers(self) -> None:
        """What was killed or paused goes on."""
        for target in self._targets:
            docker = target.environment.docker
            if docker is None:
                continue
            client = connect(docker.engine)
            with reported("starting the containers", PlatformError):
                for item in client.containers(all=True, filters={"name": docker.container}):
                    if item["State"] == "paused":
                        client.unpause(item["Id"])
                    elif item["State"] == "exited" and f"/{docker.container}" in item["Names"]:
                        client.start(item["Id"])

    def _await_health(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while wrong := self.unsteady():
            if time.monotonic() > deadline:
                raise DrillError(f"{self.target.label} is not well before the drill: {wrong}")
            time.sleep(TICK)
