"""The journal: one append-only, hash-chained record of every run, in SQLite.

Each event's hash covers the hash before it, so a change, a removal or an insertion anywhere is found by `verify`.
The table `runs` is a summary for quick lists; it is derived from the events, and `verify` compares it with them.
An append is on disk (WAL, synchronous=FULL) when it returns; if it cannot be, JournalError is raised and the caller
must not act.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.command import mask
from runbook_lib.errors import JournalCorruptError, JournalError, LockLostError
from runbook_lib.run.plan import canonical

FILE_NAME = "journal.db"
GENESIS = "0" * 64
BUSY_SECONDS = 10.0

# Events that move a run to another status; `closed` names the status itself.
STATUS_OF = {
    "opened": "running",
    "continued": "running",
    "approval asked": "waiting",
    "approved": "running",
    "interrupted": "interrupted",
}
UNFINISHED = ("running", "waiting", "interrupted")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY, run TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL,
  hash TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_by_run ON events (run, seq);
CREATE INDEX IF NOT EXISTS events_by_kind ON events (kind, seq);
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE UPDATE ON events
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER IF NOT EXISTS events_remain BEFORE DELETE ON events
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TABLE IF NOT EXISTS runs (
  run TEXT PRIMARY KEY, runbook TEXT NOT NULL, environment TEXT NOT NULL, identity TEXT NOT NULL,
  status TEXT NOT NULL, opened REAL NOT NULL, first INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS runs_by_time ON runs (first);
CREATE INDEX IF NOT EXISTS runs_by_status ON runs (status);
CREATE TABLE IF NOT EXISTS head (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS locks (
  name TEXT PRIMARY KEY, run TEXT NOT NULL, actor TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
  born TEXT NOT NULL, token INTEGER NOT NULL, since REAL NOT NULL, beats INTEGER NOT NULL, beat REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL);
INSERT OR IGNORE INTO tokens VALUES (1, 0);
PRAGMA user_version = 1;
"""


@dataclass(frozen=True)
class Event:
    """One line of the record. seq: its number, without gaps; at: Unix time in seconds as the clock said;
    data: JSON values."""

    seq: int
    run: str
    at: float
    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    hash: str = ""


@dataclass(frozen=True)
class RunRecord:
    """The summary of one run. identity: what makes two commands the same command; opened: Unix time."""

    run: str
    runbook: str
    environment: str
    identity: str
    status: str
    opened: float

    @property
    def unfinished(self) -> bool:
        return self.status in UNFINISHED


class Journal:
    """The journal in a folder, made when it does not exist. folder: also holds the runs' records."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / FILE_NAME
        self._local = threading.local()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise JournalError(
                f"the journal's folder {folder} cannot be made: {error.strerror}",
                next_step="check permissions and journal.folder in runbooks.toml",
            ) from error
        self._check_tail()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction; SQLite's errors come out as JournalError."""
        with self._errors():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the journal for several reads, whatever others write meanwhile."""
        with self._errors():
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            fresh = not self.file.exists()
            connection = sqlite3.connect(self.file, timeout=BUSY_SECONDS, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                connection.executescript("BEGIN IMMEDIATE;" + _SCHEMA + "COMMIT;")
            if fresh:
                os.chmod(self.file, 0o600)
            self._local.connection = connection
        return connection

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._explained(error) from error

    def _explained(self, error: sqlite3.Error) -> JournalError:
        text = str(error)
        if "full" in text or "disk I/O" in text:
            return JournalError(
                f"the journal {self.file} cannot be written: {text}", next_step="free disk space; run the command again"
            )
        if "malformed" in text or "not a database" in text:
            return JournalCorruptError(
                f"the journal {self.file} is damaged: {text}",
                next_step=f"move {self.file} aside to start a new one; keep it as evidence",
            )
        return JournalError(
            f"the journal {self.file} cannot be used: {text}", next_step="check permissions of the file and its folder"
        )

    def append(self, run: str, kind: str, data: Mapping[str, Any], fences: Iterable[tuple[str, int]] = ()) -> Event:
        """Add an event; on disk when it returns.

        fences: name and token of the locks under which the caller acts; LockLostError, and nothing written, when
        somebody took one over. data: JSON values; known secrets are masked.
        """
        text = canonical(_masked(dict(data)))
        with self.transaction() as connection:
            for name, token in fences:
                _check_fence(connection, name, token)
            seq, previous = self._head(connection)
            event = Event(seq + 1, run, round(time.time(), 6), kind, json.loads(text))
            link = _link(previous, event, text)
            connection.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", (event.seq, run, event.at, kind, text, link)
            )
            connection.execute("INSERT OR REPLACE INTO head VALUES (1, ?, ?)", (event.seq, link))
            _summarise(connection, event)
        return Event(event.seq, run, event.at, kind, event.data, link)

    def _head(self, connection: sqlite3.Connection) -> tuple[int, str]:
        row = connection.execute("SELECT seq, hash FROM head").fetchone()
        return (row[0], row[1]) if row else (0, GENESIS)

    def newest(self) -> int:
        """The number of the newest event; 0 when there is none."""
        with self._reading() as connection:
            return self._head(connection)[0]

    def events(self, run: str = "", kind: str = "", after: int = 0) -> Iterator[Event]:
        """Events in order, of one run or one kind or all, with a number above `after`."""
        where, values = ["seq > ?"], [after]
        for column, value in (("run", run), ("kind", kind)):
            if value:
                where.append(f"{column} = ?")
                values.append(value)  # type: ignore[arg-type]
        with self._errors():
            rows = self._connection().execute(
                "SELECT seq, run, at, kind, data, hash FROM events WHERE "  # noqa: S608 - columns are ours
                + " AND ".join(where)
                + " ORDER BY seq",
                values,
            )
            for seq, name, at, what, data, link in rows:
                yield Event(seq, name, at, what, json.loads(data), link)

    def runs(self, limit: int = 50, identity: str = "", unfinished: bool = False) -> list[RunRecord]:
        """Summaries of runs, newest first."""
        where, values = ["1 = 1"], []
        if identity:
            where.append("identity = ?")
            values.append(identity)
        if unfinished:
            where.append(f"status IN ({', '.join('?' * len(UNFINISHED))})")
            values += UNFINISHED
        with self._errors():
            rows = self._connection().execute(
                "SELECT run, runbook, environment, identity, status, opened FROM runs WHERE "  # noqa: S608
                + " AND ".join(where)
                + " ORDER BY first DESC LIMIT ?",
                [*values, limit],
            )
            return [RunRecord(*row) for row in rows]

    def drilled(self) -> set[str]:
        """The ids of the runs that a drill carried out."""
        return {event.run for event in self.events(kind="opened") if event.data.get("drill")}

    def run(self, run: str) -> RunRecord:
        """One summary, by the run's id or an unambiguous beginning of it."""
        with self._errors():
            rows = self._connection().execute(
                "SELECT run, runbook, environment, identity, status, opened FROM runs"
                " WHERE substr(run, 1, length(?)) = ? ORDER BY first DESC LIMIT 2",
                (run, run),
            )
            found = [RunRecord(*row) for row in rows]
        if len(found) != 1 or not run:
            what = "several runs start with" if len(found) > 1 else "no run is called"
            raise JournalError(f"{what} {run[:80]!r}", next_step="`runbook history` lists them")
        return found[0]

    def folder_of(self, run: str) -> Path:
        """The folder of a run's record: executed notebooks, page, run.json."""
        return self.folder / "runs" / run

    def _check_tail(self) -> None:
        """Refuse to build on a journal whose end is not what was written last."""
        with self._reading() as connection:
            seq, link = self._head(connection)
            rows = connection.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchall()
        if rows != ([(seq, link)] if seq else []):
            raise self._changed("its last event is not the one that was written last")

    def verify(self) -> int:
        """Walk the whole chain; the number of events. JournalCorruptError names the first event that is wrong."""
        previous, count = GENESIS, 0
        summaries: dict[str, tuple[Any, ...]] = {}
        with self._reading() as connection:
            rows = connection.execute("SELECT seq, run, at, kind, data, hash FROM events ORDER BY seq")
            for seq, run, at, kind, text, link in rows:
                count += 1
                if seq != count:
                    raise self._changed(f"event {count} is missing")
                try:
                    event = Event(seq, run, at, kind, json.loads(text))
                except ValueError as error:
                    raise self._changed(f"event {seq} ({run}) is no JSON") from error
                if _link(previous, event, text) != link:
                    raise self._changed(f"event {seq} ({kind} of {run}) is not what was written")
                previous = link
                if run in summaries or kind == "opened":
                    summaries[run] = _summary(event, summaries.get(run))
            head = self._head(connection)
            listed = connection.execute("SELECT * FROM runs").fetchall()
        if head != (count, previous):
            raise self._changed(f"events after {count} are missing")
        if {row[0]: row for row in listed} != summaries:
            raise self._changed("the list of runs does not agree with their events")
        self._verify_records()
        return count

    def _verify_records(self) -> None:
        """Compare with what the runs' own records say: finds a journal that was cut short and mended."""
        for record in sorted((self.folder / "runs").glob("*/run.json")):
            try:
                closing = json.loads(record.read_text())["journal"]
                seq, link = closing["seq"], closing["hash"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise self._changed(f"the record {record} cannot be read: {error}") from error
            row = self._connection().execute("SELECT hash FROM events WHERE seq = ?", (seq,)).fetchone()
            if row is None or row[0] != link:
                raise self._changed(f"it lacks event {seq}, with which {record.parent.name} ended")

    def _changed(self, what: str) -> JournalCorruptError:
        return JournalCorruptError(
            f"the journal {self.file} was changed: {what}",
            next_step="keep it as evidence; move it aside to start a new one",
        )


def _masked(data: Any) -> Any:
    """Plain data with secrets masked in its texts. Not in its JSON: a secret is spelled differently there."""
    if isinstance(data, str):
        return mask(data)
    if isinstance(data, Mapping):
        return {_masked(key): _masked(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_masked(value) for value in data]
    return data


def _link(previous: str, event: Event, text: str) -> str:
    """The hash of an event: over the hash before it and everything it says, in one unambiguous spelling."""
    spelled = canonical([previous, event.seq, event.run, repr(event.at), event.kind, text])
    return hashlib.sha256(spelled.encode()).hexdigest()


def _check_fence(connection: sqlite3.Connection, name: str, token: int) -> None:
    row = connection.execute("SELECT token, run, actor, host, pid FROM locks WHERE name = ?", (name,)).fetchone()
    if row is None or row[0] != token:
        taker = f"by {row[2]}@{row[3]} (pid {row[4]}, run {row[1]})" if row else "and released"
        raise LockLostError(
            f"the lock of {name} was taken over {taker}", next_step="look at that run before anything else"
        )


def _summary(event: Event, before: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """The row of `runs` after one more event of that run: the columns in the table's order."""
    if before is None:
        named = [str(event.data.get(column, "")) for column in ("runbook", "environment", "identity")]
        before = (event.run, *named, "", event.at, event.seq)
    status = str(event.data.get("status", "")) if event.kind == "closed" else STATUS_OF.get(event.kind, before[4])
    return (*before[:4], status, *before[5:])


def _summarise(connection: sqlite3.Connection, event: Event) -> None:
    before = connection.execute("SELECT * FROM runs WHERE run = ?", (event.run,)).fetchone()
    if before is None and event.kind != "opened":
        return  # of no run: a mark set by hand
    after = _summary(event, before)
    if after != before:
        connection.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", after)
