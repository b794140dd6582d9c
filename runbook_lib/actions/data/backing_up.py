"""Backups taken, listed, proven by restoring them, and removed when they are old."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from runbook_lib.actions.procedure import Procedure
from runbook_lib.backups.engine import engine_of
from runbook_lib.backups.place import repository_of
from runbook_lib.backups.record import Backup, Counted, Part, Verified, shown
from runbook_lib.backups.recovery import TAKE, recovery_of, starts, work_of
from runbook_lib.backups.repository import Repository, find
from runbook_lib.backups.restoring import check_database, prove, refuse, restore_database, restore_folder
from runbook_lib.backups.retention import kept
from runbook_lib.backups.scratch import left, place, remove, scratch
from runbook_lib.backups.taking import BASE, DATABASE, Source, Taking, sources
from runbook_lib.command import printable
from runbook_lib.config import Target
from runbook_lib.display import Table
from runbook_lib.errors import BackupError, ConfigurationError, RunbookError
from runbook_lib.platforms import platform_of
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Plan, Section, Snapshot, Step

HARMLESS = "a backup does no harm"
RUNBOOK = "backup_and_restore"


def mark_of(run: str) -> str:
    """What tells the databases of one run from those of others: short, and the same each time."""
    return sha256(run.encode()).hexdigest()[:8]


def step_of_part(target: Target, taking: Taking, source: Source) -> Step:
    """Back up one part."""
    where = f"{source.kind} {source.what}" if source.kind != "folder" else source.what
    return Step(
        f"{target.name}.backup.{source.name}",
        f"back up {printable(where, 80)}",
        lambda: taking.part(source),
        lambda: taking.taken(source),
        repeatable=True,
        no_undo=HARMLESS,
    )


def steps_of_taking(
    target: Target, repository: Repository, run: str, folder: Path, *, evidence: bool = False
) -> Iterator[Step]:
    """The steps of a backup with the run's id: each part, then the record that makes it one."""
    return steps_of(Taking(target, repository, run, folder, sources(target), evidence))


def steps_of(taking: Taking) -> Iterator[Step]:
    """The same of a backup that is made of other things."""
    for source in taking.sources:
        yield step_of_part(taking.target, taking, source)
    yield step_of_record(taking, lambda: taking.record(_began(taking.folder), release_of(taking.target)))


def step_of_record(taking: Taking, written: Callable[[], Backup]) -> Step:
    """Write the record of a backup. written: does it."""

    def record() -> str:
        return f"{written().bytes} bytes in {taking.repository.place}"

    return Step(
        f"{taking.target.name}.backup.record",
        "write its record",
        record,
        taking.recorded,
        repeatable=True,
        no_undo=HARMLESS,
    )


def before_migrations(target: Target, prefix: str, run: str) -> Iterator[Step]:
    """The steps of a backup before migrations are taken back: the table backups at work, proven by restoring it.
    prefix: of the step that proves it; run: the run's id. Nothing where no table backups is configured."""
    if target.environment.backups is None:
        return
    repository = repository_of(target)
    yield from steps_of_taking(target, repository, run, Journal(target.state).folder_of(run))

    def proven() -> str:
        backup = find(repository, run)
        found = prove(repository, target, backup, f"verify_{mark_of(run)}")
        verified = Verified(time.time(), run, {DATABASE: dict(found)})
        repository.record(replace(backup, verified=verified))
        return f"{sum(table.rows for table in found.values())} rows as recorded"

    def is_proven() -> bool:
        return any(backup.id == run and backup.verified for backup in repository.backups())

    title = "backup-check: restore it beside and compare it"
    yield Step(f"{prefix}.backup-check", title, proven, is_proven, repeatable=True, no_undo=HARMLESS)


def release_of(target: Target) -> dict[str, str]:
    """What is live on each host; what cannot be read is said instead."""
    try:
        return {host: str(release) for host, release in platform_of(target).current().items()}
    except RunbookError as error:
        return {"unknown": printable(error.message, 120)}


def _began(folder: Path) -> float:
    """When the run began: nothing in the backup is older."""
    return min((path.stat().st_mtime for path in folder.glob("backup-*.json")), default=time.time())


@dataclass
class BackupProcedure(Procedure):
    """What the procedures of backup_and_restore.ipynb share. repository: of the environment's backups."""

    repository: Repository

    def see(self) -> Table:
        """The backups there are, newest last; what cannot be read as one stands below."""
        head = ("id", "taken", "holds", "bytes", "rows", "release", "verified")
        rows = [_row(backup) for backup in self.repository.backups()]
        notes = [f"unreadable: {line}" for line in self.repository.unreadable()]
        notes += [f"left by a run that was killed: {folder}; `-p action recover` removes it" for folder in self._left()]
        return Table(f"Backups of {self.target.label} in {self.repository.place}", head, rows, notes)

    def _left(self) -> list[Path]:
        """Folders of servers beside whose run is gone."""
        return left(work_of(self.target))

    def lost(self) -> Table | str:
        """What would be lost: nothing, where nothing is switched."""
        return "Nothing is lost by this."

    def _of(self, title: str, snapshot: Snapshot, *sections: Section, warnings: tuple[str, ...] = ()) -> Plan:
        return Plan(title, sections, snapshot, warnings, self.run.id)

    def _read(self) -> Snapshot:
        return {}

    @property
    def mark(self) -> str:
        """What tells the databases of this run from those of others."""
        return mark_of(self.run.id)


@dataclass
class Listing(BackupProcedure):
    """Looks only."""

    def _build(self, snapshot: Snapshot) -> Plan:
        return self._of(f"List the backups of {self.target.label}", snapshot)


@dataclass
class Moments(BackupProcedure):
    """Says which moments can be reached."""

    def _read(self) -> Snapshot:
        return {"lines": engine_of(self.target).point_in_time()}

    def lost(self) -> Table:
        lines = [*engine_of(self.target).point_in_time(), *self._reached()]
        return Table("Moments between two backups", ("what",), [(line,) for line in lines])

    def _reached(self) -> Iterator[str]:
        try:
            found = starts(recovery_of(self.target), self.repository.backups())
        except ConfigurationError as error:
            yield f"none: {error.message}; {error.next_step}"
            return
        if not found:
            yield f"none yet: no backup leads to later moments; {TAKE} takes one that does"
            return
        yield from (f"from {shown(at)} on: backup {backup.id}" for at, backup, _ in found)
        yield f"to go to one: papermill {RUNBOOK}.ipynb -p action recover -p to '{shown(found[-1][0])}'"

    def _build(self, snapshot: Snapshot) -> Plan:
        return self._of(f"Which moments {self.target.label} can go to", snapshot)


@dataclass
class BackingUp(BackupProcedure):
    """Takes a backup."""

    expected = "about as long as reading everything once"

    def _read(self) -> Snapshot:
        found = self._sources()
        parts = [{"name": s.name, "kind": s.kind, "what": s.what, "server": s.server()} for s in found]
        return {"parts": parts, "place": self.repository.place}

    def _sources(self) -> list[Source]:
        """What is backed up, and what recovery to a moment begins with, where that is configured."""
        backups = self.target.environment.backups
        more = recovery_of(self.target).sources() if backups is not None and backups.recovery is not None else []
        return [*sources(self.target), *more]

    def _build(self, snapshot: Snapshot) -> Plan:
        taking = Taking(self.target, self.repository, self.run.id, self.run.folder, self._sources())
        steps = tuple(steps_of(taking))
        section = Section("backup", self.target.label, f"back up {self.target.label}", steps)
        backups = self.target.environment.backups
        plain = backups is not None and backups.folder is not None and backups.encryption is None
        warnings = ("it is not encrypted",) if plain else ()
        return self._of(f"Back up {self.target.label} to {snapshot['place']}", snapshot, section, warnings=warnings)

    def close(self) -> str:
        self.run.suggest(f"prove it: {self.target.command(RUNBOOK, action='verify')}")
        return super().close()


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


@dataclass
class Pruning(BackupProcedure):
    """Removes what is old."""

    def _read(self) -> Snapshot:
        backups = self.target.environment.backups
        assert backups is not None  # noqa: S101 - there is no repository without it
        known = self.repository.backups()
        staying = kept(known, backups.keep)
        return {"stay": staying, "go": [backup.id for backup in known if backup.id not in staying]}

    def _build(self, snapshot: Snapshot) -> Plan:
        going = snapshot["go"]
        steps = tuple(self._remove(name) for name in going)
        skipped = "" if going else "no backup is old enough to go"
        section = Section("prune", self.target.label, f"remove {len(going)} backups", steps, skipped=skipped)
        title = f"Remove {len(going)} of {len(going) + len(snapshot['stay'])} backups of {self.target.label}"
        warnings = tuple(f"stays: {name}, {why}" for name, why in snapshot["stay"].items())
        return self._of(title, snapshot, section, warnings=warnings)

    def _remove(self, name: str) -> Step:
        return Step(
            f"prune.{name}",
            f"remove backup {name}",
            lambda: self.repository.remove(find(self.repository, name)) or "",  # type: ignore[func-returns-value]
            lambda: all(backup.id != name for backup in self.repository.backups()),
            repeatable=True,
            no_undo="what is removed is gone",
        )


def newest(repository: Repository, backup: str = "") -> Backup:
    """The backup that is named, or the newest that is neither evidence nor recovered to some moment. BackupError when
    there is none."""
    known = [one for one in repository.backups() if not one.evidence and not one.recovered]
    return known[-1] if known and not backup else find(repository, backup)


def _row(backup: Backup) -> tuple[str, ...]:
    verified = backup.verified
    return (
        backup.id,
        backup.when,
        ", ".join(part.name for part in backup.parts),
        f"{backup.bytes:,}",
        f"{sum(part.rows for part in backup.parts if part.name == DATABASE):,}",
        ", ".join(sorted(set(backup.release.values()))),
        "evidence, not to go back to"
        if backup.evidence
        else f"recovered from {backup.recovered}"
        if backup.recovered and not verified
        else f"run {verified.run}"
        if verified
        else "not yet",
    )


def _plain(found: object) -> dict[str, list[object]]:
    assert isinstance(found, dict)  # noqa: S101
    return {name: [table.rows, table.checksum] for name, table in found.items()}
