"""Queues that Laravel keeps in a database: the table `jobs`. Jobs that are set aside are kept in a table of their own
beside it, with the number they had, so that none can be returned twice. They are moved by a hundred in a transaction,
so that workers do not wait long for the rows.

Needs SKIP LOCKED, as Laravel's own workers do: PostgreSQL 9.5, MySQL 8.0.1, MariaDB 10.6 or later.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence

from runbook_lib.datastores.sql import Execute, Sql
from runbook_lib.errors import PlatformError
from runbook_lib.laravel.queues import Aside, Choice, Depth, Job, Place, checked_mark, refuse_other

# Rows read at once, and rows moved in one transaction.
READ = 500
AT_ONCE = 100

_COLUMNS = "id, queue, payload, attempts, available_at, created_at"


class DatabaseQueues:
    """The queues of one application. table: of its jobs; kept: of those that are set aside, made when it is needed."""

    def __init__(self, sql: Sql, table: str = "jobs", kept: str = "jobs_set_aside") -> None:
        for name in (table, kept):
            if not re.fullmatch(r"[A-Za-z_]\w{0,62}", name):
                raise PlatformError(f"{name[:80]!r} is no name of a table", next_step="use letters, digits, underscore")
        self._sql, self._table, self._kept = sql, table, kept

    def jobs(self) -> Iterator[Job]:
        with self._sql.transaction(writes=False) as execute:
            yield from (job for _, job in self._all(execute, time.time()))

    def depths(self) -> dict[str, Depth]:
        now = int(time.time())
        counted = (
            "SELECT queue, sum(CASE WHEN reserved_at IS NULL AND available_at <= %s THEN 1 ELSE 0 END), "  # noqa: S608
            "sum(CASE WHEN reserved_at IS NULL AND available_at > %s THEN 1 ELSE 0 END), "
            "sum(CASE WHEN reserved_at IS NULL THEN 0 ELSE 1 END), "
            "min(CASE WHEN reserved_at IS NULL AND available_at <= %s THEN available_at END) "
            f"FROM {self._table} GROUP BY queue"
        )
        with self._sql.transaction(writes=False) as execute:
            rows = execute(counted, now, now, now)
        return {
            str(queue): Depth(int(waiting), int(delayed), int(reserved), None if oldest is None else float(oldest))
            for queue, waiting, delayed, reserved, oldest in rows
        }

    def set_aside(self, mark: str, chosen: Choice, *, reserved: bool = False) -> Aside:
        checked_mark(mark)
        self._make_room()
        with self._sql.transaction(writes=False) as execute:
            if execute(f"SELECT 1 FROM {self._kept} WHERE mark = %s AND back_at IS NOT NULL", mark):  # noqa: S608
                raise PlatformError(f"what the mark {mark} kept was put back", next_step="use another mark")
            wanted = [
                number
                for number, job in self._all(execute, time.time())
                if (reserved or job.place != "reserved") and chosen(job)
            ]
        for start in range(0, len(wanted), AT_ONCE):
            with self._sql.transaction() as execute:
                self._move(execute, mark, wanted[start : start + AT_ONCE], reserved)
        return self.aside(mark)

    def aside(self, mark: str) -> Aside:
        self._make_room()
        with self._sql.transaction() as execute:
            rows = execute(f"SELECT payload FROM {self._kept} WHERE mark = %s", checked_mark(mark))  # noqa: S608
        return Aside.of(mark, [_bytes(payload) for (payload,) in rows])

    def put_back(self, aside: Aside) -> int:
        refuse_other(self.aside(aside.mark), aside)
        returned = 0
        while True:
            with self._sql.transaction() as execute:
                moved = self._return(execute, aside.mark)
            if not moved:
                return returned
            returned += moved

    def _all(self, execute: Execute, now: float) -> Iterator[tuple[int, Job]]:
        """All jobs with their numbers, read bit by bit."""
        last = -1
        columns = "id, queue, payload, reserved_at, available_at"
        query = f"SELECT {columns} FROM {self._table} WHERE id > %s ORDER BY id LIMIT {READ}"  # noqa: S608
        while rows := execute(query, last):
            for number, queue, payload, reserved_at, available_at in rows:
                place: Place = "waiting" if available_at <= now else "delayed"
                yield number, Job(queue, place if reserved_at is None else "reserved", _bytes(payload))
            last = rows[-1][0]

    def _move(self, execute: Execute, mark: str, numbers: Sequence[int], reserved: bool) -> None:
        """Move jobs that are still there; one that a worker took since they were read is left to it."""
        among = f"id IN ({', '.join(['%s'] * len(numbers))})"
        if not reserved:
            among += " AND reserved_at IS NULL"
        if self._sql.dialect != "sqlite":
            # Locked rows are those that workers are taking at this moment.
            rows = execute(f"SELECT id FROM {self._table} WHERE {among} FOR UPDATE SKIP LOCKED", *numbers)  # noqa: S608
            numbers = [number for (number,) in rows]
            among = f"id IN ({', '.join(['%s'] * len(numbers))})"
        if numbers:
            execute(
                f"INSERT INTO {self._kept} (mark, {_COLUMNS}) "  # noqa: S608
                f"SELECT %s, {_COLUMNS} FROM {self._table} WHERE {among}",
                mark,
                *numbers,
            )
            execute(f"DELETE FROM {self._table} WHERE {among}", *numbers)  # noqa: S608

    def _return(self, execute: Execute, mark: str) -> int:
        """Return some of the jobs that were not yet. The rows are locked first: of two that try, one waits."""
        lock = "" if self._sql.dialect == "sqlite" else " FOR UPDATE"
        rows = execute(
            f"SELECT id FROM {self._kept} WHERE mark = %s AND back_at IS NULL "  # noqa: S608
            f"ORDER BY id LIMIT {AT_ONCE}{lock}",
            mark,
        )
        if rows:
            numbers = [number for (number,) in rows]
            which = f"WHERE mark = %s AND id IN ({', '.join(['%s'] * len(numbers))})"
            insert = f"INSERT INTO {self._table} ({_COLUMNS}) SELECT {_COLUMNS} FROM {self._kept} {which}"  # noqa: S608
            execute(insert, mark, *numbers)
            execute(f"UPDATE {self._kept} SET back_at = %s {which}", int(time.time()), mark, *numbers)  # noqa: S608
        return len(rows)

    def _make_room(self) -> None:
        text = "LONGTEXT" if self._sql.dialect == "mysql" else "TEXT"
        with self._sql.transaction() as execute:
            execute(
                f"CREATE TABLE IF NOT EXISTS {self._kept} (mark VARCHAR(160) NOT NULL, id BIGINT NOT NULL, "
                f"queue VARCHAR(255) NOT NULL, payload {text} NOT NULL, attempts INT NOT NULL, "
                "available_at BIGINT NOT NULL, created_at BIGINT NOT NULL, back_at BIGINT NULL, PRIMARY KEY (mark, id))"
            )


def _bytes(payload: str | bytes) -> bytes:
    return payload if isinstance(payload, bytes) else payload.encode("utf-8", "surrogateescape")
