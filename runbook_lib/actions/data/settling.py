"""What a restore left beside: dropped when it is confirmed, put back when it is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.actions.data.backing_up import BackupProcedure
from runbook_lib.actions.data.kept import RESTORED, SETTLED, Kept, copies_of, last_kept
from runbook_lib.actions.data.restore_ways import put_kept
from runbook_lib.actions.data.switching import Writes, look_before, serves
from runbook_lib.backups import rows
from runbook_lib.backups.engine import engine_of
from runbook_lib.backups.folders import Files, remove
from runbook_lib.display import Table
from runbook_lib.run.plan import Plan, Section, Snapshot, Step


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
        stop = writes.stopped(self.target, self.run, "settle")
        again = writes.resumed(self.target, self.run, "settle")
        back = (*self._back(kept), *writes.resumed(self.target, self.run, "settle", "back.open"))
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
            tables = copies_of(kept.tables, f"undone_{self.mark}")
            return Kept(self.run.id, kept.environment, kept.way, kept.backup, tables=tables)
        if kept.way == "folder":
            old = f"{kept.path}.undone-{self.mark}"
        else:
            old = engine_of(self.target).beside(f"undone_{self.mark}")
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
            remove(Path(kept.old))
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
        risk = "it cannot be had back" if self.how == "confirm" else ""
        return Step(
            f"settle.{name}", title, do, lambda: None, repeatable=True, no_undo=undone, undoes=undoes, risk=risk
        )
