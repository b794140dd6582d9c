"""Verify: show that what is live is healthy, and record it, so that it can be rolled back to one day."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from runbook_lib.actions.observing import observed
from runbook_lib.actions.procedure import begin, target_of
from runbook_lib.actions.release.behind_doors import BehindDoors
from runbook_lib.actions.release.doors import are_closed, undo
from runbook_lib.config import Target
from runbook_lib.display import Table
from runbook_lib.errors import PlanDriftError, PlatformError
from runbook_lib.observation.health import health
from runbook_lib.observation.window import watch
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import Platform, Release
from runbook_lib.run import gate
from runbook_lib.run.plan import Plan, Section, Snapshot, Verdict
from runbook_lib.run.run import Run

RUNBOOK = "verify"


@dataclass
class Verification:
    """The procedure of verify.ipynb, a method for each of its sections. It changes nothing."""

    run: Run
    target: Target
    window: float

    @classmethod
    def open(
        cls, service: str = "", environment: str = "production", window: float = -1.0, incident: str = ""
    ) -> Verification:
        """Begin a verification.

        service: empty when there is only one. environment: where. window: seconds of observation; negative: as
        configured. incident: that it belongs to. Raises ConfigurationError, JournalError.
        """
        target = target_of(service, environment)
        run = begin(RUNBOOK, target, {"window": window}, incident=incident)
        return cls(run, target, target.environment.observation.window if window < 0 else window)

    def live(self) -> Table:
        """What is live on each host or replica."""
        plan = self.run.propose(self._read, self._build)
        self.run.approve(gate.Terms("none", expires=3600, wait=0, word=""))
        rows = list(plan.snapshot["replicas"].items())
        return Table(f"Live in {self.target.label}", ("replica", "release"), rows, plan.warnings)

    def verify(self) -> str:
        """Every replica on one release, /up, /ready, the smoke checks; by the secret path while maintenance mode keeps
        everybody out."""
        return self.run.apply(self.target.name)

    def observe(self) -> Table:
        """Watch for the window; the verdict is recorded."""

        def seen(report: Any) -> Verdict:
            if self._closed:
                return self._doors(self._release).watched(self.window, report)
            return watch(self.target.environment, self._platform, self._release, self.window, report)

        verdict = self.run.observe(self.target.name, self.window, seen)
        return observed(self.target.environment, str(self._release), verdict)

    def close(self) -> str:
        """End the run; the summary."""
        if self._closed:
            self.run.suggest(f"end maintenance mode with {undo(self.target)}")
        return self.run.close()

    @cached_property
    def _platform(self) -> Platform:
        return platform_of(self.target)

    @property
    def _release(self) -> Release:
        plan = self.run.plan
        return Release(**plan.snapshot["release"]) if plan else Release("", "")

    @property
    def _closed(self) -> bool:
        """Whether maintenance mode was in force when it was looked what is live."""
        return self.run.plan is not None and bool(self.run.plan.snapshot["closed"])

    def _doors(self, release: Release) -> BehindDoors:
        return BehindDoors(self.target, self._platform, release)

    def _read(self) -> Snapshot:
        current = self._platform.current()
        live = {release.id: release for release in current.values()}
        if len(live) != 1:
            raise PlatformError(
                f"{self.target.label} runs {len(live)} releases at once: {', '.join(map(str, live.values()))}",
                next_step="make one of them live everywhere, with rollback.ipynb",
            )
        return {
            "release": next(iter(live.values())).facts,
            "replicas": {host: str(release) for host, release in current.items()},
            "closed": are_closed(self.run.journal, self.target, self._platform),
        }

    def _build(self, snapshot: Snapshot) -> Plan:
        release = Release(**snapshot["release"])
        doors = self._doors(release) if snapshot["closed"] else None
        section = Section(
            self.target.name,
            self.target.label,
            f"verify {release} in {self.target.label}",
            ready=lambda begun: self._refuse_drift(release),
            verify=lambda: doors.verdict() if doors else health(self.target.environment, self._platform, release),
            release=release.facts,
            observed=True,
            otherwise=f"look for the cause: {self.target.command('triage')}",
        )
        warnings = (doors.warning,) if doors else ()
        return Plan(f"Verify {release} in {self.target.label}", (section,), snapshot, warnings)

    def _refuse_drift(self, release: Release) -> None:
        """A verdict must not be recorded for a release that is no longer live."""
        strangers = [str(live) for live in self._platform.current().values() if live.id != release.id]
        if strangers:
            raise PlanDriftError(
                f"{self.target.label} now runs {', '.join(strangers)}", next_step="run the same command again"
            )
