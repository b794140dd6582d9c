"""The database part of a rollback alone: what a release did to the schema is left, shimmed or taken back, and shims
that were made are taken back, while the code stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from runbook_lib.actions.procedure import Procedure, begin, target_of
from runbook_lib.actions.release.doors import Doors, are_closed, undo
from runbook_lib.actions.release.schema import Schema, refuse, table, words
from runbook_lib.actions.release.shimming import Shimming, blocking, database_of, shims_in_force
from runbook_lib.actions.release.taking_back import TakingBack
from runbook_lib.actions.release.taking_back import refuse as refuse_taking_back
from runbook_lib.command import printable
from runbook_lib.config import Target
from runbook_lib.display import Table
from runbook_lib.errors import ConfigurationError, ParameterError, PlanDriftError, PlatformError, StepFailedError
from runbook_lib.migrations.shimming import Work
from runbook_lib.observation.health import health
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import Platform, Release, find_release
from runbook_lib.run.plan import Plan, Section, Snapshot, Verdict

RUNBOOK = "rollback_migrations"
DECISIONS = ("", "ahead", "shim", "down")


@dataclass
class RollbackMigrations(Procedure):
    """The procedure of rollback_migrations.ipynb, a method for each of its sections."""

    tag: str
    decision: str
    reason: str
    undoing: bool
    _platforms: dict[str, Platform] = field(default_factory=dict, repr=False)

    @classmethod
    def open(
        cls,
        tag: str = "",
        service: str = "",
        environment: str = "production",
        migrations: str = "",
        migrations_reason: str = "",
        shims: str = "",
        approve: str = "",
        incident: str = "",
        dry_run: bool = False,
    ) -> RollbackMigrations:
        """Begin, or continue the unfinished run of the same command.

        tag: release that the schema is to suit; empty: the one that is live. service: empty when there is only one.
        environment: where; its staging goes first. migrations: "ahead", "shim" or "down"; migrations_reason: why, in
        writing. shims: "undo" takes back those that are in force, and nothing else is done. approve: digest of a plan
        approved beforehand. incident: that it belongs to. dry_run: plan only.
        Raises ParameterError, ConfigurationError where no table laravel is configured, LockHeldError, JournalError.
        """
        if migrations not in DECISIONS or shims not in ("", "undo") or (shims and migrations):
            raise ParameterError(
                f"migrations = {printable(migrations, 40)!r} with shims = {printable(shims, 40)!r} is no decision",
                next_step="migrations is ahead, shim or down; shims is undo, and goes alone",
            )
        target = target_of(service, environment)
        if target.environment.laravel is None:
            raise ConfigurationError(
                f"{target.label} has no table laravel", next_step="add it to runbooks.toml; the example shows its keys"
            )
        parameters = {"tag": tag, "migrations": migrations, "migrations_reason": migrations_reason, "shims": shims}
        same = ("tag", "migrations", "shims")
        run = begin(RUNBOOK, target, parameters, same=same, incident=incident, dry_run=dry_run)
        return cls(run, target, approve, tag, migrations, migrations_reason, shims == "undo")

    # -- plan ---------------------------------------------------------------------------------------------------

    @cached_property
    def _targets(self) -> list[Target]:
        """Staging, where there is one, and the environment."""
        return [target for target in (self.target.staging, self.target) if target is not None]

    def _platform(self, target: Target) -> Platform:
        return self._platforms.setdefault(target.name, platform_of(target))

    def _read(self) -> Snapshot:
        return {"environments": {target.name: self._reading(target) for target in self._targets}}

    def _reading(self, target: Target) -> Snapshot:
        live = {host: release.facts for host, release in self._platform(target).current().items()}
        if len({facts["id"] for facts in live.values()}) != 1:
            raise PlatformError(
                f"{target.label} runs several releases at once", next_step="make one of them live everywhere first"
            )
        closed = are_closed(self.run.journal, target, self._platform(target))
        schema = self._shims(target, next(iter(live))) if self.undoing else self._schema(target)
        return {"hosts": live, "closed": closed, "schema": schema}

    def _schema(self, target: Target) -> Snapshot | None:
        """The schema against the release that it is to suit; refused where nobody has decided."""
        release = self._release(target)
        reading = Schema(target, self._platform(target), release).reading(self.decision)
        refuse(target.label, release, reading, self.decision, self.reason)
        if reading is not None and self.decision == "down" and reading["verdict"] != "safe":
            refuse_taking_back(target, reading)
        return reading

    def _release(self, target: Target) -> Release:
        platform = self._platform(target)
        return find_release(platform.releases(), self.tag) if self.tag else next(iter(platform.current().values()))

    def _shims(self, target: Target, host: str) -> Snapshot:
        """The shims that are in force; refused while rows keep one from being taken back."""
        database = database_of(target, self._platform(target), host)
        works = [Work.of(item.about) for item in shims_in_force(self.run, target)]
        blocked = [f"{work.title}: {why}" for work in works if (why := blocking(database, work))]
        if blocked:
            raise PlatformError(
                f"shims of {target.label} cannot be taken back: {'; '.join(blocked)}",
                next_step="fill or correct those rows first, then run the same command again",
            )
        return {"shims": [work.facts for work in works], "tables": database.tables().described() if works else {}}

    def _build(self, snapshot: Snapshot) -> Plan:
        sections = tuple(self._section(target, snapshot["environments"][target.name]) for target in self._targets)
        what = "Take shims back in" if self.undoing else "Database part of a rollback of"
        warnings = [] if self.undoing else [*self._words(snapshot), *self._closed_until(snapshot)]
        return Plan(f"{what} {self.target.label}", sections, snapshot, tuple(warnings), self.run.id)

    def _words(self, snapshot: Snapshot) -> list[str]:
        readings = snapshot["environments"]
        return [words(t.label, readings[t.name]["schema"], self.decision, self.reason) for t in self._targets]

    def _closed_until(self, snapshot: Snapshot) -> list[str]:
        until = "maintenance mode stays on until code that suits the schema is live and somebody ends it"
        return [f"{target.label}: {until}" for target in self._taken_back(snapshot)]

    def _taken_back(self, snapshot: Snapshot) -> list[Target]:
        readings = snapshot["environments"]
        return [target for target in self._targets if self._takes_back(readings[target.name]["schema"] or {})]

    def _section(self, target: Target, reading: Snapshot) -> Section:
        live = Release(**next(iter(reading["hosts"].values())))
        schema = reading["schema"] or {}
        section = Section(
            target.name,
            target.label,
            f"the database of {target.label}",
            ready=lambda begun: self._refuse_drift(target, reading, begun),
            verify=lambda: self._health(target, live, closed=reading["closed"] or self._takes_back(schema)),
            verified_back=lambda: self._serves(target, live),
        )
        hosts: Sequence[str] = list(reading["hosts"])
        doors = Doors(target, self._platform(target), hosts, target.name, self.run, reading["closed"])
        works = [Work.of(facts) for facts in schema.get("shims", [])]
        if works:
            shimming = Shimming(doors, works, schema["tables"])
            return shimming.taken_back(section) if self.undoing else shimming.around(section)
        if self._takes_back(schema):
            return TakingBack(doors, schema, alone=True).around(section)
        why = "no shim is in force" if self.undoing else "the schema is left as it is"
        return Section(target.name, target.label, section.title, skipped=why)

    def _takes_back(self, schema: Snapshot) -> bool:
        return self.decision == "down" and bool(schema.get("brought"))

    def _refuse_drift(self, target: Target, reading: Snapshot, begun: bool) -> None:
        if not begun and self._reading(target) != reading:
            raise PlanDriftError(
                f"{target.label} is not as the plan saw it", next_step="run the same command again for a new plan"
            )

    def _health(self, target: Target, live: Release, *, closed: bool) -> Verdict:
        """How the release fares; behind closed doors nobody is served, and the schema alone is what was looked at."""
        if closed:
            return Verdict("PASS", ("maintenance mode is on: the schema was looked at, the code was not asked",))
        return health(target.environment, self._platform(target), live)

    def _serves(self, target: Target, live: Release) -> str:
        """After going back: that the release that is live serves."""
        verdict = self._health(target, live, closed=are_closed(self.run.journal, target, self._platform(target)))
        if not verdict.passed:
            raise StepFailedError(
                f"{target.label} is not healthy: {'; '.join(verdict.reasons)}", next_step="put it right by hand"
            )
        return f"the database is as before, and {live} serves"

    # -- the notebook's sections --------------------------------------------------------------------------------

    def schema(self) -> Table:
        """What the database has that the release lacks, and what it means for it; or the shims in force."""
        environments = self.run.plan.snapshot["environments"] if self.run.plan else {}
        readings = {name: reading["schema"] for name, reading in environments.items()}
        if not self.undoing:
            return table(readings)
        rows = [(name, shim["title"], "; ".join(shim["undo"])) for name, r in readings.items() for shim in r["shims"]]
        return Table("Shims in force", ("environment", "shim", "undo"), rows)

    def stage(self) -> str:
        """Staging first: carry out, verify."""
        if self.target.staging is None:
            return "no staging is configured"
        return self.run.apply(self.target.staging.name)

    def carry_out(self) -> str:
        """The environment itself: carry out, verify."""
        return self.run.apply(self.target.name)

    def close(self) -> str:
        """End the run; name what to run next."""
        self.run.suggest(self._next)
        return self.run.close()

    @property
    def _next(self) -> str:
        if self.run.dry_run:
            decided = {"tag": self.tag, "migrations": self.decision, "migrations_reason": self.reason}
            return self._to_approve(RUNBOOK, **decided, shims="undo" if self.undoing else "")
        verify = self.target.command("verify")
        if self.undoing or not self.decision:
            return verify
        closed = self._taken_back(self.run.plan.snapshot) if self.run.plan else []
        if not closed:
            return f"{self.target.command('rollback', tag=self.tag)} for the code, or {verify}"
        # Where a migration is no transaction, a file without a row might as well be one that ended halfway.
        known = {"migrations": "ahead", "migrations_reason": f"run {self.run.id} took them back"}
        return ", then ".join([self.target.command("rollback", tag=self.tag, **known), *map(undo, closed)])
