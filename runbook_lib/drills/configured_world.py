"""Drills on a service that a runbooks.toml describes: real containers, a real application."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.command import Command
from runbook_lib.config import Drilling, Loaded, Target
from runbook_lib.connectors import connector_to
from runbook_lib.drills.evidence import On
from runbook_lib.errors import DrillError, PlatformError
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import find_release
from runbook_lib.platforms.docker_containers import Containers
from runbook_lib.platforms.docker_engine import connect, reported
from runbook_lib.practice.deployment import deploy, new_run, prove
from runbook_lib.probes.http import Client, places, routes
from runbook_lib.run.journal import Journal
from runbook_lib.run.lock import Locks

PATIENCE = 60.0
TICK = 0.3


@dataclass(frozen=True)
class ConfiguredWorld:
    """The environment `production` of the first service with a table `drill`. It may be broken, says that table."""

    on: On
    target: Target
    drilling: Drilling

    @classmethod
    def of(cls, on: On, loaded: Loaded, environment: str = "production") -> ConfiguredWorld:
        """DrillError where no service has the table; ConfigurationError."""
        for service in loaded.configuration.services:
            target = loaded.target(service, environment)
            if target.environment.drill is not None:
                return cls(on, target, target.environment.drill)
        raise DrillError(
            f"no {environment} in {loaded.file} has a table drill",
            next_step="give it to a service that may be broken, never to a real one",
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

    def break_(self, fault: str) -> str:
        if fault in self.drilling.faults:
            argv = self.drilling.faults[fault].run
            self._command(argv)
            return f"`{' '.join(argv)}` was run"
        if fault == "bad-release" and self.drilling.bad:
            for target in self._targets:
                self._deploy(target, self.drilling.bad)
            return f"{self.drilling.bad} is live"
        if fault == "down" and self.target.environment.docker is not None:
            return self._kill_containers()
        raise DrillError(f"nothing says how to bring {fault} about", next_step=f"add drill.faults.{fault} to its table")

    def shows(self, fault: str) -> str:
        return self.unsteady()

    def ends(self, fault: str) -> None:
        """Nothing ends by itself here: what `mend` of a fault takes back is not for a drill to take back."""

    def unsteady(self) -> str:
        client = Client(self.target.environment.checks.timeout)
        readings = client.all(places(self.target.environment), routes(self.target.environment))
        return next((str(reading) for reading in readings if not reading.ok), "")

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
        command = Command.of(*argv, cwd=str(self.target.root), timeout=PATIENCE)
        result = connector_to("local", self.target.state).read(command)
        if not result.ok:
            raise DrillError(f"`{' '.join(argv)}` ended with status {result.code}: {result.last_line[:200]}")

    def _kill_containers(self) -> str:
        docker = self.target.environment.docker
        assert docker is not None  # noqa: S101 - asked before
        client = connect(docker.engine)
        with reported("killing the containers"):
            serving = Containers(docker).serving(client)
            for item in serving.values():
                client.kill(item["Id"])
        return f"{', '.join(serving)} was killed"

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
