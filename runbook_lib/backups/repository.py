"""Where backups are kept: the contract, and the folder. Each file has a record beside it once all of it is there."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runbook_lib.backups.pipeline import PIECE
from runbook_lib.backups.record import Backup, read, written
from runbook_lib.command import nearest, printable
from runbook_lib.errors import BackupError

RECORD = ".backup.json"
UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class Stored:
    """What was stored: bytes, and their SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


class Repository(Protocol):
    """Where the backups of one environment are kept."""

    @property
    def place(self) -> str:
        """Where it is, for a reader."""

    def store(self, name: str, pieces: Iterable[bytes]) -> Stored:
        """Keep a file, complete or not at all; one of that name is replaced. BackupError, CommandError."""

    def fetch(self, name: str) -> Iterator[bytes]:
        """A file's content, piece by piece. BackupError when there is none."""

    def record(self, backup: Backup) -> None:
        """Write a record, so that the backup is listed from now on; one of its id is replaced."""

    def backups(self) -> list[Backup]:
        """All that are complete, oldest first. BackupError where that cannot be read."""

    def unreadable(self) -> list[str]:
        """Records that cannot be read, a line each."""

    def remove(self, backup: Backup) -> None:
        """Forget a backup: its record first, so that what is left of it is not taken for one."""


def find(repository: Repository, backup: str) -> Backup:
    """One backup by its id or the beginning of it. BackupError names the nearest ones."""
    known = repository.backups()
    found = [one for one in known if one.id.startswith(backup)] if backup else []
    exact = [one for one in found if one.id == backup]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if found:
        raise BackupError(
            f"{len(found)} backups begin with {printable(backup, 60)!r}",
            next_step=", ".join(one.id for one in found[:5]),
        )
    close = nearest(backup, [one.id for one in known]) or [one.id for one in known[-3:]]
    raise BackupError(
        f"there is no backup {printable(backup, 60)!r}",
        next_step=f"there are {', '.join(close)}"
        if close
        else "take one: papermill backup_and_restore.ipynb -p action take",
    )


def checked(repository: Repository, name: str, sha256: str) -> Iterator[bytes]:
    """A file's content; BackupError at its end when it is not what was stored."""
    digest = hashlib.sha256()
    for piece in repository.fetch(name):
        digest.update(piece)
        yield piece
    if digest.hexdigest() != sha256:
        raise BackupError(
            f"{name} is not what was stored: its SHA-256 is another one",
            next_step="use another backup; this one is damaged",
        )


class Folder:
    """A folder as repository. path: of one environment's backups; made when something is stored."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        return str(self._path)

    def store(self, name: str, pieces: Iterable[bytes]) -> Stored:
        with _explained(self._path):
            self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
            unfinished = self._path / f".{name}{UNFINISHED}"
            try:
                with _opened(unfinished) as file:
                    stored = _written(file, pieces)
                    os.fsync(file)
                os.replace(unfinished, self._path / name)
                _settle(self._path)
            except BaseException:
                # What is half there takes room that the next one needs.
                unfinished.unlink(missing_ok=True)
                raise
            return stored

    def fetch(self, name: str) -> Iterator[bytes]:
        try:
            file = (self._path / name).open("rb")
        except OSError as error:
            raise BackupError(
                f"{self._path / name} cannot be read: {error.strerror}", next_step="use another backup"
            ) from error
        with file:
            while piece := file.read(PIECE):
                yield piece

    def record(self, backup: Backup) -> None:
        self.store(f"{backup.id}{RECORD}", [written(backup).encode()])

    def backups(self) -> list[Backup]:
        found = [one for _, one in self._read() if isinstance(one, Backup)]
        return sorted(found, key=lambda one: (one.began, one.id))

    def unreadable(self) -> list[str]:
        return [f"{path.name}: {one.message}" for path, one in self._read() if isinstance(one, BackupError)]

    def remove(self, backup: Backup) -> None:
        with _explained(self._path):
            (self._path / f"{backup.id}{RECORD}").unlink(missing_ok=True)
            _settle(self._path)
            for part in backup.parts:
                (self._path / part.file).unlink(missing_ok=True)

    def _read(self) -> Iterator[tuple[Path, Backup | BackupError]]:
        for path in self._records():
            try:
                backup = read(path.read_bytes())
                missing = [part.file for part in backup.parts if not self._whole(part.file, part.bytes)]
                yield path, BackupError(f"{missing[0]} is missing or cut off") if missing else backup
            except BackupError as error:
                yield path, error
            except OSError as error:
                yield path, BackupError(f"it cannot be read: {error.strerror}")

    def _records(self) -> list[Path]:
        try:
            return sorted(path for path in self._path.iterdir() if path.name.endswith(RECORD))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BackupError(
                f"{self._path} cannot be read: {error.strerror}", next_step="check the folder's path and permissions"
            ) from error

    def _whole(self, name: str, size: int) -> bool:
        with contextlib.suppress(OSError):
            return "/" not in name and (self._path / name).stat().st_size == size
        return False


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    # Only its owner reads what may be a whole database.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _written(file: int, pieces: Iterable[bytes]) -> Stored:
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(file, view) :]
        size += len(piece)
    return Stored(size, digest.hexdigest())


def _settle(folder: Path) -> None:
    """Have a folder's names on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(
            f"{folder} cannot be written: {error.strerror}",
            next_step="make room or correct permissions, then run it again",
        ) from error
