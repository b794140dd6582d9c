"""What a database says of itself, on real servers in real trouble."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_lib.command import Secret
from runbook_lib.datastores.sql import Place, Sql, server
from runbook_lib.probes.database import state
from tests.real.databases import Database, Driver, Server, fresh_database

SERVERS: tuple[Driver, ...] = ("pgsql", "mysql")


def sql(database: Database, timeout: float = 4) -> Sql:
    """A way to a server of the tests', as the configuration gives it."""
    place = Place(database.driver, "127.0.0.1", database.port, database.user, Secret(""), database.name)
    return Sql(server(place, timeout), database.driver)


def sqlite_sql(file: Path) -> Sql:
    return Sql(lambda: sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=2), "sqlite")


@pytest.fixture(params=SERVERS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    made = fresh_database(request, request.param, tmp_path)
    connection = made.connect()
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE orders (id int PRIMARY KEY, total int)")
    cursor.execute("INSERT INTO orders VALUES (1, 100)")
    connection.commit()
    connection.close()
    return made


def run(database: Database, *statements: str) -> threading.Thread:
    """Statements in a session of their own, in the background; whatever becomes of them."""

    def work() -> None:
        connection = database.connect()
        try:
            for statement in statements:
                connection.cursor().execute(statement)
        except Exception:
            # Ended by the test, one way or another.
            return
        finally:
            connection.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.real
@pytest.mark.slow
def test_a_healthy_server_is_reachable_and_nothing_stands_out(database: Database) -> None:
    seen = state(sql(database), slow=5)
    assert seen.reachable
    assert seen.version
    assert seen.seconds < 2
    assert (seen.slow, seen.blocked, seen.blocking, seen.read_only, seen.full) == ((), (), (), "", False)
    assert seen.used is not None
    assert seen.allowed is not None
    assert 1 <= seen.used < seen.allowed


@pytest.mark.real
@pytest.mark.slow
def test_a_session_that_waits_for_a_lock_and_the_one_that_holds_it(database: Database) -> None:
    holder = database.connect()
    holder.cursor().execute("UPDATE orders SET total = 1 WHERE id = 1")
    number = "SELECT pg_backend_pid()" if database.driver == "pgsql" else "SELECT connection_id()"
    cursor = holder.cursor()
    cursor.execute(number)
    pid = str(cursor.fetchone()[0])
    waiting = run(database, "UPDATE orders SET total = 2 WHERE id = 1")
    try:
        time.sleep(2.2)
        seen = state(sql(database), slow=5)
    finally:
        holder.rollback()
        holder.close()
        waiting.join(10)
    assert [session.id for session in seen.blocking] == [pid]
    assert len(seen.blocked) == 1
    assert seen.blocked[0].waits_for == (pid,)
    assert "UPDATE orders" in seen.blocked[0].statement
    assert seen.blocked[0].seconds >= 1


@pytest.mark.real
@pytest.mark.slow
def test_a_chain_of_waiting_sessions_has_one_root(database: Database) -> None:
    holder = database.connect()
    holder.cursor().execute("UPDATE orders SET total = 1 WHERE id = 1")
    waiting = [run(database, "UPDATE orders SET total = total + 1 WHERE id = 1") for _ in range(3)]
    try:
        time.sleep(2.2)
        seen = state(sql(database), slow=5)
    finally:
        holder.rollback()
        holder.close()
        for thread in waiting:
            thread.join(10)
    assert len(seen.blocked) == 3
    assert len(seen.blocking) == 1


@pytest.mark.real
@pytest.mark.slow
def test_a_table_whose_definition_is_locked(database: Database) -> None:
    holder = database.connect()
    holder.cursor().execute("SELECT * FROM orders")
    waiting = run(database, "ALTER TABLE orders ADD COLUMN note int")
    try:
        time.sleep(2.2)
        seen = state(sql(database), slow=5)
    finally:
        holder.rollback()
        holder.close()
        waiting.join(10)
    assert [session.statement[:12] for session in seen.blocked] == ["ALTER TABLE "]
    assert len(seen.blocking) == 1


@pytest.mark.real
@pytest.mark.slow
def test_a_statement_that_runs_long(database: Database) -> None:
    sleep = "SELECT pg_sleep(4)" if database.driver == "pgsql" else "SELECT sleep(4)"
    running = run(database, sleep)
    time.sleep(1.5)
    seen = state(sql(database), slow=1)
    assert len(seen.slow) == 1
    assert "sleep(4)" in seen.slow[0].statement
    assert not state(sql(database), slow=60).slow
    running.join(10)


@pytest.mark.real
@pytest.mark.slow
def test_connections_are_counted_and_their_end_is_told_apart_from_a_server_that_is_down(database: Database) -> None:
    held = []
    before = state(sql(database), slow=5)
    assert before.allowed is not None
    try:
        for _ in range(before.allowed + 10):
            held.append(database.connect())
    except Exception:
        # Full, one way or another; the tests' user has the last connections to itself on PostgreSQL.
        assert held
    seen = state(sql(database), slow=5)
    for connection in held:
        connection.close()
    assert seen.full or (seen.used or 0) >= (seen.allowed or 0)
    if not seen.reachable:
        assert "many" in seen.saw or "reserved" in seen.saw


@pytest.mark.real
@pytest.mark.slow
def test_a_database_that_takes_no_writes(database: Database) -> None:
    administrator = database.connect()
    administrator.autocommit(True) if database.driver == "mysql" else setattr(administrator, "autocommit", True)
    cursor = administrator.cursor()
    on = "SET GLOBAL read_only = 1"
    off = "SET GLOBAL read_only = 0"
    if database.driver == "pgsql":
        on = f"ALTER DATABASE {database.name} SET default_transaction_read_only = on"
        off = f"ALTER DATABASE {database.name} SET default_transaction_read_only = off"
    cursor.execute(on)
    try:
        seen = state(sql(database), slow=5)
    finally:
        cursor.execute(off)
        administrator.close()
    assert seen.read_only
    assert not state(sql(database), slow=5).read_only


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.mark.slow
@pytest.mark.parametrize("driver", SERVERS)
def test_a_server_that_never_answers_is_given_up_in_time(driver: Driver, silent: int) -> None:
    began = time.monotonic()
    seen = state(sql(Database(driver, "shop", silent, "shop"), timeout=2), slow=5)
    assert not seen.reachable
    assert not seen.full
    assert time.monotonic() - began < 6


@pytest.mark.parametrize("driver", SERVERS)
def test_nobody_there_is_a_reading(driver: Driver) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    seen = state(sql(Database(driver, "shop", port, "shop"), timeout=2), slow=5)
    assert not seen.reachable
    assert "refused" in seen.saw.lower()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "shop.db"
    with sqlite3.connect(made) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE orders (id)")
    connection.close()
    return made


def test_a_file_that_is_well(file: Path) -> None:
    seen = state(sqlite_sql(file), slow=5)
    assert seen.reachable
    assert not seen.blocked
    assert not seen.read_only


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    seen = state(sqlite_sql(tmp_path / "gone.db"), slow=5)
    assert not seen.reachable
    assert "unable to open" in seen.saw
    assert not (tmp_path / "gone.db").exists()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_file_whose_write_lock_another_process_holds(file: Path, mode: str) -> None:
    import subprocess
    import sys

    program = (
        "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        f"c.execute('PRAGMA journal_mode = {mode}'); c.execute('BEGIN IMMEDIATE'); print('held', flush=True);"
        "time.sleep(30)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, str(file)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        seen = state(sqlite_sql(file), slow=5)
    finally:
        holder.kill()
        holder.wait()
    assert seen.reachable
    assert [session.id for session in seen.blocking] == [str(holder.pid)]
    assert len(seen.blocked) == 1


def test_looking_leaves_a_file_as_it_was(file: Path) -> None:
    before = file.read_bytes()
    state(sqlite_sql(file), slow=5)
    assert file.read_bytes() == before


def test_a_file_that_cannot_be_written(file: Path, read_only: Callable[[Path], None]) -> None:
    sqlite3.connect(file).execute("PRAGMA journal_mode = DELETE").connection.close()
    read_only(file.parent)
    assert state(sqlite_sql(file), slow=5).read_only


def test_statements_are_shown_without_secrets_and_cut(file: Path) -> None:
    from runbook_lib.probes.database import _shown

    Secret("hunter2-hunter2")
    shown = _shown("SELECT 'hunter2-hunter2',\n   '\x1b[2J'" + "x" * 500)
    assert "hunter2" not in shown
    assert "\x1b" not in shown
    assert len(shown) <= 160


def test_the_servers_are_asked_for_real(postgresql: Server, mariadb: Server) -> None:
    assert "PostgreSQL" in state(sql(postgresql.fresh()), slow=5).saw
    assert "MariaDB" in state(sql(mariadb.fresh()), slow=5).saw
