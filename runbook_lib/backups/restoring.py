"""Restoring a part of a backup beside what is live, and comparing it with the record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from runbook_lib.backups import folders
from runbook_lib.backups.counting import counted, difference
from runbook_lib.backups.engine import Engine, engine_of, identity_of
from runbook_lib.backups.folders import Files
from runbook_lib.backups.packing import unpacked
from runbook_lib.backups.record import Backup, Counted, Part
from runbook_lib.backups.repository import Repository, checked
from runbook_lib.config import Target
from runbook_lib.errors import BackupError, PlatformError


def refuse(target: Target, backup: Backup) -> None:
    """BackupError where a backup cannot be restored here: of another kind, from a newer server, from elsewhere."""
    if backup.environment != target.label:
        raise BackupError(
            f"backup {backup.id} is of {backup.environment}, not of {target.label}", next_step="choose one of its own"
        )
    part = backup.part("database")
    if part is None:
        return
    engine = engine_of(target)
    if part.kind != engine.kind:
        raise BackupError(
            f"backup {backup.id} is of {part.kind}, the database is {engine.kind}", next_step="choose another backup"
        )
    was, now = part.server, engine.server()
    if was.split()[:1] != now.split()[:1] or _version(was) > _version(now):
        raise BackupError(
            f"backup {backup.id} was taken from {was}, the server is {now}",
            next_step="restore it on a server of that version or a later one",
        )


def _version(text: str) -> tuple[int, ...]:
    """The numbers that decide: the major version of PostgreSQL, two of the others."""
    words = text.split()
    numbers = (
        [int(digits) for digits in words[1].split("-")[0].split(".")[:2] if digits.isdecimal()] if words[1:] else []
    )
    return tuple(numbers[: 1 if words[:1] == ["PostgreSQL"] else 2])


def content(repository: Repository, target: Target, part: Part) -> Iterator[bytes]:
    """What a part holds, unpacked, and checked against its SHA-256. BackupError, CommandError."""
    stored = checked(repository, part.file, part.sha256)
    return unpacked(part, identity_of(target), stored)


def restore_database(repository: Repository, target: Target, part: Part, name: str) -> None:
    """Restore the database's part into a database of that name beside, anew; what is damaged leaves none there."""
    engine = engine_of(target)
    try:
        engine.fill(name, content(repository, target, part))
    except Exception:
        engine.drop(name)
        raise


def check_database(engine: Engine, name: str, backup: Backup) -> Mapping[str, Counted]:
    """Compare a restored database with the record; what it holds. BackupError naming each difference."""
    part = backup.database
    expected = backup.expected(part)
    with engine.session(name) as ask:
        found = dict(counted(ask, like=expected))
    wrong = difference(expected, found, exact=part.exact or backup.verified is not None)
    if wrong:
        raise BackupError(
            f"what was restored from {backup.id} is not what was recorded: {'; '.join(wrong[:5])}",
            next_step="use another backup",
        )
    return found


def prove(repository: Repository, target: Target, backup: Backup, mark: str) -> Mapping[str, Counted]:
    """Restore the database of a backup beside, compare it with the record, drop it again; what it holds. mark: what
    tells that database apart. BackupError, CommandError, PlatformError."""
    engine = engine_of(target)
    name = engine.beside(mark)
    try:
        restore_database(repository, target, backup.database, name)
        return check_database(engine, name, backup)
    finally:
        engine.drop(name)


def restore_folder(repository: Repository, target: Target, part: Part, beside: Path) -> Mapping[str, Counted]:
    """Restore a folder's part beside and compare it; what it holds. BackupError, CommandError, PlatformError."""
    try:
        Files(Path(part.source)).fill(beside, content(repository, target, part))
    except OSError as error:
        raise PlatformError(f"{beside} cannot be written: {error.strerror}", next_step="make room") from error
    found = folders.counted(beside)
    wrong = difference(part.tables, found)
    if wrong:
        raise BackupError(f"what was restored from {part.file}: {'; '.join(wrong)}", next_step="use another backup")
    return found
