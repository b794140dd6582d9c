"""Around a switch of data: writes are stopped before it and resumed after it, and the application is looked at."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runbook_lib.actions.release.doors import Doors, are_closed, is_in_force
from runbook_lib.config import Target
from runbook_lib.platforms import platform_of
from runbook_lib.probes.http import Client, Reading, places, routes
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Step, Verdict
from runbook_lib.run.run import Run

BEFORE = "looked before the switch"
PAUSE = 0.5


@dataclass(frozen=True)
class Writes:
    """How writes are stopped: by the application's doors. hosts: where they are closed and opened; empty: nothing is
    done. why: the reason for that, for a reader."""

    hosts: Sequence[str]
    why: str = ""

    @classmethod
    def of(cls, target: Target, journal: Journal) -> Writes:
        """As the environment is configured, and as it is now. PlatformError when the hosts cannot be read."""
        environment = target.environment
        if environment.backups is None or environment.backups.stop_writes == "nothing":
            return cls((), "nothing stops writes (backups.stop_writes): what is written during the switch may be lost")
        platform = platform_of(target)
        if are_closed(journal, target, platform):
            return cls((), "maintenance mode is on already, and stays on afterwards")
        if environment.laravel is None:
            return cls((), "nothing stops writes: there is no table laravel; what is written meanwhile may be lost")
        return cls(tuple(platform.current()))

    def stopped(self, target: Target, run: Run, section: str) -> Iterator[Step]:
        """The steps that stop writes: noted as in force first, proven at last. section: prefix of their ids."""
        if self.hosts:
            yield from self._doors(target, run, section).closed()

    def resumed(self, target: Target, run: Run, section: str, name: str = "open") -> Iterator[Step]:
        """The steps that let them go on, and note that. name: of the steps."""
        if self.hosts:
            yield from self._doors(target, run, section).opened(name)

    def _doors(self, target: Target, run: Run, section: str) -> Doors:
        return Doors(target, platform_of(target), self.hosts, section, run)


def look_before(target: Target, run: Run) -> None:
    """Write down what does not answer as it must before anything is switched: that is no fault of the switch."""
    failing = [[reading.place, reading.name] for reading in _readings(target) if not reading.ok]
    run.record(BEFORE, failing=failing)


def serves(target: Target, run: Run) -> Verdict:
    """Whether the application answers with the data that it has now at least where it did before, within checks.within
    seconds."""
    if is_in_force(run.journal, target):
        return Verdict("PASS", ("maintenance mode is on: the application was not asked",))
    # The first one: a run that is continued looks again, perhaps in the middle of its switch.
    known = [event.data["failing"] for event in run.journal.events(run.id, BEFORE)][:1]
    before = {(place, name) for failing in known for place, name in failing}
    started = time.monotonic()
    while True:
        readings = _readings(target)
        failing = [reading for reading in readings if not reading.ok]
        new = [str(reading) for reading in failing if (reading.place, reading.name) not in before]
        numbers = {"readings": len(readings), "failing": len(failing), "failing before": len(before)}
        if not new:
            still = tuple(f"as before the switch: {reading}" for reading in failing[:5])
            return Verdict("PASS", (f"{len(readings) - len(failing)} readings good", *still), numbers)
        if time.monotonic() - started + PAUSE > target.environment.checks.within:
            return Verdict("FAIL", tuple(new[:5]), numbers)
        time.sleep(PAUSE)


def _readings(target: Target) -> list[Reading]:
    client = Client(target.environment.checks.timeout)
    return client.all(places(target.environment), routes(target.environment))
