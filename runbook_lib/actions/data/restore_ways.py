"""The ways to restore: the whole database, single tables, a folder; each beside first, then the switch, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from runbook_lib.actions.data.backing_up import BackupProcedure
from runbook_lib.actions.data.kept import RESTORED, SETTLED, Kept, copies_of
from runbook_lib.actions.data.kept import kept as all_kept
from runbook_lib.backups import rows
from runbook_lib.backups.engine import Engine, engine_of
from runbook_lib.backups.folders import Files, remove
from runbook_lib.backups.record import Backup, Part
from runbook_lib.backups.restoring import check_database, restore_database, restore_folder
from runbook_lib.errors import StepFailedError
from runbook_lib.run.plan import Step


def way_of(procedure: BackupProcedure, backup: Backup, part: Part, tables: tuple[str, ...], added: str) -> Way:
    """The way to restore a part. tables: only these, empty: all; added: what becomes of rows of them that came after
    the backup, "keep" or "remove"."""
    if part.kind == "folder":
        return FolderWay(procedure, backup, part)
    if tables:
        return TablesWay(procedure, backup, part, tables, added)
    return DatabaseWay(procedure, backup, part)


@dataclass(frozen=True)
class Way(ABC):
    """The steps of restoring one part: beside, the switch, and back."""

    of_run: BackupProcedure
    source: Backup
    part: Part

    title = "switch to it"

    def beside(self) -> tuple[Step, ...]:
        """Restore beside, and compare."""
        return (
            self._step("beside.restore", "restore it beside, anew", self._restore, lambda: None),
            self._step("beside.compare", "compare it with the record", self._compare, lambda: None),
        )

    def drop(self, prefix: str) -> Step:
        return self._step(f"{prefix}.drop", "drop what was restored beside", self._drop, lambda: None)

    def switch(self) -> Iterator[Step]:
        step = self._step("switch.name", self.title, self._switch, self._switched, undone="the way back is in the plan")
        yield replace(step, risk="what was written since the backup is no longer there")
        yield self._note()

    def back(self) -> Iterator[Step]:
        yield self._step("switch.back.name", "switch back", self._switch_back, lambda: None, undoes="switch.name")
        yield self._step("switch.back.note", "note that", self._settle, lambda: None, undoes="switch.note")

    def _note(self) -> Step:
        return self._step("switch.note", "note what is kept", self._noted, self._is_noted)

    @property
    def _run(self) -> str:
        return self.of_run.run.id

    @property
    def _engine(self) -> Engine:
        return engine_of(self.of_run.target)

    @property
    def _new(self) -> str:
        return self._engine.beside(f"restored_{self.of_run.mark}")

    @property
    def _old(self) -> str:
        return self._engine.beside(f"before_{self.of_run.mark}")

    def _kept(self) -> Kept:
        return Kept(self._run, self.of_run.target.label, "database", self.source.id, old=self._old)

    def _noted(self) -> str:
        self.of_run.run.record(RESTORED, **self._kept().facts)
        return str(self._kept())

    def _is_noted(self) -> bool:
        return any(one.run == self._run for one in all_kept(self.of_run.run.journal, self.of_run.target.label))

    def _settle(self) -> str:
        self.of_run.run.record(SETTLED, run=self._run, how="taken back")
        return ""

    def _restore(self) -> str:
        restore_database(self.of_run.repository, self.of_run.target, self.part, self._new)
        return ""

    def _compare(self) -> str:
        found = check_database(self._engine, self._new, self.source)
        return f"{len(found)} tables, {sum(table.rows for table in found.values())} rows as recorded"

    def _drop(self) -> str:
        self._engine.drop(self._new)
        return ""

    @abstractmethod
    def _switch(self) -> str:
        """Let what was restored beside take the place of what is there."""

    @abstractmethod
    def _switched(self) -> bool | None:
        """Whether it has; None when nothing can tell."""

    @abstractmethod
    def _switch_back(self) -> str:
        """Let what was there before take its place again."""

    def _step(
        self,
        name: str,
        title: str,
        do: Callable[[], str],
        done: Callable[[], bool | None],
        undone: str = "it changes nothing that serves",
        undoes: str = "",
    ) -> Step:
        shows = (f"{self.part.file}, {self.part.bytes} bytes",) if name == "beside.restore" else ()
        return Step(name, title, do, done, shows=shows, repeatable=True, no_undo=undone, undoes=undoes)


@dataclass(frozen=True)
class DatabaseWay(Way):
    """The whole database, by its name."""

    title = "switch to it by name, ending who is connected"

    def _switch(self) -> str:
        self._engine.switch(self._new, self._old)
        return f"what was before is {self._old}"

    def _switched(self) -> bool:
        return self._engine.switched(self._new, self._old)

    def _switch_back(self) -> str:
        if self._engine.exists(self._old):
            # Half switched, or wholly: through to the end first, which is known to end right, and then back.
            self._engine.switch(self._new, self._old)
            self._engine.switch(self._old, self._new)
        return f"{self._engine.name} is the one of before"


@dataclass(frozen=True)
class TablesWay(Way):
    """The rows of single tables, in one transaction."""

    tables: tuple[str, ...]
    added: str
    title = "put their rows back, in one transaction"

    def switch(self) -> Iterator[Step]:
        for table, kept in self._kept().tables.items():
            yield self._step(
                f"switch.keep.{table}", f"keep {table} as {kept}", self._keeping(table, kept), lambda: None
            )
        yield from super().switch()
        yield self.drop("switch")

    def back(self) -> Iterator[Step]:
        yield from super().back()
        for table, kept in self._kept().tables.items():
            name = f"switch.keep.{table}"
            yield self._step(f"{name}.back", f"drop {kept}", self._forgetting(table, kept), lambda: None, undoes=name)

    def _compare(self) -> str:
        rows.refuse_other_columns(self._engine, self._new, self.tables)
        return super()._compare()

    def _kept(self) -> Kept:
        copies = copies_of(self.tables, f"before_{self.of_run.mark}")
        return Kept(self._run, self.of_run.target.label, "tables", self.source.id, tables=copies)

    def _keeping(self, table: str, kept: str) -> Callable[[], str]:
        def do() -> str:
            rows.keep(self._engine, table, kept)
            return ""

        return do

    def _forgetting(self, table: str, kept: str) -> Callable[[], str]:
        def do() -> str:
            rows.forget(self._engine, table, kept)
            return ""

        return do

    def _switch(self) -> str:
        remove = self.added == "remove"
        put_all(self._engine, self._new, self.tables, remove=remove)
        left = [found for found in self._differences() if found.changed or found.deleted or (remove and found.added)]
        if left:
            raise StepFailedError(
                f"rows of {left[0].table} still differ: {left[0]}", next_step="stop what writes there"
            )
        return "every row of the backup is there as it was"

    def _differences(self) -> Iterator[rows.Difference]:
        for table in self.tables:
            with rows.facing(self._engine, self._new, table, writes=False) as pair:
                yield rows.compare(pair)

    def _switched(self) -> None:
        # Doing it again changes nothing where nothing differs.
        return None

    def _switch_back(self) -> str:
        put_kept(self._engine, self._kept())
        return "the rows of before are back"


@dataclass(frozen=True)
class FolderWay(Way):
    """A folder, by its name."""

    @property
    def _files(self) -> Files:
        # A link stays one: what it leads to is replaced.
        return Files(Path(self.part.source).resolve())

    @property
    def _places(self) -> tuple[Path, Path]:
        path = self._files.path
        mark = self.of_run.mark
        return path.with_name(f"{path.name}.restored-{mark}"), path.with_name(f"{path.name}.before-{mark}")

    def _kept(self) -> Kept:
        old, path = str(self._places[1]), str(self._files.path)
        return Kept(self._run, self.of_run.target.label, "folder", self.source.id, old=old, path=path)

    def _restore(self) -> str:
        restore_folder(self.of_run.repository, self.of_run.target, self.part, self._places[0])
        return ""

    def _compare(self) -> str:
        return "compared while it was unpacked"

    def _drop(self) -> str:
        remove(self._places[0])
        return ""

    def _switch(self) -> str:
        self._files.switch(*self._places)
        return f"what was before is {self._places[1]}"

    def _switched(self) -> bool:
        return self._files.switched(*self._places)

    def _switch_back(self) -> str:
        new, old = self._places
        if old.exists():
            self._files.switch(new, old)
            self._files.switch(old, new)
        return f"{self._files.path} is the one of before"


def put_all(engine: Engine, restored: str, tables: tuple[str, ...], *, remove: bool) -> None:
    """Put the rows of several tables back, parents before children as they are named; each table in a transaction of
    its own, since each may need a connection of its own."""
    for table in tables:
        with rows.facing(engine, restored, table, writes=True) as pair, pair.ask.transaction():
            rows.put_back(pair, remove=remove)


def put_kept(engine: Engine, kept: Kept) -> None:
    """Put the rows of the copies back that a restore kept. StepFailedError, and nothing has changed, where they are not
    what they were: the copies are only dropped when they are needed no more."""
    for table, copy in kept.tables.items():
        with rows.kept_pair(engine, table, copy) as pair, pair.ask.transaction():
            rows.put_back(pair, remove=True)
            found = rows.compare(pair)
            if not found.none:
                raise StepFailedError(
                    f"rows of {table} would not be as they were: {found}",
                    next_step=f"stop what changes them; {copy} has them as they were",
                )
