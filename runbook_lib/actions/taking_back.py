"""Taking migrations back: writes stopped, backup taken and checked, exactly the planned set undone by the release that
brought it, and the way forward again when something does not work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from runbook_lib.actions.backing_up import before_migrations
from runbook_lib.command import Command
from runbook_lib.config import Laravel, Target
from runbook_lib.errors import PlatformError, StepFailedError
from runbook_lib.laravel.artisan import Artisan, rollback_problem, rolled_back
from runbook_lib.laravel.sql import APPLIED, applied_in, sql_command
from runbook_lib.laravel.steps import artisan, on_host
from runbook_lib.platforms.base import Platform
from runbook_lib.platforms.command_step import Bench, in_short
from runbook_lib.run.plan import Section, Snapshot, Step

# PostgreSQL's client library reads it: a migration that waits for a lock gives up instead of blocking everybody.
LOCK_TIMEOUT = {"PGOPTIONS": "-c lock_timeout=10s"}


@dataclass(frozen=True)
class TakingBack:
    """The migrations `names` (in the order in which they ran) of one environment, taken back before its code.

    hosts: names of hosts or replicas; the first one runs the database's commands. run: the run's id. target: where the
    table backups is, used where laravel.backup names no command.
    """

    laravel: Laravel
    platform: Platform
    names: Sequence[str]
    hosts: Sequence[str]
    section: str
    run: str
    target: Target | None = None

    def around(self, section: Section) -> Section:
        """The section of a deployment with the database's steps around it."""
        before = (*self._maintenance("close", on=True), *self._backup(), self._down())
        after = self._maintenance("open", on=False)
        forward = self._migrate()
        opened = self._maintenance("back.open", on=False)
        return replace(
            section,
            title=f"{section.title}, taking back {len(self.names)} migrations",
            steps=(*before, *section.steps, *after),
            back=(*section.back, replace(forward, undoes=self._down().id), *opened),
        )

    @property
    def _artisan(self) -> Artisan:
        return artisan(self.laravel)

    def _maintenance(self, name: str, *, on: bool) -> Iterator[Step]:
        command = self._artisan.down(retry=60) if on else self._artisan.up()
        title = "stop writes: artisan down" if on else "artisan up"
        for host in self.hosts:
            yield on_host(self.platform, host, f"{self.section}.{name}", self.run, "maintenance", title, command)

    def _backup(self) -> Iterator[Step]:
        backup = self.laravel.backup
        if backup is None:
            yield from before_migrations(self.target, self.section, self.run) if self.target else ()
            return
        for name, argv in (("backup", backup.run), ("backup-check", backup.check)):
            if argv:
                bench, command = self._inside(Command.of(*argv, cwd=".", timeout=backup.timeout))
                title = f"{name}: {in_short(argv)}"
                yield bench.step(name, title, command, repeatable=True, no_undo="a backup does no harm")

    def _down(self) -> Step:
        identity = f"{self.section}.{self.hosts[0]}.migrate-rollback"
        command = self._artisan.migrate_rollback(step=len(self.names))
        return Step(
            identity,
            f"take back {len(self.names)} migrations, newest first",
            lambda: self._take_back(identity),
            lambda: not self._left(),
            self.hosts[0],
            shows=(str(command), *(f"undoes {name}" for name in reversed(self.names))),
            # Each time the set that is left is read first, and nothing but that is undone.
            repeatable=True,
        )

    def _take_back(self, identity: str) -> str:
        connector, _ = self.platform.live(sql_command(self.laravel, APPLIED), self.hosts[0])
        mark = next(mark for mark in self._marks(identity) if connector.outcome(mark) is None)
        applied = self._applied()
        left = self._left(applied)
        if not left:
            return "they were taken back before"
        if applied[len(applied) - len(left) :] != left:
            raise StepFailedError(
                f"the newest migrations are {', '.join(applied[-len(left) :])}, not {', '.join(left)}",
                next_step="somebody migrated meanwhile: make a new plan",
            )
        command = self._artisan.migrate_rollback(step=len(left))
        connector, inside = self.platform.live(replace(command, env=LOCK_TIMEOUT), self.hosts[0])
        result = connector.change(inside, mark, repeatable=True)
        # Under a mark that a killed run had begun, it is the end of that one's command, which was to undo more.
        undone = rolled_back(result)
        problem = rollback_problem(result, [name for name in self.names if name in left or name in undone])
        if problem or self._left():
            raise StepFailedError(
                f"migrations were not taken back as planned: {problem or ', '.join(self._left())}",
                next_step="mend the cause; what served before is put back",
            )
        return f"{len(left)} migrations taken back"

    def _marks(self, identity: str) -> Iterator[str]:
        """One for each attempt. What still runs under one is waited for: two at once would undo more than planned."""
        yield f"{self.run}/{identity}"
        for attempt in count(1):
            yield f"{self.run}/{identity}.again-{attempt}"

    def _migrate(self) -> Step:
        """The way forward again: the release that brought the migrations runs them once more."""
        host = self.hosts[0]
        return on_host(
            self.platform,
            host,
            f"{self.section}.back",
            self.run,
            "migrate",
            "artisan migrate: forward again",
            self._artisan.migrate(),
        )

    def _left(self, applied: Sequence[str] | None = None) -> list[str]:
        applied = self._applied() if applied is None else applied
        return [name for name in self.names if name in applied]

    def _applied(self) -> list[str]:
        connector, command = self.platform.live(sql_command(self.laravel, APPLIED), self.hosts[0])
        return applied_in(connector.read(command))

    def _inside(self, command: Command) -> tuple[Bench, Command]:
        connector, inside = self.platform.live(replace(command, env={"RUNBOOK_RUN": self.run}), self.hosts[0])
        return Bench(connector, f"{self.section}.{self.hosts[0]}", self.run), inside


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
        raise PlatformError(
            f"the migrations of {target.label} cannot be taken back: {', '.join(stuck[:5]) or 'they cannot be read'} "
            "without a down() that reverses it",
            next_step="leave the schema ahead, restore a backup, or fix forward",
        )
    laravel = target.environment.laravel
    if laravel is None or (laravel.backup is None and target.environment.backups is None):
        raise PlatformError(
            f"{target.label} has no backup configured, and migrations are not taken back without one",
            next_step="add the table backups, or laravel.backup, to runbooks.toml",
        )
