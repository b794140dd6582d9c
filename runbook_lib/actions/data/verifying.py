"""A backup proven: restored beside, compared with its record, and dropped again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runbook_lib.actions.data.backing_up import BackupProcedure, newest
from runbook_lib.backups.engine import engine_of
from runbook_lib.backups.record import Backup, Counted, Part, Verified
from runbook_lib.backups.recovery import recovery_of, work_of
from runbook_lib.backups.repository import find
from runbook_lib.backups.restoring import check_database, refuse, restore_database, restore_folder
from runbook_lib.backups.scratch import place, remove, scratch
from runbook_lib.backups.taking import BASE
from runbook_lib.errors import BackupError
from runbook_lib.run.plan import Plan, Section, Snapshot, Step


@dataclass
class Verifying(BackupProcedure):
    """Restores a backup beside, compares it with its record, and drops it again. backup: id; empty: the newest."""

    backup: str = ""
    expected = "about as long as restoring takes"

    def _read(self) -> Snapshot:
        backup = newest(self.repository, self.backup)
        refuse(self.target, backup)
        return {"backup": backup.id, "parts": [[part.name, part.sha256] for part in backup.parts]}

    def _build(self, snapshot: Snapshot) -> Plan:
        backup = find(self.repository, snapshot["backup"])
        steps = [step for part in backup.parts for step in self._steps(backup, part)]
        back = tuple(self._drop(part, "back") for part in backup.parts)
        section = Section(
            "verify", self.target.label, f"restore {backup.id} beside", (*steps, self._note(backup)), back
        )
        return self._of(f"Verify backup {backup.id} of {self.target.label} by restoring it", snapshot, section)

    def _steps(self, backup: Backup, part: Part) -> Iterator[Step]:
        yield Step(
            f"verify.{part.name}",
            f"restore {part.name} beside and compare it",
            lambda: self._restore(backup, part),
            lambda: None,
            shows=(f"{part.file}, {part.bytes} bytes",),
            repeatable=True,
            no_undo="it is dropped",
        )
        yield self._drop(part, "verify")

    def _restore(self, backup: Backup, part: Part) -> str:
        if part.kind == "folder":
            found = restore_folder(self.repository, self.target, part, self._folder(part))
        elif part.kind == BASE:
            found = self._started(part)
        else:
            engine, name = engine_of(self.target), self._database()
            restore_database(self.repository, self.target, part, name)
            found = check_database(engine, name, backup)
        self.run.record("backup compared", backup=backup.id, part=part.name, tables=_plain(found))
        return f"{len(found)} tables, {sum(table.rows for table in found.values())} rows as recorded"

    def _started(self, part: Part) -> Mapping[str, Counted]:
        """A base backup is proven by a server that starts from it, with what it needs of the archive."""
        recovery = recovery_of(self.target)
        recovery.refuse(part)
        with (
            scratch(work_of(self.target), self.mark, recovery.account) as beside,
            recovery.recovered(beside, self.repository, part, None),
        ):
            return part.tables

    def _drop(self, part: Part, prefix: str) -> Step:
        def drop() -> str:
            if part.kind == BASE:
                remove(place(work_of(self.target), self.mark))
            elif part.kind == "folder":
                import shutil

                shutil.rmtree(self._folder(part), ignore_errors=True)
            else:
                engine_of(self.target).drop(self._database())
            return ""

        return Step(
            f"{prefix}.{part.name}.drop",
            f"drop the restored {part.name}",
            drop,
            lambda: None,
            repeatable=True,
            no_undo="it was made for the comparison",
        )

    def _note(self, backup: Backup) -> Step:
        return Step(
            "verify.record",
            "note that it is verified",
            lambda: self._verified(backup),
            lambda: (found := find(self.repository, backup.id).verified) is not None and found.run == self.run.id,
            repeatable=True,
            no_undo="it was seen",
        )

    def _verified(self, backup: Backup) -> str:
        events = [e.data for e in self.run.journal.events(self.run.id, "backup compared")]
        tables = {e["part"]: {name: Counted(*values) for name, values in e["tables"].items()} for e in events}
        missing = [part.name for part in backup.parts if part.name not in tables]
        if missing:
            raise BackupError(f"{', '.join(missing)} was not compared", next_step="verify it again")
        self.repository.record(replace(backup, verified=Verified(time.time(), self.run.id, tables)))
        return f"{backup.id} can be restored"

    def _database(self) -> str:
        return engine_of(self.target).beside(f"verify_{self.mark}")

    def _folder(self, part: Part) -> Path:
        path = Path(part.source)
        return path.with_name(f".{path.name}.verify-{self.mark}")


def _plain(found: object) -> dict[str, list[object]]:
    assert isinstance(found, dict)  # noqa: S101
    return {name: [table.rows, table.checksum] for name, table in found.items()}
