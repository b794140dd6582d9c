"""Roll back: put a release live that is known to be good, staging first, and prove that it is healthy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from runbook_lib.actions.choosing import chosen
from runbook_lib.actions.deploy import Deployment
from runbook_lib.actions.observing import observed
from runbook_lib.actions.procedure import Procedure, begin, target_of
from runbook_lib.actions.schema import Schema, refuse, table, words
from runbook_lib.actions.showing import planned
from runbook_lib.actions.taking_back import TakingBack
from runbook_lib.actions.taking_back import refuse as refuse_taking_back
from runbook_lib.command import printable
from runbook_lib.config import Target
from runbook_lib.display import Table
from runbook_lib.errors import ParameterError, PlanDriftError, ReleaseRefusedError
from runbook_lib.laravel.steps import warnings as side_effects
from runbook_lib.observation.window import watch
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import Platform, Release
from runbook_lib.probes.metrics import Traffic, traffic
from runbook_lib.run.durations import durations
from runbook_lib.run.plan import Plan, Section, Snapshot, Step, Verdict
from runbook_lib.run.standing import Standing

RUNBOOK = "rollback"
SHOWN = 10


@dataclass
class Rollback(Procedure):
    """The procedure of rollback.ipynb, a method for each of its sections."""

    tag: str
    reason: str
    window: float
    skip_staging: bool
    migrations: str
    migrations_reason: str
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
        approve: str = "",
        incident: str = "",
        dry_run: bool = False,
    ) -> Rollback:
        """Begin a rollback, or continue the unfinished one of the same command.

        tag: release to put live; empty: the last known good one. service: empty when there is only one.
        environment: where. reason: for the record. window: seconds of observation; negative: as configured.
        skip_staging: rely on a recent recorded PASS of staging. migrations: what to do with a schema that was not
        assessed as safe: "ahead" leaves it, "down" takes its migrations back; migrations_reason: why, in writing.
        approve: digest of a plan approved beforehand. incident: that it belongs to. dry_run: plan only.
        Raises ParameterError, ConfigurationError, LockHeldError, JournalError.
        """
        if migrations not in ("", "ahead", "down"):
            raise ParameterError(
                f"{printable(migrations, 40)!r} is no decision about migrations", next_step="it is ahead or down"
            )
        target = target_of(service, environment)
        parameters = {
            "tag": tag,
            "reason": reason,
            "window": window,
            "skip_staging": skip_staging,
            "migrations": migrations,
            "migrations_reason": migrations_reason,
        }
        run = begin(RUNBOOK, target, parameters, same=("tag",), incident=incident, dry_run=dry_run)
        seconds = target.environment.observation.window if window < 0 else window
        return cls(run, target, approve, tag, reason, seconds, skip_staging, migrations, migrations_reason)

    # -- find the releases --------------------------------------------------------------------------------------

    def releases(self) -> Table:
        """What there is, what is live, what is known to be good or bad, and what is proposed."""
        with self.run.guarded():
            live = {release.id for release in self._platform.current().values()}
            proposed = self._standing.last_known_good(self._platform.releases(), live)
            rows = [
                (release.tag, release.short_id, release.created[:16].replace("T", " "), release.title, *words)
                for release in self._platform.releases()[:SHOWN]
                for words in [self._words(release, live)]
            ]
        note = f"last known good: {proposed}" if proposed else "no other release has a recorded passing verification"
        return Table(f"Releases of {self.target.label}", ("tag", "id", "created", "title", "standing"), rows, (note,))

    def _words(self, release: Release, live: set[str]) -> tuple[str]:
        word = "live" if release.id in live else ""
        standing = self._standing.word(release.id)
        return (", ".join(filter(None, (word, standing))),)

    @cached_property
    def _platform(self) -> Platform:
        return platform_of(self.target)

    @cached_property
    def _standing(self) -> Standing:
        return Standing.of(self.run.journal, self.target.label)

    # -- plan ---------------------------------------------------------------------------------------------------

    def plan(self) -> Table:
        """Take every reading, make the plan, write it down and show it. Refuses what must not be rolled back to."""
        self._before = traffic(self.target.environment, timeout=1.0)
        plan = self._propose()
        takes = [f"{name} about {seconds:.0f} s" for name, seconds in self._durations.items() if seconds >= 1]
        return planned(plan, expected=", ".join([*takes, f"observation {self.window:g} s"]))

    def _read(self) -> Snapshot:
        release = self._chosen()
        deployments = [self._deployment(target, release) for target in self._targets]
        schemas = {d.target.name: Schema(d.target, d.platform, release).reading() for d in deployments}
        for deployment in deployments:
            reading = schemas[deployment.target.name]
            refuse(deployment.target.label, release, reading, self.migrations, self.migrations_reason)
            if reading is not None and self._is_to_take_back(reading):
                refuse_taking_back(deployment.target, reading)
        return {
            "release": release.facts,
            "schema": schemas,
            "live": [live.facts for live in self._live],
            "staging_passed": self._staging_passed(release),
            "environments": {d.target.name: d.readings() for d in deployments},
        }

    def _chosen(self) -> Release:
        live = {release.id for release in self._live}
        return chosen(self.tag, self._platform.releases(), live, self._standing, self.target.label)

    @property
    def _live(self) -> list[Release]:
        """The releases that are live now, each once."""
        return sorted({release.id: release for release in self._platform.current().values()}.values(), key=str)

    @property
    def _targets(self) -> list[Target]:
        return [target for target in (self.target.staging, self.target) if target is not None]

    def _deployment(self, target: Target, release: Release) -> Deployment:
        return Deployment(target, release, self.run.id)

    def _staging_passed(self, release: Release) -> bool:
        """Whether staging has a recent recorded PASS of exactly this release."""
        staging = self.target.staging
        if staging is None:
            return False
        standing = Standing.of(self.run.journal, staging.label)
        return standing.passed_within(release.id, self.target.environment.staging_valid)

    def _build(self, snapshot: Snapshot) -> Plan:
        release = Release(**snapshot["release"])
        live = [Release(**facts) for facts in snapshot["live"]]
        deployments = [self._deployment(target, release) for target in self._targets]
        sections = [self._section(deployment, snapshot) for deployment in deployments]
        before = " and ".join(map(str, live)) or "nothing"
        return Plan(
            f"Roll back {self.target.label} from {before} to {release}",
            (*sections, self._retirement(deployments, snapshot)),
            snapshot,
            (*self._schema_words(snapshot), *self._warnings(live)),
            self.run.id,
        )

    def _section(self, deployment: Deployment, snapshot: Snapshot) -> Section:
        target, readings = deployment.target, snapshot["environments"][deployment.target.name]
        seconds = self._durations.get(target.name, 0.0)
        if target is self.target:
            section = self._with_database(deployment, deployment.section(readings, seconds=seconds), snapshot)
            return self._guarded_by_staging(section, deployment.release)
        skipped = self._skip_staging(deployment.release, snapshot)
        return self._with_database(deployment, deployment.section(readings, skipped, seconds), snapshot)

    def _with_database(self, deployment: Deployment, section: Section, snapshot: Snapshot) -> Section:
        """The section with its migrations taken back first, where that was decided."""
        target, reading = deployment.target, snapshot["schema"][deployment.target.name]
        laravel = target.environment.laravel
        if laravel is None or section.skipped or not self._takes_back(reading):
            return section
        hosts = list(snapshot["environments"][target.name]["hosts"])
        back = TakingBack(laravel, deployment.platform, reading["brought"], hosts, target.name, self.run.id, target)
        return back.around(section)

    def _is_to_take_back(self, reading: Snapshot) -> bool:
        """Also where nothing is known that could be taken back: then it is refused, not passed over."""
        return self._takes_back(reading) or (self.migrations == "down" and reading["verdict"] != "safe")

    def _takes_back(self, reading: Snapshot | None) -> bool:
        return self.migrations == "down" and reading is not None and bool(reading["brought"])

    @cached_property
    def _durations(self) -> dict[str, float]:
        return durations(self.run.journal, RUNBOOK, self.target.label)

    def _skip_staging(self, release: Release, snapshot: Snapshot) -> str:
        """Why staging need not be done, or an empty string."""
        staging = self.target.staging
        readings = snapshot["environments"][staging.name] if staging else {"hosts": {}}
        on_it = all(reading["live"]["id"] == release.id for reading in readings["hosts"].values())
        if not snapshot["staging_passed"]:
            if self.skip_staging:
                raise ReleaseRefusedError(
                    f"staging has no recent recorded PASS of {release}", next_step="run without -p skip_staging true"
                )
            return ""
        return f"it passed with {release} recently" if on_it or self.skip_staging else ""

    def _guarded_by_staging(self, section: Section, release: Release) -> Section:
        """The section with one more condition before it begins: staging's recorded PASS of the same release."""

        def ready(begun: bool) -> None:
            if not begun and self.target.staging is not None and not self._staging_passed(release):
                raise PlanDriftError(
                    f"staging has no recent recorded PASS of {release}", next_step="run the section of staging first"
                )
            section.ready(begun)

        return replace(section, ready=ready, observed=True)

    def _retirement(self, deployments: list[Deployment], snapshot: Snapshot) -> Section:
        """What is cleared away once the release has been observed to be good."""
        steps: list[Step] = []
        for deployment in deployments:
            readings = snapshot["environments"][deployment.target.name]
            steps += deployment.platform.retire(readings, f"afterwards.{deployment.target.name}", self.run.id)
        skipped = "" if steps else "nothing was kept that needs clearing away"
        return Section("afterwards", self.target.label, "clear away what was kept", tuple(steps), skipped=skipped)

    def _schema_words(self, snapshot: Snapshot) -> list[str]:
        return [
            words(target.label, snapshot["schema"][target.name], self.migrations, self.migrations_reason)
            for target in self._targets
        ]

    def _warnings(self, live: list[Release]) -> list[str]:
        warnings: list[str] = []
        if len(live) > 1:
            warnings.append(f"the replicas differ: {', '.join(map(str, live))} are live at once")
        if self.target.environment.laravel is not None:
            warnings += side_effects(self.target.environment.laravel)
        if self.target.staging is None:
            warnings.append("no staging is configured: production goes first")
        return warnings

    def schema(self) -> Table:
        """What the releases since the target did to the database, and whether the target can live with it."""
        plan = self.run.plan
        return table(plan.snapshot["schema"] if plan else {})

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
            return watch(self.target.environment, self._platform, release, self.window, report)

        verdict = self.run.observe(self.target.name, self.window, seen)
        return observed(self.target.environment, str(release), verdict, self._before)

    # -- close --------------------------------------------------------------------------------------------------

    def close(self) -> str:
        """Mark what was rolled away from as bad, clear away, name what to run next, end the run."""
        if not self.run.dry_run and self.run.plan is not None:
            self.run.apply("afterwards")
            if self.run.proven(self.target.name):
                self._mark_bad(self.run.plan.snapshot)
        self.run.suggest(self._for_real if self.run.dry_run else "tell the stakeholders, then write the review")
        return self.run.close()

    @property
    def _for_real(self) -> str:
        """The command that carries out what a dry run planned, approved where that is asked for."""
        words = ["papermill rollback.ipynb -p tag", self._planned_release().tag]
        if self.target.name != "production":
            words += ["-p environment", self.target.name]
        if self.target.environment.approval.policy == "confirm" and self.run.plan is not None:
            words += ["-p approve", self.run.plan.digest[:16]]
        return " ".join(words)

    def _mark_bad(self, snapshot: Snapshot) -> None:
        standing = Standing.of(self.run.journal, self.target.label)
        for facts in snapshot["live"]:
            if facts["id"] not in standing.bad and facts["id"] != snapshot["release"]["id"]:
                reason = self.reason or f"rolled away from by run {self.run.id}"
                self.run.record("marked", release=facts, mark="bad", reason=reason, environment=self.target.label)

    def _planned_release(self) -> Release:
        plan = self.run.plan
        return Release(**plan.snapshot["release"]) if plan else Release(self.tag, "")
