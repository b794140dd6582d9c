"""Roll back: put a release live that is known to be good, staging first, and prove that it is healthy."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from runbook_lib.actions.observing import observed
from runbook_lib.actions.procedure import Procedure, begin, target_of
from runbook_lib.actions.release.behind_doors import BehindDoors
from runbook_lib.actions.release.doors import undo
from runbook_lib.actions.release.rollback_plan import Decisions, RollbackPlan
from runbook_lib.actions.release.schema import table
from runbook_lib.actions.release.waiting_jobs import looked_at
from runbook_lib.actions.showing import planned
from runbook_lib.command import printable
from runbook_lib.display import Table
from runbook_lib.errors import ParameterError
from runbook_lib.observation.window import watch
from runbook_lib.platforms.base import Release
from runbook_lib.probes.metrics import Traffic, traffic
from runbook_lib.run.plan import Plan, Snapshot, Verdict
from runbook_lib.run.standing import Standing

RUNBOOK = "rollback"
SHOWN = 10


@dataclass
class Rollback(Procedure):
    """The procedure of rollback.ipynb, a method for each of its sections."""

    decisions: Decisions
    reason: str
    window: float
    _before: Traffic | None = field(default=None, repr=False)

    @classmethod
    def open(
        cls,
        tag: str = "",
        service: str = "",
        environment: str = "production",
        reason: str = "",
        window: float = -1.0,
        skip_staging: bool = False,
        migrations: str = "",
        migrations_reason: str = "",
        jobs: str = "",
        approve: str = "",
        incident: str = "",
        dry_run: bool = False,
    ) -> Rollback:
        """Begin a rollback, or continue the unfinished one of the same command.

        tag: release to put live; empty: the last known good one. service: empty when there is only one.
        environment: where. reason: for the record. window: seconds of observation; negative: as configured.
        skip_staging: rely on a recent recorded PASS of staging. migrations: what to do with a schema that was not
        assessed as safe: "ahead" leaves it, "shim" adds what older code needs, "down" takes its migrations back;
        migrations_reason: why, in writing. jobs: what to do with queued jobs that the release cannot run: "aside" keeps
        them away from the workers, "leave" or nothing leaves them.
        approve: digest of a plan approved beforehand. incident: that it belongs to. dry_run: plan only.
        Raises ParameterError, ConfigurationError, LockHeldError, JournalError.
        """
        if migrations not in ("", "ahead", "shim", "down"):
            raise ParameterError(
                f"{printable(migrations, 40)!r} is no decision about migrations", next_step="it is ahead, shim or down"
            )
        if jobs not in ("", "leave", "aside"):
            raise ParameterError(
                f"{printable(jobs, 40)!r} is no decision about queued jobs", next_step="it is leave or aside"
            )
        target = target_of(service, environment)
        parameters = {
            "tag": tag,
            "reason": reason,
            "window": window,
            "skip_staging": skip_staging,
            "migrations": migrations,
            "migrations_reason": migrations_reason,
            "jobs": jobs,
        }
        run = begin(RUNBOOK, target, parameters, same=("tag",), incident=incident, dry_run=dry_run)
        seconds = target.environment.observation.window if window < 0 else window
        decisions = Decisions(tag, skip_staging, migrations, migrations_reason, jobs)
        return cls(run, target, approve, decisions, reason, seconds)

    @cached_property
    def _plan(self) -> RollbackPlan:
        return RollbackPlan(self.run, self.target, self.decisions)

    def _read(self) -> Snapshot:
        return self._plan.read()

    def _build(self, snapshot: Snapshot) -> Plan:
        return self._plan.build(snapshot)

    # -- find the releases --------------------------------------------------------------------------------------

    def releases(self) -> Table:
        """What there is, what is live, what is known to be good or bad, and what is proposed."""
        with self.run.guarded():
            live = {release.id for release in self._plan.platform.current().values()}
            proposed = self._plan.standing.last_known_good(self._plan.platform.releases(), live)
            rows = [
                (release.tag, release.short_id, release.created[:16].replace("T", " "), release.title, *words)
                for release in self._plan.platform.releases()[:SHOWN]
                for words in [self._words(release, live)]
            ]
        note = f"last known good: {proposed}" if proposed else "no other release has a recorded passing verification"
        return Table(f"Releases of {self.target.label}", ("tag", "id", "created", "title", "standing"), rows, (note,))

    def _words(self, release: Release, live: set[str]) -> tuple[str]:
        word = "live" if release.id in live else ""
        standing = self._plan.standing.word(release.id)
        return (", ".join(filter(None, (word, standing))),)

    # -- plan ---------------------------------------------------------------------------------------------------

    def plan(self) -> Table:
        """Take every reading, make the plan, write it down and show it. Refuses what must not be rolled back to."""
        self._before = traffic(self.target.environment, timeout=1.0)
        plan = self._propose()
        takes = [f"{name} about {seconds:.0f} s" for name, seconds in self._plan.durations.items() if seconds >= 1]
        return planned(plan, expected=", ".join([*takes, f"observation {self.window:g} s"]))

    def schema(self) -> Table:
        """What the releases since the target did to the database, and whether the target can live with it."""
        plan = self.run.plan
        return table(plan.snapshot["schema"] if plan else {})

    def jobs(self) -> Table:
        """The queued jobs that the target cannot run, counted by class; what becomes of them as decided."""
        with self.run.guarded():
            return looked_at(self._plan.waiting_jobs(self._planned_release()), self.run, self.decisions.jobs)

    # -- gate, apply, observe -----------------------------------------------------------------------------------

    @property
    def word(self) -> str:
        return self._planned_release().tag

    def stage(self) -> str:
        """Staging first: switch, verify, smoke tests."""
        if self.target.staging is None:
            return "no staging is configured"
        return self.run.apply(self.target.staging.name)

    def switch(self) -> str:
        """The environment itself: switch and verify."""
        return self.run.apply(self.target.name)

    def observe(self) -> Table:
        """Watch the release for the window; on FAIL, what served before is put back."""
        release = self._planned_release()

        def seen(report: Any) -> Verdict:
            if self._closed:
                return BehindDoors(self.target, self._plan.platform, release).watched(self.window, report)
            return watch(self.target.environment, self._plan.platform, release, self.window, report)

        verdict = self.run.observe(self.target.name, self.window, seen)
        return observed(self.target.environment, str(release), verdict, self._before)

    # -- close --------------------------------------------------------------------------------------------------

    def close(self) -> str:
        """Mark what was rolled away from as bad, clear away, name what to run next, end the run."""
        if not self.run.dry_run and self.run.plan is not None:
            self.run.apply("afterwards")
            if self.run.proven(self.target.name):
                self._mark_bad(self.run.plan.snapshot)
        told = "tell the stakeholders with communicate.ipynb, then write review.ipynb"
        told = f"end maintenance mode with {undo(self.target)}; {told}" if self._closed else told
        self.run.suggest(self._for_real if self.run.dry_run else told)
        return self.run.close()

    @property
    def _closed(self) -> bool:
        """Whether maintenance mode was in force when the plan was made."""
        return self.run.plan is not None and self.target.name in self.run.plan.snapshot["closed"]

    @property
    def _for_real(self) -> str:
        """The command that carries out what a dry run planned, with what was decided for it."""
        decided = {**asdict(self.decisions), "tag": self._planned_release().tag, "reason": self.reason}
        return self._to_approve(RUNBOOK, **decided)

    def _mark_bad(self, snapshot: Snapshot) -> None:
        standing = Standing.of(self.run.journal, self.target.label)
        for facts in snapshot["live"]:
            if facts["id"] not in standing.bad and facts["id"] != snapshot["release"]["id"]:
                reason = self.reason or f"rolled away from by run {self.run.id}"
                self.run.record("marked", release=facts, mark="bad", reason=reason, environment=self.target.label)

    def _planned_release(self) -> Release:
        plan = self.run.plan
        return Release(**plan.snapshot["release"]) if plan else Release(self.decisions.tag, "")
