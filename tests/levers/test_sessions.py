"""Sessions ended on real servers: those of the plan, and only while they are at what was planned to be ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from typing import Any

import pytest

from runbook_lib import Mitigation
from runbook_lib.config.levers import Sessions
from runbook_lib.errors import ConfigurationError, ParameterError, PlatformError
from runbook_lib.levers.session import Session
from runbook_lib.levers.sessions import shown_query
from tests.levers.mitigating import Project, mitigate, plan
from tests.levers.stores import as_application, connected, run, url, with_application
from tests.real.databases import Database

OLDER = "[LEVERS.sessions]\nolder = 1\n"


def alive(session: Any) -> bool:
    try:
        cursor = session.cursor()
        cursor.execute("SELECT 1")
        cursor.fetchall()
    except Exception:
        return False
    return True


@pytest.fixture(params=["pgsql", "mysql"])
def database(request: pytest.FixtureRequest) -> Database:
    return with_application(request.getfixturevalue("postgresql" if request.param == "pgsql" else "mariadb"))


@pytest.fixture
def begin() -> Iterator[Callable[..., Any]]:
    """Opens a session with a statement in a transaction that stays open."""
    with ExitStack() as stack:

        def begin(database: Database, *statements: str) -> Any:
            session = database.connect()
            stack.callback(_close, session)
            cursor = session.cursor()
            for statement in statements:
                cursor.execute(statement)
            return session

        yield begin


def _close(session: Any) -> None:
    with suppress(Exception):
        session.close()


def waiting(database: Database, statement: str) -> threading.Thread:
    """A session of the application that waits for a lock, in the background."""

    def wait() -> None:
        with suppress(Exception), closing(as_application(database).connect()) as session:
            session.cursor().execute(statement)
            session.commit()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    time.sleep(1.8)
    return thread


LOCK = "UPDATE orders SET paid = 7 WHERE id = 1"


@pytest.mark.real
@pytest.mark.slow
class TestServers:
    def test_who_holds_up_others_is_ended_and_they_go_on(self, project, database, begin, monkeypatch) -> None:
        connected(project, database, "", monkeypatch)
        holder = begin(as_application(database), LOCK)
        waiter = waiting(database, "UPDATE orders SET paid = 9 WHERE id = 1")
        summary = mitigate("end_sessions")
        waiter.join(10)
        assert not waiter.is_alive()
        assert "succeeded" in summary
        assert not alive(holder)
        assert run(database, "SELECT paid FROM orders WHERE id = 1")[0][0] == 9
        assert project.in_force == []

    def test_who_is_idle_in_a_long_transaction_is_ended(self, project, database, begin, monkeypatch) -> None:
        connected(project, database, OLDER, monkeypatch)
        idle, other = begin(as_application(database), LOCK), begin(as_application(database))
        time.sleep(2.2)
        mitigate("end_sessions")
        assert (alive(idle), alive(other)) == (False, True)

    def test_a_statement_that_runs_long_is_ended(self, project, database, monkeypatch) -> None:
        connected(project, database, OLDER, monkeypatch)
        sleep = "SELECT pg_sleep(30)" if database.driver == "pgsql" else "SELECT SLEEP(30)"
        thread = waiting(database, sleep)
        time.sleep(0.8)
        mitigate("end_sessions")
        thread.join(5)
        assert not thread.is_alive()

    @pytest.mark.parametrize("sees", [True, False], ids=["seen", "not seen"])
    def test_the_administrator_is_spared(self, project, database, begin, sees, monkeypatch) -> None:
        """The url is the application's, so a superuser is somebody at maintenance."""
        connected(project, database, OLDER, monkeypatch)
        monkeypatch.setenv("DATABASE_URL", url(database, f"shop_{database.name}"))
        if database.driver == "mysql":
            run(database, f"GRANT PROCESS, CONNECTION ADMIN ON *.* TO shop_{database.name}@'%'")
            run(database, f"GRANT SELECT, EXECUTE ON sys.* TO shop_{database.name}@'%'")
            if sees:
                run(database, f"GRANT SELECT ON mysql.* TO shop_{database.name}@'%'")
        idle = begin(database, LOCK)
        time.sleep(2.2)
        with pytest.raises(PlatformError, match="no session holds up others"):
            plan("end_sessions")
        assert alive(idle)

    def test_users_that_are_to_be_spared_are(self, project, database, begin, monkeypatch) -> None:
        connected(project, database, f'{OLDER}spare = ["shop_{database.name}"]\n', monkeypatch)
        begin(as_application(database), LOCK)
        time.sleep(2.2)
        with pytest.raises(PlatformError, match="no session holds up others"):
            plan("end_sessions")

    def test_sessions_of_other_databases_are_left_alone(self, project, database, begin, request, monkeypatch) -> None:
        other = with_application(request.getfixturevalue("postgresql" if database.driver == "pgsql" else "mariadb"))
        connected(project, database, OLDER, monkeypatch)
        begin(as_application(other), LOCK)
        time.sleep(2.2)
        with pytest.raises(PlatformError, match="no session holds up others"):
            plan("end_sessions")

    def test_the_plan_shows_who_and_no_data(self, project, database, begin, monkeypatch) -> None:
        connected(project, database, OLDER, monkeypatch)
        begin(as_application(database), LOCK, "SELECT 'ada@shop.example', 4711")
        time.sleep(2.2)
        text = str(plan("end_sessions"))
        assert f"of shop_{database.name}" in text
        assert "ada@" not in text
        assert "4711" not in text
        assert not [p for p in (project.root / ".runbooks").rglob("*") if p.is_file() and b"ada@" in p.read_bytes()]

    def test_who_is_at_something_else_by_then_is_left_alone(self, project, database, begin, monkeypatch) -> None:
        connected(project, database, OLDER, monkeypatch)
        session = begin(as_application(database), LOCK)
        time.sleep(2.2)
        made = Mitigation.open("end_sessions")
        made.plan()
        made.gate()
        session.rollback()
        session.cursor().execute("UPDATE orders SET paid = 1 WHERE id = 2")
        made.apply()
        assert "succeeded" in made.close()
        assert alive(session)

    def test_killed_and_given_again(self, project, database, begin, monkeypatch) -> None:
        connected(project, database, OLDER, monkeypatch)
        session = begin(as_application(database), LOCK)
        time.sleep(2.2)
        project.killed(6, "before", "end_sessions")
        mitigate("end_sessions")
        assert not alive(session)


def test_without_a_database_the_key_to_add_is_named(project: Project) -> None:
    project.configure()
    with pytest.raises(ConfigurationError, match="end_sessions has no lever") as caught:
        mitigate("end_sessions")
    assert "levers.sessions" in caught.value.next_step


@pytest.mark.parametrize("value", ["-5", "0", "1e9", "1.5", "٣", "60; DROP TABLE orders", "9999999"])
def test_seconds_that_are_none_are_refused(project: Project, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://shop@127.0.0.1:9/shop")
    project.configure(database='kind = "pgsql"\nurl = { env = "DATABASE_URL" }')
    with pytest.raises(ParameterError, match="is no number of seconds"):
        mitigate("end_sessions", value)


def test_statements_are_shown_without_literals() -> None:
    query = "UPDATE users SET mail = 'o''neil@x', note = \"a 'b'\" WHERE id = 42 AND t1 > 3.5 -- " + "x" * 500
    assert shown_query(query).startswith("UPDATE users SET mail = ?, note = ? WHERE id = ? AND t1 > ? -- ")
    assert len(shown_query(query)) == 120
    assert shown_query("SELECT 'not closed") == "SELECT ?"


def test_a_session_is_the_same_while_it_is_at_the_same() -> None:
    one = Session(5, "a", "shop", "active", 100, 0, "")
    assert one.is_still(Session(5, "a", "shop", "idle", 101, 2, "other"))
    assert not one.is_still(Session(5, "b", "shop", "active", 100, 0, ""))
    assert not one.is_still(Session(5, "a", "shop", "active", 102, 0, ""))


def test_a_minute_is_the_usual_limit() -> None:
    assert Sessions().older == 60
