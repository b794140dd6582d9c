"""Readings from the application's database: does it answer, who waits for whom, what takes long, is there room for
more connections, does it take writes. A kind of database is one function."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.command import mask, printable
from runbook_lib.config import DatabaseKind
from runbook_lib.datastores.sql import Execute, Sql
from runbook_lib.errors import PlatformError
from runbook_lib.probes import sqlite_locks

MOST = 20
STATEMENT_LIMIT = 160
# Seconds for which a session must wait before it counts as blocked: short waits are everyday life.
WAIT = 1.0

# It runs and lets this look not in: another user, password, name of a database, or a rule of its own.
_REFUSED = re.compile(
    r"authentication failed|no password supplied|pg_hba\.conf|(role|database) \S+ does not exist|permission denied"
    r"|access denied|unknown database|host .{0,80} is (blocked|not allowed)|\b(1044|1045|1049|1129|1130|1698)\b",
    re.IGNORECASE,
)
_FULL = re.compile(r"too many (clients|connections)|connection slots are reserved|max_user_connections", re.I)


@dataclass(frozen=True)
class Session:
    """A connection that matters. id: as the server numbers it (a process id on PostgreSQL and SQLite); seconds: that
    its statement or transaction runs or waits; waits_for: ids of the sessions that it waits for; statement: the
    beginning of it, text from outside."""

    id: str
    seconds: float
    user: str = ""
    state: str = ""
    statement: str = ""
    waits_for: tuple[str, ...] = ()

    def __str__(self) -> str:
        about = ", ".join(word for word in (self.user, self.state, f"{self.seconds:.0f} s") if word)
        return f"session {self.id} ({about})" + (f": {self.statement}" if self.statement else "")


@dataclass(frozen=True)
class DatabaseState:
    """What was seen. reachable: it answered; full: it refused because all connections are used; seconds: of the answer;
    used, allowed: connections; read_only: why it takes no writes, or empty; slow: statements that run longer than
    allowed; blocked, blocking: sessions that wait for a lock, and those at the root that hold them up;
    up: seconds since the server was started, or None where it does not tell."""

    kind: DatabaseKind
    reachable: bool
    saw: str
    seconds: float = 0.0
    full: bool = False
    version: str = ""
    used: int | None = None
    allowed: int | None = None
    read_only: str = ""
    slow: tuple[Session, ...] = ()
    blocked: tuple[Session, ...] = ()
    blocking: tuple[Session, ...] = ()
    up: float | None = None

    @property
    def refuses(self) -> bool:
        """Whether it answered that it does not let this look in: nothing is known of it but that it runs."""
        return not self.reachable and not self.full and _REFUSED.search(self.saw) is not None


def state(sql: Sql, slow: float) -> DatabaseState:
    """Look once, with the connection's own limits of time. slow: seconds after which a statement is slow. Whatever goes
    wrong is a reading."""
    began = time.monotonic()
    try:
        if sql.dialect == "sqlite":
            return sqlite_state(sql, began)
        with sql.transaction(writes=False) as execute:
            execute("SELECT 1")
            seconds = time.monotonic() - began
            return replace(_LOOKS[sql.dialect](execute, slow), seconds=seconds)
    except PlatformError as error:
        saw = error.message.removeprefix("the database: ")
        return DatabaseState(sql.dialect, False, saw, time.monotonic() - began, full=bool(_FULL.search(saw)))


# -- PostgreSQL -------------------------------------------------------------------------------------------------------

_SESSIONS = """
SELECT pid, usename, state, coalesce(wait_event_type, ''), query, pg_blocking_pids(pid),
  extract(epoch FROM clock_timestamp() - query_start), extract(epoch FROM clock_timestamp() - xact_start)
FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type IN ('client backend', 'parallel worker') AND datname IS NOT NULL
"""
_ABOUT = """
SELECT current_setting('server_version'), current_setting('max_connections')::int,
  current_setting('superuser_reserved_connections')::int, pg_is_in_recovery(),
  current_setting('default_transaction_read_only'),
  (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
  extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())
"""


def _postgresql(execute: Execute, slow: float) -> DatabaseState:
    version, most, reserved, recovering, read_only, used, up = execute(_ABOUT)[0]
    sessions, transactions = {}, {}
    for pid, user, status, waiting, query, blockers, running, transaction in execute(_SESSIONS):
        waits = tuple(str(pid) for pid in blockers)
        busy = status == "active"
        seconds = float((running if busy else transaction) or 0)
        sessions[str(pid)] = Session(str(pid), seconds, user or "", status or "", _shown(query), waits)
        transactions[str(pid)] = (busy and waiting != "Lock", float(transaction or 0))
    read_only_why = "it is a standby in recovery" if recovering else ""
    if read_only == "on":
        read_only_why = "transactions are read-only by default"
    blocked, blocking = _chains(sessions)
    slow_ones = [one for one in sessions.values() if transactions[one.id][0] and one.seconds >= slow]
    return DatabaseState(
        "pgsql",
        True,
        f"PostgreSQL {version}",
        version=str(version),
        used=int(used),
        allowed=int(most) - int(reserved),
        read_only=read_only_why,
        slow=_longest(slow_ones),
        blocked=blocked,
        blocking=blocking,
        up=float(up),
    )


# -- MySQL, MariaDB ---------------------------------------------------------------------------------------------------

_PROCESSES = """
SELECT id, user, command, time, coalesce(state, ''), coalesce(info, '') FROM information_schema.processlist
WHERE id <> connection_id() AND user NOT IN ('system user', 'event_scheduler')
  AND command NOT IN ('Daemon', 'Binlog Dump', 'Slave_IO', 'Slave_SQL', 'Slave_worker')
"""
_VARIABLES = "SELECT version(), @@max_connections, @@read_only"
_WAITS_MARIADB = """
SELECT waiting.trx_mysql_thread_id, holding.trx_mysql_thread_id FROM information_schema.innodb_lock_waits waits
JOIN information_schema.innodb_trx waiting ON waiting.trx_id = waits.requesting_trx_id
JOIN information_schema.innodb_trx holding ON holding.trx_id = waits.blocking_trx_id
"""
_WAITS_MYSQL = """
SELECT waiting.processlist_id, holding.processlist_id FROM performance_schema.data_lock_waits waits
JOIN performance_schema.threads waiting ON waiting.thread_id = waits.requesting_thread_id
JOIN performance_schema.threads holding ON holding.thread_id = waits.blocking_thread_id
"""
_TRANSACTIONS = """
SELECT trx_mysql_thread_id, timestampdiff(SECOND, trx_started, now()) FROM information_schema.innodb_trx
"""


def _mysql(execute: Execute, slow: float) -> DatabaseState:
    version, most, read_only = execute(_VARIABLES)[0]
    used = int(execute("SHOW GLOBAL STATUS LIKE 'Threads_connected'")[0][1])
    up = float(execute("SHOW GLOBAL STATUS LIKE 'Uptime'")[0][1])
    maria = "mariadb" in str(version).lower()
    waits = _pairs(execute, _WAITS_MARIADB if maria else _WAITS_MYSQL)
    ages = dict(_rows(execute, _TRANSACTIONS))
    sessions: dict[str, Session] = {}
    for number, user, command, seconds, status, query in execute(_PROCESSES):
        idle = command == "Sleep"
        state = "in transaction, idle" if idle and number in ages else "idle" if idle else str(status or command)
        age = float((ages.get(number, seconds) if idle else seconds) or 0)
        sessions[str(number)] = Session(str(number), age, str(user), state, _shown(query), waits.get(str(number), ()))
    _add_table_locks(sessions, {str(number) for number in ages})
    blocked, blocking = _chains(sessions)
    slow_ones = [one for one in sessions.values() if _runs(one) and one.seconds >= slow]
    return DatabaseState(
        "mysql",
        True,
        f"{'MariaDB' if maria else 'MySQL'} {version}",
        version=str(version),
        used=used,
        allowed=int(most),
        read_only="read_only is on" if str(read_only) not in ("0", "OFF") else "",
        slow=_longest(slow_ones),
        blocked=blocked,
        blocking=blocking,
        up=up,
    )


def _runs(session: Session) -> bool:
    return bool(session.statement) and "idle" not in session.state and not session.waits_for


def _add_table_locks(sessions: dict[str, Session], transactions: set[str]) -> None:
    """Who waits for the lock of a table's definition waits for some open transaction: the oldest other ones."""
    for one in list(sessions.values()):
        if re.search(r"waiting for .*(metadata|table).*lock", one.state, re.I) and not one.waits_for:
            holders = [other for other in transactions if other in sessions and other != one.id]
            oldest = sorted(holders, key=lambda name: -sessions[name].seconds)[:1]
            sessions[one.id] = replace(one, waits_for=tuple(oldest) or ("unknown",))


def _pairs(execute: Execute, query: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for waiting, holding in _rows(execute, query):
        found[str(waiting)] = (*found.get(str(waiting), ()), str(holding))
    return found


def _rows(execute: Execute, query: str) -> list[tuple[Any, ...]]:
    """Rows that this user may not be allowed to see, which is no reason to see nothing else."""
    try:
        return execute(query)
    except PlatformError:
        return []


# -- SQLite -----------------------------------------------------------------------------------------------------------


def sqlite_state(sql: Sql, began: float) -> DatabaseState:
    """A file says nothing of its sessions: it is asked for its write lock, which is given back at once."""
    with sql.transaction(writes=False) as execute:
        ((version,),) = execute("SELECT sqlite_version()")
        execute("SELECT count(*) FROM sqlite_master")
        ((_, _, file),) = [row for row in execute("PRAGMA database_list") if row[1] == "main"]
    seconds = time.monotonic() - began
    found = DatabaseState("sqlite", True, f"SQLite {version}", seconds, version=str(version))
    why, waited = sqlite_locks.refused(file, WAIT)
    if why == "locked":
        holders = tuple(
            Session(str(holder.pid), waited, state="holds the write lock", statement=_shown(holder.command))
            for holder in sqlite_locks.holders(file)
        )
        waiting = Session("of this look", waited, state="waits", waits_for=tuple(holder.id for holder in holders))
        return replace(found, blocked=(waiting,), blocking=holders)
    return replace(found, read_only=why)


# -- what they share --------------------------------------------------------------------------------------------------


def _chains(sessions: dict[str, Session]) -> tuple[tuple[Session, ...], tuple[Session, ...]]:
    """Who has waited too long, and who is at the root of it and waits for nobody."""
    blocked = [one for one in sessions.values() if one.waits_for and one.seconds >= WAIT]
    roots: dict[str, Session] = {}
    for one in blocked:
        for root in _roots(one, sessions):
            roots[root.id] = root
    return _longest(blocked), _longest(list(roots.values()))


def _roots(session: Session, sessions: dict[str, Session]) -> list[Session]:
    found, seen, ahead = [], {session.id}, list(session.waits_for)
    while ahead:
        name = ahead.pop()
        if name in seen or name not in sessions:
            continue
        seen.add(name)
        ahead += sessions[name].waits_for
        found += [] if sessions[name].waits_for else [sessions[name]]
    return found


def _longest(sessions: list[Session]) -> tuple[Session, ...]:
    return tuple(sorted(sessions, key=lambda one: -one.seconds)[:MOST])


def _shown(statement: object) -> str:
    return printable(mask(" ".join(str(statement or "").split())), STATEMENT_LIMIT)


_LOOKS: dict[DatabaseKind, Callable[[Execute, float], DatabaseState]] = {"pgsql": _postgresql, "mysql": _mysql}
