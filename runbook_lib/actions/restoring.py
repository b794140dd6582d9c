"""Restoring: beside first, compared, then switched to; what was there before stays until that is confirmed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.actions.backing_up import RUNBOOK, BackupProcedure, newest
from runbook_lib.actions.kept import RESTORED, SETTLED, Kept, last_kept
from runbook_lib.actions.kept import kept as all_kept
from runbook_lib.actions.switching import Writes, look_before, serves
from runbook_lib.backups import rows
from runbook_lib.backups.engine import Engine, engine_of
from runbook_lib.backups.folders import Files
from runbook_lib.backups.losses import losses
from runbook_lib.backups.record import Backup, Part
from runbook_lib.backups.repository import find
from runbook_lib.backups.restoring import check_database, refuse, restore_database, restore_folder
from runbook_lib.display import Table
from runbook_lib.errors import BackupError, StepFailedError
from runbook_lib.run.plan import Plan, Section, Snapshot, Step

TABLE_LIMIT = 63


@dataclass
class Restoring(BackupProcedure):
    """Restores a backup. backup: id, empty: the newest; tables: only these; added: what becomes of rows of them that
    came after the backup; part: "database", or the name of a folder."""

    backup: str = ""
    tables: tuple[str, ...] = ()
    added: str = "keep"
    part: str = "database"
    expected = "about as long as restoring takes; the switch itself a few seconds"

    def lost(self) -> Table | str:
        """The rows of each table now and then, and those that came or changed since."""
        if self.part != "database":
            return f"What came into {self.part} since then is kept beside with the rest of it."
        backup = newest(self.repository, self.backup)
        found = losses(engine_of(self.target), backup, self.tables)
        body = [(one.table, f"{one.then:,}", f"{one.now:,}", _number(one.newer), f"{one.rows:,}") for one in found]
        total = sum(one.rows for one in found)
        rest = "rows that came since stay" if self.tables and self.added == "keep" else "they stay beside until confirm"
        note = f"{total:,} rows would no longer be as they are now; {rest}"
        self.run.record("counted", backup=backup.id, tables=[vars(loss) for loss in found], note=note)
        head = ("table", "rows then", "rows now", "came or changed since", "at stake")
        return Table(f"What would be lost since {backup.when}", head, body, (note,))

    # -- the plan --------------------------------------------------------------------------------------------------

    def plan(self) -> Table:
        shown = super().plan()
        look_before(self.target, self.run)
        return shown

    def _read(self) -> Snapshot:
        backup = newest(self.repository, self.backup)
        refuse(self.target, backup)
        part = _part(backup, self.part)
        if part.kind != "folder":
            engine = engine_of(self.target)
            if self.tables:
                rows.chosen(engine, self.tables, list(part.tables))
                if self.added == "remove":
                    rows.refuse_cascades(engine, self.tables)
            else:
                engine.refuse_switch()
        writes = Writes.of(self.target, self.run.journal)
        return {
            "backup": backup.id,
            "part": [part.name, part.sha256],
            "tables": list(self.tables),
            "added": self.added,
            "verified": backup.verified is not None,
            "writes": [list(writes.hosts), writes.why],
            "kept": [str(one) for one in all_kept(self.run.journal, self.target.label)],
        }

    def _build(self, snapshot: Snapshot) -> Plan:
        backup = find(self.repository, snapshot["backup"])
        part = _part(backup, snapshot["part"][0])
        way = _Way.of(self, backup, part)
        writes = Writes(*snapshot["writes"])
        beside = Section("beside", self.target.label, f"restore {part.name} beside", way.beside(), (way.drop("back"),))
        switch = Section(
            "switch",
            self.target.label,
            way.title,
            (*writes.steps(self.target, "switch.stop", self.run.id, stop=True), *way.switch(),
             *writes.steps(self.target, "switch.go-on", self.run.id, stop=False)),
            (*way.back(), *writes.steps(self.target, "switch.back", self.run.id, stop=False), way.drop("switch.back")),
            verify=lambda: serves(self.target, self.run),
            verified_back=lambda: "the data of before is back",
        )  # fmt: skip
        what = (
            f"{len(self.tables)} tables of {self.target.label}"
            if self.tables
            else f"{part.name} of {self.target.label}"
        )
        return self._of(f"Restore {what} from {backup.id}", snapshot, beside, switch, warnings=_warnings(snapshot))

    def close(self) -> str:
        command = f"papermill {RUNBOOK}.ipynb -p environment {self.target.name} -p action"
        self.run.suggest(f"when it is right: {command} confirm; when it is not: {command} undo")
        return super().close()


def _warnings(snapshot: Snapshot) -> tuple[str, ...]:
    warnings = [] if snapshot["verified"] else ["this backup was never verified; it is compared before the switch"]
    if snapshot["writes"][1]:
        warnings.append(snapshot["writes"][1])
    return (*warnings, *(f"not confirmed yet: {line}" for line in snapshot["kept"]))


def _part(backup: Backup, name: str) -> Part:
    found = backup.part(name)
    if found is None:
        raise BackupError(
            f"backup {backup.id} has no part {name!r}", next_step=f"it has {', '.join(p.name for p in backup.parts)}"
        )
    return found


def _number(value: int | None) -> str:
    return "cannot be told" if value is None else f"{value:,}"


# -- the ways to restore -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Way:
    """The steps of restoring one part: beside, the switch, and back."""

    of_run: Restoring
    source: Backup
    part: Part

    title = "switch to it"

    @staticmethod
    def of(procedure: Restoring, backup: Backup, part: Part) -> _Way:
        if part.kind == "folder":
            return _FolderWay(procedure, backup, part)
        return (_TablesWay if procedure.tables else _DatabaseWay)(procedure, backup, part)

    def beside(self) -> tuple[Step, ...]:
        """Restore beside, and compare."""
        return (
            self._step("beside.restore", "restore it beside, anew", self._restore, lambda: None),
            self._step("beside.compare", "compare it with the record", self._compare, lambda: None),
        )

    def drop(self, prefix: str) -> Step:
        return self._step(f"{prefix}.drop", "drop what was restored beside", self._drop, lambda: None)

    def switch(self) -> Iterator[Step]:
        yield self._step("switch.name", self.title, self._switch, self._switched, undone="the way back is in the plan")
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
        return self._engine.beside(f"restored_{self.of_run._mark}")

    @property
    def _old(self) -> str:
        return self._engine.beside(f"before_{self.of_run._mark}")

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

    def _switch(self) -> str:
        raise NotImplementedError

    def _switched(self) -> bool | None:
        raise NotImplementedError

    def _switch_back(self) -> str:
        raise NotImplementedError

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
class _DatabaseWay(_Way):
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
class _TablesWay(_Way):
    """The rows of single tables, in one transaction."""

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

    def _kept(self) -> Kept:
        end = f"_before_{self.of_run._mark}"
        copies = {table: f"{table.rpartition('.')[2][: TABLE_LIMIT - len(end)]}{end}" for table in self.of_run.tables}
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
        remove = self.of_run.added == "remove"
        put_all(self._engine, self._new, self.of_run.tables, remove=remove)
        left = [found for found in self._differences() if found.changed or found.deleted or (remove and found.added)]
        if left:
            raise StepFailedError(
                f"rows of {left[0].table} still differ: {left[0]}", next_step="stop what writes there"
            )
        return "every row of the backup is there as it was"

    def _differences(self) -> Iterator[rows.Difference]:
        for table in self.of_run.tables:
            with rows.facing(self._engine, self._new, table, writes=False) as pair:
                yield rows.compare(pair)

    def _switched(self) -> None:
        # Doing it again changes nothing where nothing differs.
        return None

    def _switch_back(self) -> str:
        put_kept(self._engine, self._kept())
        return "the rows of before are back"


@dataclass(frozen=True)
class _FolderWay(_Way):
    """A folder, by its name."""

    @property
    def _files(self) -> Files:
        return Files(Path(self.part.source))

    @property
    def _places(self) -> tuple[Path, Path]:
        path = self._files.path
        mark = self.of_run._mark
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
        shutil.rmtree(self._places[0], ignore_errors=True)
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
    """Put the rows of the copies back that a restore kept."""
    for table, copy in kept.tables.items():
        with rows.kept_pair(engine, table, copy) as pair, pair.ask.transaction():
            rows.put_back(pair, remove=True)


@dataclass
class Settling(BackupProcedure):
    """Ends what a restore began. how: confirm drops what was before; undo puts it back, and keeps what was restored
    until that is confirmed."""

    how: str = "confirm"

    def plan(self) -> Table:
        shown = super().plan()
        if self.how == "undo":
            look_before(self.target, self.run)
        return shown

    def lost(self) -> str:
        kept = last_kept(self.run.journal, self.target.label)
        if self.how == "confirm":
            return f"Gone for good: {kept}."
        return f"What was written since run {kept.run} is kept beside until that is confirmed."

    def _read(self) -> Snapshot:
        kept = last_kept(self.run.journal, self.target.label)
        writes = Writes.of(self.target, self.run.journal) if self.how == "undo" else Writes(())
        return {"kept": kept.facts, "writes": [list(writes.hosts), writes.why]}

    def _build(self, snapshot: Snapshot) -> Plan:
        kept, writes = Kept(**snapshot["kept"]), Writes(*snapshot["writes"])
        undo = self.how == "undo"
        title = f"{'Go back to' if undo else 'Drop'} {kept}"
        steps = [*self._undo(kept)] if undo else [self._step("drop", f"drop {kept}", lambda: self._forget(kept))]
        stop = writes.steps(self.target, "settle.stop", self.run.id, stop=True)
        again = writes.steps(self.target, "settle.go-on", self.run.id, stop=False)
        back = (*self._back(kept), *writes.steps(self.target, "settle.back", self.run.id, stop=False))
        settled = self._step("note", "note that it is settled", lambda: self._note(kept))
        verify = (lambda: serves(self.target, self.run)) if undo else None
        section = Section(
            "settle", self.target.label, title, (*stop, *steps, settled, *again), back if undo else (), verify=verify
        )
        warnings = (writes.why,) if writes.why else ()
        return self._of(f"{title} in {self.target.label}", snapshot, section, warnings=warnings)

    def _undo(self, kept: Kept) -> Iterator[Step]:
        if kept.way == "tables":
            for table, copy in self._aside(kept).tables.items():
                yield self._step(f"keep.{table}", f"keep {table} as {copy}", self._keeping(table, copy))
        yield self._step("switch", f"switch back to {kept}", lambda: self._switch(kept))

    def _back(self, kept: Kept) -> Iterator[Step]:
        aside = self._aside(kept)
        yield self._step(
            "back", "switch to what was restored", lambda: self._switch(aside, kept), undoes="settle.switch"
        )

    def _aside(self, kept: Kept) -> Kept:
        """How what is live now is kept."""
        if kept.way == "tables":
            end = f"_undone_{self._mark}"
            tables = {table: f"{table.rpartition('.')[2][: TABLE_LIMIT - len(end)]}{end}" for table in kept.tables}
            return Kept(self.run.id, kept.environment, kept.way, kept.backup, tables=tables)
        if kept.way == "folder":
            old = f"{kept.path}.undone-{self._mark}"
        else:
            old = engine_of(self.target).beside(f"undone_{self._mark}")
        return Kept(self.run.id, kept.environment, kept.way, kept.backup, old=old, path=kept.path)

    def _switch(self, new: Kept, aside: Kept | None = None) -> str:
        aside = aside or self._aside(new)
        if new.way == "tables":
            put_kept(engine_of(self.target), new)
        elif new.way == "folder":
            Files(Path(new.path)).switch(Path(new.old), Path(aside.old))
        else:
            engine_of(self.target).switch(new.old, aside.old)
        return ""

    def _keeping(self, table: str, copy: str) -> Callable[[], str]:
        def do() -> str:
            rows.keep(engine_of(self.target), table, copy)
            return ""

        return do

    def _forget(self, kept: Kept) -> str:
        if kept.way == "folder":
            shutil.rmtree(kept.old, ignore_errors=True)
        elif kept.way == "database":
            engine_of(self.target).drop(kept.old)
        for table, copy in kept.tables.items():
            rows.forget(engine_of(self.target), table, copy)
        return ""

    def _note(self, kept: Kept) -> str:
        if self.how == "undo":
            self.run.record(RESTORED, **self._aside(kept).facts)
            if kept.way == "tables":
                self._forget(kept)
        self.run.record(SETTLED, run=kept.run, how=self.how)
        return ""

    def _step(self, name: str, title: str, do: Callable[[], str], undoes: str = "") -> Step:
        undone = "what is dropped is gone" if self.how == "confirm" else "the way back is in the plan"
        return Step(f"settle.{name}", title, do, lambda: None, repeatable=True, no_undo=undone, undoes=undoes)
