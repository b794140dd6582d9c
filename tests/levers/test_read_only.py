"""Writes stopped and resumed on real servers, seen by the application's own user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from runbook_lib.errors import ConfigurationError, ParameterError, PlatformError, VerificationFailedError
from tests.levers.mitigating import Project, mitigate, plan, undo
from tests.levers.stores import as_application, connected, run, with_application
from tests.real.databases import Database, Server

LEVER = '[LEVERS.read_only]\napplication = { env = "APPLICATION_URL" }\n'
TERMINATE = LEVER + 'sessions = "terminate"\n'
COMMANDS = """
[LEVERS.read_only]
run = ["touch", "locked"]
undo = ["rm", "-f", "locked"]
refused = ["test", "-e", "locked"]
"""


def write(database: Database) -> None:
    """As the application does, in a session of its own."""
    run(as_application(database), "UPDATE orders SET paid = paid + 1 WHERE id = 1")


def is_refused(database: Database) -> bool:
    try:
        write(database)
    except Exception as error:
        return "read-only" in str(error).replace("--", "-")
    return False


@pytest.fixture(params=["pgsql", "mysql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database whose server takes writes again afterwards: read_only of MariaDB is the whole server's."""
    made = with_application(request.getfixturevalue("postgresql" if request.param == "pgsql" else "mariadb"))
    yield made
    if made.driver == "mysql":
        run(made, "SET GLOBAL read_only = 0")


@pytest.fixture
def pgsql(postgresql: Server) -> Database:
    return with_application(postgresql)


@pytest.mark.real
@pytest.mark.slow
class TestServers:
    def test_writes_are_stopped_and_resumed(self, project, database, monkeypatch) -> None:
        connected(project, database, LEVER, monkeypatch)
        mitigate("read_only")
        assert is_refused(database)
        assert project.says == ["in effect"]
        undo("read_only")
        assert not is_refused(database)
        assert project.in_force == []

    def test_reading_goes_on(self, project, database, monkeypatch) -> None:
        connected(project, database, LEVER, monkeypatch)
        mitigate("read_only")
        assert run(as_application(database), "SELECT count(*) FROM orders")[0][0] == 2

    def test_trying_changes_nothing(self, project, database, monkeypatch) -> None:
        connected(project, database, LEVER, monkeypatch)
        mitigate("read_only")
        undo("read_only")
        assert [tuple(row) for row in run(database, "SELECT id, paid FROM orders ORDER BY id")] == [(1, 0), (2, 0)]

    def test_undone_by_hand_it_is_noticed_and_lifted(self, project, database, monkeypatch) -> None:
        connected(project, database, LEVER, monkeypatch)
        mitigate("read_only")
        by_hand = {
            "pgsql": f"ALTER DATABASE {database.name} RESET default_transaction_read_only",
            "mysql": "SET GLOBAL read_only = 0",
        }
        if database.driver == "pgsql":
            with closing(database.connect()) as connection:
                connection.execute("SET TRANSACTION READ WRITE")
                connection.execute(by_hand["pgsql"])
                connection.commit()
        else:
            run(database, by_hand["mysql"])
        assert project.says == ["not in effect: undone by hand, or never come to be"]
        undo("read_only")
        assert [event.data.get("by") for event in project.journal.events(kind="lifted")] == ["was undone by hand"]

    def test_it_is_taken_back_without_the_table_of_the_lever(self, project, database, monkeypatch) -> None:
        connected(project, database, LEVER, monkeypatch)
        mitigate("read_only")
        connected(project, database, "", monkeypatch)
        undo("read_only")
        assert not is_refused(database)

    def test_the_password_is_in_no_record(self, project, database, monkeypatch) -> None:
        connected(project, database, LEVER, monkeypatch)
        monkeypatch.setenv("APPLICATION_URL", f"{'postgresql' if database.driver == 'pgsql' else 'mysql'}://x:pa55@h/d")
        with pytest.raises(Exception, match=r"."):
            mitigate("read_only")
        files = [path for path in (project.root / ".runbooks").rglob("*") if path.is_file()]
        assert not [path for path in files if b"pa55" in path.read_bytes()]
        if database.driver == "pgsql":
            run(database, f"ALTER DATABASE {database.name} RESET default_transaction_read_only")


@pytest.mark.real
@pytest.mark.slow
class TestPostgresql:
    def test_what_was_set_before_is_put_back(self, project, pgsql, monkeypatch) -> None:
        """By role: what the database says of everybody is left as it is."""
        role = f"shop_{pgsql.name}"
        setting = f"ALTER ROLE {role} IN DATABASE {pgsql.name} SET default_transaction_read_only = off"
        run(pgsql, setting)
        connected(project, pgsql, LEVER + f'role = "{role}"\n', monkeypatch)
        mitigate("read_only")
        assert is_refused(pgsql)
        undo("read_only")
        rows = run(pgsql, "SELECT setconfig FROM pg_db_role_setting WHERE setrole <> 0")
        assert ["default_transaction_read_only=off"] in [row[0] for row in rows]

    def test_by_role_others_still_write(self, project, pgsql, monkeypatch) -> None:
        connected(project, pgsql, LEVER + f'role = "shop_{pgsql.name}"\n', monkeypatch)
        mitigate("read_only")
        run(pgsql, "UPDATE orders SET paid = 5 WHERE id = 2")
        assert is_refused(pgsql)

    def test_open_sessions_go_on_writing_and_are_named(self, project, pgsql, monkeypatch) -> None:
        connected(project, pgsql, LEVER, monkeypatch)
        with closing(as_application(pgsql).connect()) as session:
            session.autocommit = True
            session.execute("SELECT 1")
            mitigate("read_only")
            session.execute("UPDATE orders SET paid = 1 WHERE id = 1")
        [verdict] = [e.data for e in project.journal.events(kind="verified")]
        assert "up to 1 open sessions keep on writing" in " ".join(verdict["reasons"])

    def test_open_sessions_are_ended_where_that_is_wanted(self, project, pgsql, monkeypatch) -> None:
        connected(project, pgsql, TERMINATE, monkeypatch)
        with closing(as_application(pgsql).connect()) as session, closing(pgsql.connect()) as administrator:
            session.execute("SELECT 1")
            session.rollback()
            # Whoever looks after the database as a superuser is not the application, and is left alone.
            administrator.execute("SELECT 1")
            mitigate("read_only")
            with pytest.raises(Exception, match=r"terminat|closed"):
                session.execute("UPDATE orders SET paid = 1 WHERE id = 1")
            administrator.execute("SELECT 1")

    def test_a_setting_that_is_on_already_stays_on(self, project, pgsql, monkeypatch) -> None:
        run(pgsql, f"ALTER DATABASE {pgsql.name} SET default_transaction_read_only = on")
        connected(project, pgsql, LEVER, monkeypatch)
        mitigate("read_only")
        undo("read_only")
        assert is_refused(pgsql)

    @pytest.mark.parametrize(("number", "when"), [(6, "after"), (8, "after"), (9, "before"), (10, "before")])
    def test_killed_and_given_again(self, project, pgsql, monkeypatch, number, when) -> None:
        connected(project, pgsql, TERMINATE, monkeypatch)
        project.killed(number, when, "read_only")
        mitigate("read_only")
        assert is_refused(pgsql)
        undo("read_only")
        assert not is_refused(pgsql)


@pytest.mark.real
@pytest.mark.slow
class TestMariadb:
    def test_a_user_with_super_still_writes_and_that_is_said(self, project, mariadb, monkeypatch) -> None:
        database = with_application(mariadb)
        connected(project, database, "", monkeypatch)
        with pytest.raises(VerificationFailedError, match=r"may write all the same \(SUPER"):
            mitigate("read_only")
        assert run(database, "SELECT @@GLOBAL.read_only")[0][0] == 0
        assert project.in_force == []

    def test_open_sessions_are_stopped_at_once(self, project, mariadb, monkeypatch) -> None:
        database = with_application(mariadb)
        connected(project, database, LEVER, monkeypatch)
        with closing(as_application(database).connect()) as session:
            cursor: Any = session.cursor()
            cursor.execute("SELECT 1")
            mitigate("read_only")
            try:
                with pytest.raises(Exception, match=r"read-only"):
                    cursor.execute("UPDATE orders SET paid = 1")
            finally:
                undo("read_only")


def test_with_commands_of_your_own(project: Project) -> None:
    project.configure(COMMANDS)
    mitigate("read_only")
    assert project.says == ["in effect"]
    undo("read_only")
    assert project.in_force == []


def test_commands_that_stop_nothing_go_back(project: Project) -> None:
    project.configure(COMMANDS.replace('run = ["touch", "locked"]', 'run = ["true"]'))
    with pytest.raises(VerificationFailedError, match=r"test -e locked. at local ended with status 1"):
        mitigate("read_only")
    assert project.in_force == []


def test_without_a_database_the_key_to_add_is_named(project: Project) -> None:
    project.configure()
    with pytest.raises(ConfigurationError, match="neither a table database nor commands") as caught:
        mitigate("read_only")
    assert "levers.read_only" in caught.value.next_step


def test_sqlite_needs_commands(project: Project) -> None:
    project.configure(database='kind = "sqlite"\nfile = "shop.db"')
    with pytest.raises(ConfigurationError, match="SQLite has no switch"):
        mitigate("read_only")


def test_a_database_that_is_down_is_an_error_and_nothing_is_in_force(project, monkeypatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://shop@127.0.0.1:9/shop")
    project.configure(database='kind = "pgsql"\nurl = { env = "DATABASE_URL" }\ntimeout = 1')
    with pytest.raises(PlatformError, match="the database"):
        plan("read_only")


def test_it_takes_no_value(project: Project) -> None:
    project.configure(COMMANDS)
    with pytest.raises(ParameterError, match="read_only takes no value"):
        mitigate("read_only", "on")
