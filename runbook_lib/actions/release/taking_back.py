"""Taking migrations back: writes stopped, backup taken and checked, exactly the planned set undone by the release that
brought it, the schema compared, and the way forward again when something does not work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count

from runbook_lib.actions.data.backing_up import before_migrations
from runbook_lib.actions.release.doors import Doors
from runbook_lib.command import Command, quantity
from runbook_lib.config import Laravel, Target
from runbook_lib.errors import PlatformError, StepFailedError
from runbook_lib.laravel.artisan import Artisan, rollback_problem, rolled_back
from runbook_lib.laravel.database import ApplicationDatabase
from runbook_lib.laravel.steps import artisan, on_host
from runbook_lib.migrations.expecting import Expected, compared
from runbook_lib.platforms.base import Platform
from runbook_lib.platforms.command_step import Bench, in_short
from runbook_lib.run.plan import Section, Snapshot, Step

# PostgreSQL's client library reads it: a migration that waits for a lock gives up instead of blocking everybody.
LOCK_TIMEOUT = {"PGOPTIONS": "-c lock_timeout=10s"}


@dataclass(frozen=True)
class TakingBack:
    """The migrations of one environment that the target release lacks, taken back before its code.

    doors: of the environment, for this section; reading: of its schema, made for this decision. The first host runs
    the database's commands. alone: the code is switched by somebody else afterwards; until then the doors stay closed,
    since what is live was written for what is gone.
    """

    doors: Doors
    reading: Snapshot
    alone: bool = False

    def around(self, section: Section) -> Section:
        """The section with the database's steps around it."""
        down = self._down()
        before = (*self.doors.closed(), *self._backup(), down, self._compare())
        after = () if self.alone else self.doors.opened()
        forward = replace(self._migrate(), undoes=down.id)
        return replace(
            section,
            title=f"{section.title}, taking back {quantity(len(self._names), 'migration')}",
            steps=(*before, *section.steps, *after),
            back=(
                *section.back,
                forward,
                replace(self._compare_back(), undoes=down.id),
                *self.doors.opened("back.open"),
            ),
        )

    @property
    def _names(self) -> Sequence[str]:
        """In the order in which they ran."""
        return list(self.reading["brought"])

    @property
    def _laravel(self) -> Laravel:
        laravel = self.doors.target.environment.laravel
        assert laravel is not None  # noqa: S101 - a schema was read
        return laravel

    @property
    def _platform(self) -> Platform:
        return self.doors.platform

    @property
    def _host(self) -> str:
        return self.doors.hosts[0]

    @property
    def _prefix(self) -> str:
        return f"{self.doors.section}.{self._host}"

    @cached_property
    def _database(self) -> ApplicationDatabase:
        return ApplicationDatabase(self._laravel, self._platform, self._host)

    @property
    def _artisan(self) -> Artisan:
        return artisan(self._laravel)

    def _backup(self) -> Iterator[Step]:
        backup = self._laravel.backup
        if backup is None:
            yield from before_migrations(self.doors.target, self.doors.section, self.doors.run.id)
            return
        for name, argv in (("backup", backup.run), ("backup-check", backup.check)):
            if argv:
                bench, command = self._inside(Command.of(*argv, cwd=".", timeout=backup.timeout))
                title = f"{name}: {in_short(argv)}"
                yield bench.step(name, title, command, repeatable=True, no_undo="a backup does no harm")

    # -- undoing them -------------------------------------------------------------------------------------------------

    def _down(self) -> Step:
        identity = f"{self._prefix}.migrate-rollback"
        return Step(
            identity,
            f"take back {quantity(len(self._names), 'migration')}, newest first",
            lambda: self._take_back(identity),
            lambda: not self._left(),
            self._host,
            shows=(str(self._command(len(self._names))), *(f"undoes {name}" for name in reversed(self._names))),
            # Each time the set that is left is read first, and nothing but that is undone.
            repeatable=True,
            risk="tables are locked; what only the newer schema holds is in the backup alone",
        )

    def _command(self, number: int) -> Command:
        patient = self._laravel.kind == "mysql"
        return replace(self._artisan.migrate_rollback(step=number, patient=patient), env=LOCK_TIMEOUT)

    def _take_back(self, identity: str) -> str:
        connector, _ = self._platform.live(self._command(1), self._host)
        mark = next(mark for mark in self._marks(identity) if connector.outcome(mark) is None)
        applied = self._database.applied()
        left = self._left(applied)
        if not left:
            return "they were taken back before"
        if applied[len(applied) - len(left) :] != left:
            raise StepFailedError(
                f"the newest migrations are {', '.join(applied[-len(left) :])}, not {', '.join(left)}",
                next_step="somebody migrated meanwhile: make a new plan",
            )
        connector, inside = self._platform.live(self._command(len(left)), self._host)
        result = connector.change(inside, mark, repeatable=True)
        # Under a mark that a killed run had begun, it is the end of that one's command, which was to undo more.
        undone = rolled_back(result)
        problem = rollback_problem(result, [name for name in self._names if name in left or name in undone])
        if problem or self._left():
            raise StepFailedError(
                f"migrations were not taken back as planned: {problem or ', '.join(self._left())}",
                next_step="mend the cause; what served before is put back",
            )
        return f"{quantity(len(left), 'migration')} taken back"

    def _marks(self, identity: str) -> Iterator[str]:
        """One for each attempt. What still runs under one is waited for: two at once would undo more than planned."""
        yield f"{self.doors.run.id}/{identity}"
        for attempt in count(1):
            yield f"{self.doors.run.id}/{identity}.again-{attempt}"

    def _left(self, applied: Sequence[str] | None = None) -> list[str]:
        applied = self._database.applied() if applied is None else applied
        return [name for name in self._names if name in applied]

    # -- looking at what came of it -----------------------------------------------------------------------------------

    def _compare(self) -> Step:
        return Step(
            f"{self._prefix}.compare",
            "compare the schema with what the assessment said",
            self._compared,
            lambda: None,
            self._host,
            repeatable=True,
            no_undo="it only looks",
        )

    def _compared(self) -> str:
        expected = [Expected.of(operation) for operation in self.reading["operations"]]
        found = compared(expected, self.reading["tables"], self._database.tables().described())
        if found.contradictions:
            raise StepFailedError(
                f"the migrations were taken back, and yet {'; '.join(found.contradictions[:5])}",
                next_step="read their down(); what served before is put back",
            )
        return str(found)

    def _compare_back(self) -> Step:
        return Step(
            f"{self._prefix}.back.compare",
            "compare the schema with the one of before",
            lambda: str(compared([], self.reading["tables"], self._database.tables().described())),
            lambda: None,
            self._host,
            repeatable=True,
            no_undo="it only looks",
        )

    def _migrate(self) -> Step:
        """The way forward again: the release that brought the migrations runs them once more."""
        command, title = self._artisan.migrate(), "artisan migrate: forward again"
        prefix = f"{self.doors.section}.back"
        return on_host(self._platform, self._host, prefix, self.doors.run.id, "migrate", title, command)

    def _inside(self, command: Command) -> tuple[Bench, Command]:
        run = self.doors.run.id
        connector, inside = self._platform.live(replace(command, env={"RUNBOOK_RUN": run}), self._host)
        return Bench(connector, self._prefix, run), inside


def refuse(target: Target, reading: Snapshot) -> None:
    """PlatformError where migrations cannot be taken back: one without a down() that reverses it, no backup."""
    elsewhere = [migration["name"] for migration in reading["migrations"] if migration["down"] == "elsewhere"]
    if elsewhere:
        raise PlatformError(
            f"{', '.join(elsewhere[:5])} can only be taken back by a release that has them, and the live one does not",
            next_step="leave the schema ahead, or make the release live that brought them first",
        )
    stuck = [migration["name"] for migration in reading["migrations"] if migration["down"] != "yes"]
    if stuck or not reading["migrations"]:
        named = f"{', '.join(stuck[:5])} without a down() that reverses it"
        raise PlatformError(
            f"the migrations of {target.label} cannot be taken back: "
            f"{named if stuck else reading.get('way') or 'they cannot be read'}",
            next_step="leave the schema ahead, restore a backup, or fix forward",
        )
    laravel = target.environment.laravel
    if laravel is None or (laravel.backup is None and target.environment.backups is None):
        raise PlatformError(
            f"{target.label} has no backup configured, and migrations are not taken back without one",
            next_step="add the table backups, or laravel.backup, to runbooks.toml",
        )
