"""Shims carried out: each a step of its own before the code, with its way back, written down as in force before it is
made, because the newer code needs it taken back one day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from runbook_lib.actions.release.doors import Doors
from runbook_lib.command import printable, quantity
from runbook_lib.config import Laravel, Target
from runbook_lib.errors import PlatformError, StepFailedError
from runbook_lib.laravel.database import ApplicationDatabase
from runbook_lib.migrations.shimming import Work
from runbook_lib.platforms.base import Platform
from runbook_lib.platforms.command_step import Bench
from runbook_lib.run.in_force import InForce, in_force
from runbook_lib.run.plan import Section, Step
from runbook_lib.run.run import Run
from runbook_lib.schema.difference import differences
from runbook_lib.schema.tables import Described

PREFIX = "shim: "


@dataclass(frozen=True)
class Shimming:
    """The shims of one environment, made or taken back in one section. doors: of the environment, for this section;
    closed only for a shim with which the newer code stops working. before: the schema as the plan saw it."""

    doors: Doors
    works: Sequence[Work]
    before: Described

    def around(self, section: Section) -> Section:
        """The section with the shims made before its steps."""
        made = [self._step(number, work) for number, work in enumerate(self.works, 1)]
        back = [replace(self._let_go(n, work), undoes=made[n - 1].id) for n, work in enumerate(self.works, 1)]
        return replace(
            section,
            title=f"{section.title}, with {quantity(len(self.works), 'shim')}",
            steps=(*self._closed(), *made, self._compare(), *section.steps, *self._opened("open")),
            back=(*section.back, *reversed(back), *self._opened("back.open")),
        )

    def taken_back(self, section: Section) -> Section:
        """The section with the shims taken back, the last one first."""
        pairs = list(enumerate(self.works, 1))
        undone = [self._undone(number, work) for number, work in reversed(pairs)]
        again = [
            replace(self._step(number, work), undoes=f"{self._prefix}.shim-{number}.undo") for number, work in pairs
        ]
        return replace(
            section,
            steps=(*self._closed(), *undone, self._compare(), *section.steps, *self._opened("open")),
            back=(*section.back, *again, *self._opened("back.open")),
        )

    @property
    def _prefix(self) -> str:
        return f"{self.doors.section}.{self.doors.hosts[0]}"

    @property
    def _stops(self) -> bool:
        return any(work.stops for work in self.works)

    def _closed(self) -> Iterator[Step]:
        return self.doors.closed() if self._stops else iter(())

    def _opened(self, name: str) -> Iterator[Step]:
        return self.doors.opened(name) if self._stops else iter(())

    @cached_property
    def _database(self) -> ApplicationDatabase:
        return database_of(self.doors.target, self.doors.platform, self.doors.hosts[0])

    def _step(self, number: int, work: Work) -> Step:
        made = self._changing(f"shim-{number}", work.title, work.sql, lambda: self._holds(work))

        def do() -> str:
            put_in_force(self.doors.run, self.doors.target, work)
            return made.do()

        return replace(made, do=do)

    def _let_go(self, number: int, work: Work) -> Step:
        """On the way back a shim that rows keep from being taken back is left in force: the newer code runs with it."""
        step = self._undone(number, work)

        def do() -> str:
            blocked = blocking(self._database, work)
            return f"left in force: {blocked}" if blocked else step.do()

        return replace(step, do=do)

    def _undone(self, number: int, work: Work) -> Step:
        made = self._changing(f"shim-{number}.undo", f"undo: {work.title}", work.undo, lambda: self._is_gone(work))

        def do() -> str:
            if blocked := blocking(self._database, work):
                raise StepFailedError(
                    f"`{printable(work.title)}` cannot be taken back: {blocked}",
                    next_step="fill or correct them first, then run the same command again",
                )
            remark = made.do()
            lift(self.doors.run, self.doors.target, work)
            return remark

        return replace(made, do=do)

    def _compare(self) -> Step:
        return Step(
            f"{self._prefix}.shims.compare",
            "compare the schema with the one of before",
            self._compared,
            lambda: None,
            self.doors.hosts[0],
            repeatable=True,
            no_undo="it only looks",
        )

    def _compared(self) -> str:
        about = {name for work in self.works for name in (work.table, work.name)}
        found = differences(self.before, self._database.tables().described())
        other = [str(one) for one in found if one.table not in about]
        words = f"differences of the shims: {len(found) - len(other)}"
        return f"{words}; not expected: {'; '.join(other[:5])}" if other else words

    def _changing(self, name: str, title: str, statements: Sequence[str], holds: Callable[[], bool]) -> Step:
        """A step of statements; done when `holds` says so, and failed when it does not afterwards."""
        connector, command = self._database.change(statements)
        bench = Bench(connector, self._prefix, self.doors.run.id)
        step = bench.step(name, title, command, holds=holds, repeatable=True)

        def do() -> str:
            step.do()
            if not holds():
                raise StepFailedError(
                    f"`{title}` was said to be done and is not to be seen in the schema",
                    next_step="compare the table with the statements of the plan",
                )
            return ""

        return replace(step, do=do, shows=tuple(statements))

    def _holds(self, work: Work) -> bool:
        return work.holds(self._database.tables())

    def _is_gone(self, work: Work) -> bool:
        gone = not self._holds(work)
        if gone:
            lift(self.doors.run, self.doors.target, work)
        return gone


def database_of(target: Target, platform: Platform, host: str) -> ApplicationDatabase:
    """The database of an environment that has a table laravel. PlatformError where it has none."""
    laravel: Laravel | None = target.environment.laravel
    if laravel is None:
        raise PlatformError(
            f"{target.label} has no table laravel", next_step="add it to runbooks.toml; the example shows its keys"
        )
    return ApplicationDatabase(laravel, platform, host)


# -- what is in force --------------------------------------------------------------------------------------------------


def undo_command(target: Target) -> str:
    return target.command("rollback_migrations", shims="undo")


def shims_in_force(run: Run, target: Target) -> list[InForce]:
    """The shims that were made in an environment and not taken back, the oldest first."""
    return [item for item in in_force(run.journal, target.label) if item.what.startswith(PREFIX)]


def put_in_force(run: Run, target: Target, work: Work) -> None:
    """Write a shim down, unless it is."""
    what = f"{PREFIX}{work.title}"
    if what not in [item.what for item in shims_in_force(run, target)]:
        label, undo = target.label, undo_command(target)
        run.record("put in force", what=what, environment=label, undo=undo, about=work.facts)


def lift(run: Run, target: Target, work: Work) -> None:
    """Note that a shim is gone, where it is noted that it was made."""
    what = f"{PREFIX}{work.title}"
    if what in [item.what for item in shims_in_force(run, target)]:
        run.record("lifted", what=what, environment=target.label)


def blocking(database: ApplicationDatabase, work: Work) -> str:
    """How many rows keep a shim from being taken back, in words, or nothing."""
    select, words = work.blocks
    found = database.count(select) if select else 0
    return f"{found} {words}" if found else ""
