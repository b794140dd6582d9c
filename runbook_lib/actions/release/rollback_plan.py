"""The plan of a rollback: every reading that it is made from, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from runbook_lib.actions.release.behind_doors import BehindDoors
from runbook_lib.actions.release.choosing import chosen
from runbook_lib.actions.release.deploy import Deployment
from runbook_lib.actions.release.doors import Doors, are_closed
from runbook_lib.actions.release.schema import Schema, refuse, words
from runbook_lib.actions.release.shimming import Shimming
from runbook_lib.actions.release.taking_back import TakingBack
from runbook_lib.actions.release.taking_back import refuse as refuse_taking_back
from runbook_lib.actions.release.waiting_jobs import SettingAside, WaitingJobs
from runbook_lib.config import Target
from runbook_lib.errors import PlanDriftError, ReleaseRefusedError
from runbook_lib.laravel.steps import warnings as side_effects
from runbook_lib.migrations.shimming import Work
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import Platform, Release
from runbook_lib.run.durations import durations
from runbook_lib.run.plan import Plan, Section, Snapshot, Step
from runbook_lib.run.run import Run
from runbook_lib.run.standing import Standing


@dataclass(frozen=True)
class Decisions:
    """What was decided beforehand, as `Rollback.open` explains it."""

    tag: str = ""
    skip_staging: bool = False
    migrations: str = ""
    migrations_reason: str = ""
    jobs: str = ""


@dataclass
class RollbackPlan:
    """Reads and builds the plan of one run for one environment and its staging."""

    run: Run
    target: Target
    decisions: Decisions

    @cached_property
    def platform(self) -> Platform:
        return platform_of(self.target)

    @cached_property
    def standing(self) -> Standing:
        return Standing.of(self.run.journal, self.target.label)

    @cached_property
    def durations(self) -> dict[str, float]:
        return durations(self.run.journal, self.run.runbook, self.target.label)

    @property
    def targets(self) -> list[Target]:
        """Staging, where there is one, and the environment."""
        return [target for target in (self.target.staging, self.target) if target is not None]

    def waiting_jobs(self, release: Release) -> list[WaitingJobs]:
        """The queued jobs of each environment."""
        return [WaitingJobs(target, platform_of(target), release) for target in self.targets]

    # -- readings -----------------------------------------------------------------------------------------------

    def read(self) -> Snapshot:
        """Every reading; refuses what must not be rolled back to."""
        release = self._chosen()
        deployments = [Deployment(target, release, self.run.id) for target in self.targets]
        return {
            "release": release.facts,
            "schema": {d.target.name: self._schema(d) for d in deployments},
            "live": [live.facts for live in self._live],
            "staging_passed": self._staging_passed(release),
            "closed": [d.target.name for d in deployments if are_closed(self.run.journal, d.target, d.platform)],
            "environments": {d.target.name: d.readings() for d in deployments},
        }

    def _chosen(self) -> Release:
        live = {release.id for release in self._live}
        return chosen(self.decisions.tag, self.platform.releases(), live, self.standing, self.target.label)

    @property
    def _live(self) -> list[Release]:
        """The releases that are live now, each once."""
        return sorted({release.id: release for release in self.platform.current().values()}.values(), key=str)

    def _schema(self, deployment: Deployment) -> Snapshot | None:
        """The schema of an environment, with what the decision needs; refused where nobody has decided."""
        target, decided = deployment.target, self.decisions
        reading = Schema(target, deployment.platform, deployment.release).reading(decided.migrations)
        refuse(target.label, deployment.release, reading, decided.migrations, decided.migrations_reason)
        # Also where nothing is known that could be taken back: then it is refused, not passed over.
        asked = decided.migrations == "down" and reading is not None and reading["verdict"] != "safe"
        if reading is not None and (asked or self._takes_back(reading)):
            refuse_taking_back(target, reading)
        return reading

    def _takes_back(self, reading: Snapshot) -> bool:
        return self.decisions.migrations == "down" and bool(reading["brought"])

    def _staging_passed(self, release: Release) -> bool:
        """Whether staging has a recent recorded PASS of exactly this release."""
        staging = self.target.staging
        if staging is None:
            return False
        standing = Standing.of(self.run.journal, staging.label)
        return standing.passed_within(release.id, self.target.environment.staging_valid)

    # -- what is made of them -----------------------------------------------------------------------------------

    def build(self, snapshot: Snapshot) -> Plan:
        """The plan; a pure function of the readings."""
        release = Release(**snapshot["release"])
        live = [Release(**facts) for facts in snapshot["live"]]
        closed = snapshot["closed"]
        deployments = [Deployment(target, release, self.run.id, target.name in closed) for target in self.targets]
        sections = [self._section(deployment, snapshot) for deployment in deployments]
        before = " and ".join(map(str, live)) or "nothing"
        return Plan(
            f"Roll back {self.target.label} from {before} to {release}",
            (*sections, self._retirement(deployments, snapshot)),
            snapshot,
            (*self._schema_words(snapshot), *self._behind_doors(deployments), *self._warnings(live)),
            self.run.id,
        )

    def _section(self, deployment: Deployment, snapshot: Snapshot) -> Section:
        target, readings = deployment.target, snapshot["environments"][deployment.target.name]
        skipped = "" if target is self.target else self._skip_staging(deployment.release, snapshot)
        section = deployment.section(readings, skipped, self.durations.get(target.name, 0.0))
        if not section.skipped:
            section = self._with_database(deployment, self._with_jobs(deployment, section), snapshot)
        return self._guarded_by_staging(section, deployment.release) if target is self.target else section

    def _with_jobs(self, deployment: Deployment, section: Section) -> Section:
        """The section with queued jobs set aside around the switch, where that was decided."""
        waiting = WaitingJobs(deployment.target, deployment.platform, deployment.release)
        if self.decisions.jobs != "aside" or not waiting.configured:
            return section
        return SettingAside(waiting, deployment.target.name, self.run).around(section)

    def _with_database(self, deployment: Deployment, section: Section, snapshot: Snapshot) -> Section:
        """The section with its migrations taken back or its shims made first, where that was decided."""
        target, reading = deployment.target, snapshot["schema"][deployment.target.name]
        if reading is None:
            return section
        hosts = list(snapshot["environments"][target.name]["hosts"])
        doors = Doors(target, deployment.platform, hosts, target.name, self.run, target.name in snapshot["closed"])
        if self._takes_back(reading):
            return TakingBack(doors, reading).around(section)
        works = [Work.of(facts) for facts in reading.get("shims", [])]
        return Shimming(doors, works, reading["tables"]).around(section) if works else section

    def _skip_staging(self, release: Release, snapshot: Snapshot) -> str:
        """Why staging need not be done, or an empty string."""
        staging = self.target.staging
        readings = snapshot["environments"][staging.name] if staging else {"hosts": {}}
        on_it = all(reading["live"]["id"] == release.id for reading in readings["hosts"].values())
        if not snapshot["staging_passed"]:
            if self.decisions.skip_staging:
                raise ReleaseRefusedError(
                    f"staging has no recent recorded PASS of {release}", next_step="run without -p skip_staging true"
                )
            return ""
        return f"it passed with {release} recently" if on_it or self.decisions.skip_staging else ""

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
        decided = self.decisions
        return [
            words(target.label, snapshot["schema"][target.name], decided.migrations, decided.migrations_reason)
            for target in self.targets
        ]

    def _behind_doors(self, deployments: list[Deployment]) -> list[str]:
        return [BehindDoors(d.target, d.platform, d.release).warning for d in deployments if d.closed]

    def _warnings(self, live: list[Release]) -> list[str]:
        warnings: list[str] = []
        if len(live) > 1:
            warnings.append(f"the replicas differ: {', '.join(map(str, live))} are live at once")
        warnings += side_effects(self.target.environment)
        if self.target.staging is None:
            warnings.append("no staging is configured: production goes first")
        return warnings
