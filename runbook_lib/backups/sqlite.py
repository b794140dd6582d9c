"""SQLite: its online backup, a file beside, and the switch through SQLite itself, so that open connections see it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.backups.counting import counted, migrations
from runbook_lib.backups.dump import Dump
from runbook_lib.backups.pipeline import PIECE
from runbook_lib.backups.record import Counted
from runbook_lib.backups.session import Session, failed, session
from runbook_lib.config import DatabaseKind
from runbook_lib.errors import BackupError, PlatformError


@dataclass(frozen=True)
class Sqlite:
    """One database file. timeout: seconds that are waited for a lock; work: folder for a copy while it is packed."""

    file: Path
    timeout: float
    work: Path

    @property
    def kind(self) -> DatabaseKind:
        return "sqlite"

    @property
    def name(self) -> str:
        return self.file.name

    def server(self) -> str:
        with self.session():
            return f"SQLite {sqlite3.sqlite_version}"

    def tool(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}, online backup"

    @contextlib.contextmanager
    def dumping(self) -> Iterator[Dump]:
        self.work.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=self.work, prefix=".copy-", suffix=".unfinished") as file:
            copy = Path(file.name)
            self._copy(self.file, copy)
            with self._opened(copy) as ask:
                known = migrations(ask)

            def count() -> Mapping[str, Counted]:
                # A connection belongs to the thread that opened it.
                with self._opened(copy) as ask:
                    return counted(ask)

            yield Dump(_pieces(copy), count, known)

    def beside(self, mark: str) -> str:
        return f"{self.file.name}.{mark}"

    def exists(self, name: str) -> bool:
        return self._path(name).exists()

    def fill(self, name: str, pieces: Iterable[bytes]) -> None:
        path = self._path(name)
        self.drop(name)
        try:
            with path.open("wb") as file:
                path.chmod(self.file.stat().st_mode & 0o777 if self.file.exists() else 0o600)
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self.drop(name)
            raise BackupError(f"{path} cannot be written: {error.strerror}", next_step="make room") from error
        with self.session(name) as ask:
            found = ask("PRAGMA integrity_check(1)")
        if found != [(b"ok",)]:
            raise BackupError(
                f"what was restored is no sound database: {found[0][0]!r}", next_step="use another backup"
            )

    def drop(self, name: str) -> None:
        for ending in ("", "-wal", "-shm", "-journal"):
            self._path(f"{name}{ending}").unlink(missing_ok=True)

    def session(self, name: str = "") -> contextlib.AbstractContextManager[Session]:
        return self._opened(self._path(name or self.name))

    def refuse_switch(self) -> None:
        if not os.access(self.file.parent, os.W_OK) or not os.access(self.file, os.W_OK):
            raise PlatformError(f"{self.file} cannot be written", next_step="correct its permissions")

    def switch(self, new: str, old: str) -> None:
        if self.switched(new, old):
            return
        with self._raw(self.file) as live:
            with _nobody_writing(live):
                version = _version(live)
                if not self.exists(old):
                    self._keep(old)
            # All or nothing, by SQLite's own journal; the file stays the one that others have open. It takes a lock of
            # its own, so that somebody could come in between.
            self._into(self._path(new), live)
            if _version(live) != version:
                raise PlatformError(
                    f"somebody wrote to {self.file} in the very moment of the switch, which is lost",
                    next_step="stop what writes, then run it again",
                )
        self.drop(new)

    def switched(self, new: str, old: str) -> bool:
        return self.exists(old) and not self.exists(new)

    def point_in_time(self) -> list[str]:
        return ["SQLite keeps no log that is archived"]

    # -- within ----------------------------------------------------------------------------------------------------

    def _path(self, name: str) -> Path:
        return self.file.with_name(name)

    def _opened(self, path: Path) -> contextlib.AbstractContextManager[Session]:
        # mode=rw: a look must not make the file that it looks for.
        address = f"{path.absolute().as_uri()}?mode=rw"
        return session(lambda: sqlite3.connect(address, timeout=self.timeout, uri=True), "sqlite")

    @contextlib.contextmanager
    def _raw(self, path: Path, mode: str = "rw") -> Iterator[sqlite3.Connection]:
        try:
            address = f"{path.absolute().as_uri()}?mode={mode}"
            with contextlib.closing(sqlite3.connect(address, timeout=self.timeout, uri=True)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise failed(error) from error

    def _copy(self, source: Path, destination: Path) -> None:
        with self._raw(source) as live:
            # Asked first: the backup itself does not wait for a lock.
            live.execute("SELECT count(*) FROM sqlite_master").fetchone()
            with self._raw(destination, "rwc") as copy:
                live.backup(copy)

    def _keep(self, old: str) -> None:
        unfinished = self._path(f"{old}.unfinished")
        self.drop(unfinished.name)
        self._copy(self.file, unfinished)
        os.replace(unfinished, self._path(old))

    def _into(self, source: Path, live: sqlite3.Connection) -> None:
        with self._raw(source) as restored:
            restored.backup(live, progress=_refuse_locked)


@contextlib.contextmanager
def _nobody_writing(live: sqlite3.Connection) -> Iterator[None]:
    """Within, nobody else writes; who does is waited for, as long as the connection waits."""
    live.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        live.rollback()


def _version(live: sqlite3.Connection) -> int:
    """What is another one as soon as another connection has written."""
    ((version,),) = live.execute("PRAGMA data_version").fetchall()
    return int(version)


def _refuse_locked(status: int, *_: int) -> None:
    # It would try again for ever.
    if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        raise sqlite3.OperationalError("database is locked")


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
