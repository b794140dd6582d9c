"""Backups taken, listed, proven by restoring them, and removed when they are old."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from runbook_lib.actions.procedure import Procedure
from runbook_lib.backups.place import repository_of
from runbook_lib.backups.record import Backup, Verified
from runbook_lib.backups.recovery import recovery_of, work_of
from runbook_lib.backups.repository import Repository, find
from runbook_lib.backups.restoring import prove
from runbook_lib.backups.retention import kept
from runbook_lib.backups.scratch import left
from runbook_lib.backups.taking import DATABASE, Source, Taking, sources
from runbook_lib.command import printable
from runbook_lib.config import Target
from runbook_lib.display import Table
from runbook_lib.errors import RunbookError
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
