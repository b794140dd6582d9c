"""Drills in the practice environment."""

from __future__ import annotations

import time
from pathlib import Path

from runbook_lib import config
from runbook_lib.config import Target
from runbook_lib.drills.evidence import On
from runbook_lib.errors import DrillError
from runbook_lib.practice import mending, server
from runbook_lib.practice.control import explained
from runbook_lib.practice.faults import FAULTS, fault
from runbook_lib.practice.faults.seeing import customers_fail, requests, waiting_jobs
from runbook_lib.practice.ground import SERVICE, Ground
from runbook_lib.practice.repository import GOOD

# Requests that were answered well before anything is broken: only against those can it be told that something changed.
QUIET_REQUESTS = 30
PATIENCE = 20.0
TICK = 0.2


class PracticeWorld:
    """The practice environment of a project."""

    on: On = "practice"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    @property
    def target(self) -> Target:
        return config.load(self._ground.configuration).target(SERVICE, "production")

    @property
    def folder(self) -> Path:
        return self._ground.folder / "drill"

    def mend(self) -> None:
        """Bring the steady state back, and wait until customers were served well for a while."""
        mending.mend(self._ground, lambda line: None)
        deadline = time.monotonic() + PATIENCE
        while (served := requests(self._ground)) < QUIET_REQUESTS:
            if time.monotonic() > deadline:
                raise DrillError(f"only {served} requests were served", next_step="look at `runbook practice status`")
            time.sleep(TICK)
        if wrong := self.unsteady():
            raise DrillError(f"practice is not well before the drill: {wrong}", next_step="`runbook practice reset`")

    def can_break(self, fault_name: str) -> bool:
        return fault_name in FAULTS

    @property
    def good(self) -> str:
        return GOOD

    def break_(self, fault_name: str) -> str:
        with explained(self._ground):
            return fault(fault_name).bring_about(self._ground)

    def shows(self, fault_name: str) -> str:
        return fault(fault_name).shows(self._ground)

    def ends(self, fault_name: str) -> None:
        if ends := FAULTS[fault_name].ends:
            ends(self._ground)

    def unsteady(self) -> str:
        """Nobody is hindered now: routes, customers' requests over a second, jobs, what ought to run."""
        from runbook_lib.practice.condition import condition

        found = condition(self._ground)
        ill = [f"{name} is {at.health}" for name, at in found.environments.items() if at.health != "healthy"]
        waiting = waiting_jobs(self._ground)
        if waiting > 10:
            ill.append(f"{waiting} jobs wait")
        for site in self._ground.sites:
            ill += [f"no process of {name}" for name, lock in site.processes.items() if server.holder(lock) is None]
        return "; ".join(ill) or self._failing_now()

    def _failing_now(self) -> str:
        before = customers_fail(self._ground)
        time.sleep(1.0)
        after = customers_fail(self._ground)
        return f"requests fail: {after}" if after != before else ""
