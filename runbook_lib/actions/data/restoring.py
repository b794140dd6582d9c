"""Restoring: beside first, compared, then switched to; what was there before stays until that is confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runbook_lib.actions.data.backing_up import RUNBOOK, BackupProcedure, newest
from runbook_lib.actions.data.kept import kept as all_kept
from runbook_lib.actions.data.restore_ways import way_of
from runbook_lib.actions.data.switching import Writes, look_before, serves
from runbook_lib.backups import rows
from runbook_lib.backups.counting import migrations
from runbook_lib.backups.engine import engine_of
from runbook_lib.backups.folders import Files
from runbook_lib.backups.losses import losses
from runbook_lib.backups.record import Backup, Part
from runbook_lib.backups.repository import find
from runbook_lib.backups.restoring import refuse
from runbook_lib.backups.side_effects import refuse_cascades
from runbook_lib.backups.taking import BASE
from runbook_lib.command import printable, quantity
from runbook_lib.config import Target
from runbook_lib.display import Table
from runbook_lib.errors import BackupError
from runbook_lib.run.plan import Plan, Section, Snapshot


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
        if part.kind == "folder":
            Files(Path(part.source).resolve()).refuse_switch()
        else:
            engine = engine_of(self.target)
            if self.tables:
                rows.chosen(engine, self.tables, list(part.tables))
                if self.added == "remove":
                    refuse_cascades(engine, self.tables)
            else:
                engine.refuse_switch()
        writes = Writes.of(self.target, self.run.journal)
        return {
            "backup": backup.id,
            "part": [part.name, part.sha256],
            "tables": list(self.tables),
            "added": self.added,
            "verified": backup.verified is not None,
            "migrations": [] if part.kind == "folder" or self.tables else _later_migrations(self.target, part),
            "writes": [list(writes.hosts), writes.why],
            "kept": [str(one) for one in all_kept(self.run.journal, self.target.label)],
        }

    def _build(self, snapshot: Snapshot) -> Plan:
        backup = find(self.repository, snapshot["backup"])
        part = _part(backup, snapshot["part"][0])
        way = way_of(self, backup, part, self.tables, self.added)
        writes = Writes(*snapshot["writes"])
        beside = Section("beside", self.target.label, f"restore {part.name} beside", way.beside(), (way.drop("back"),))
        switch = Section(
            "switch",
            self.target.label,
            way.title,
            (*writes.stopped(self.target, self.run, "switch"), *way.switch(),
             *writes.resumed(self.target, self.run, "switch")),
            (*way.back(), *writes.resumed(self.target, self.run, "switch", "back.open"), way.drop("switch.back")),
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
        confirm, undo = (self.target.command(RUNBOOK, action=action) for action in ("confirm", "undo"))
        self.run.suggest(f"when it is right: {confirm}; when it is not: {undo}")
        return super().close()


def _warnings(snapshot: Snapshot) -> tuple[str, ...]:
    warnings = [] if snapshot["verified"] else ["this backup was never verified; it is compared before the switch"]
    if later := snapshot["migrations"]:
        warnings.append(
            f"the backup is from before {quantity(len(later), 'migration')} ({printable(', '.join(later), 200)}), and "
            "the code that is live may need them: run migrate while maintenance mode is on, or roll the code back, too"
        )
    if snapshot["writes"][1]:
        warnings.append(snapshot["writes"][1])
    return (*warnings, *(f"not confirmed yet: {line}" for line in snapshot["kept"]))


def _part(backup: Backup, name: str) -> Part:
    found = backup.part(name)
    if found is not None and found.kind == BASE:
        raise BackupError(
            "a base backup is not restored by itself: a recovery to a moment begins with it",
            next_step="-p action recover -p to TIME makes a backup of that moment",
        )
    if found is None:
        raise BackupError(
            f"backup {backup.id} has no part {name!r}", next_step=f"it has {', '.join(p.name for p in backup.parts)}"
        )
    return found


def _later_migrations(target: Target, part: Part) -> list[str]:
    """Those that ran since: the restored database will not have them."""
    with engine_of(target).session() as ask:
        return [name for name in migrations(ask) if name not in part.migrations]


def _number(value: int | None) -> str:
    return "cannot be told" if value is None else f"{value:,}"
