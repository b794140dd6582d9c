"""Passwords of a real PostgreSQL that asks for them: new beside old, and the old one dead in the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runbook_lib.command import Secret
from runbook_lib.datastores.sql import Place
from runbook_lib.errors import ConfigurationError, PlatformError
from runbook_lib.rotation.kinds.postgresql import PostgresPassword
from tests.real.databases import Database, Server

pytestmark = [pytest.mark.real, pytest.mark.slow]

OLD = {"user": "shop", "password": "o'ld %s"}


def asks_for_passwords(database: Database) -> None:
    """From now on the server asks whoever comes to this database for a password, but for its first user."""
    with database.connect() as connection:
        connection.autocommit = True
        file = connection.execute("SHOW hba_file").fetchone()[0]
        rules = connection.execute("SELECT pg_read_file(%s)", [file]).fetchone()[0].splitlines()
        rule = f"host {database.name} all 127.0.0.1/32 scram-sha-256"
        first = f"host {database.name} {database.user} 127.0.0.1/32 trust"
        lines = [first, rule, *(line for line in rules if line and not line.startswith("#"))]
        connection.execute("CREATE TEMP TABLE hba (n serial, line text)")
        for line in lines:
            connection.execute("INSERT INTO hba (line) VALUES (%s)", [line])
        connection.execute(psycopg.sql.SQL("COPY (SELECT line FROM hba ORDER BY n) TO {}").format(file))
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture
def database(postgresql: Server) -> Iterator[Database]:
    database = postgresql.fresh()
    asks_for_passwords(database)
    with database.connect() as connection:
        connection.autocommit = True
        connection.execute("CREATE ROLE shop LOGIN CONNECTION LIMIT 20 PASSWORD 'o''ld %s'")
        connection.execute(f"GRANT ALL ON DATABASE {database.name} TO shop")
        connection.execute(f"ALTER DATABASE {database.name} OWNER TO shop")
        connection.execute("ALTER SCHEMA public OWNER TO shop")
        connection.execute("""ALTER ROLE shop SET search_path = "$user", public, 'O''dd'""")
        connection.execute(f"ALTER ROLE shop IN DATABASE {database.name} SET statement_timeout = '7s'")
    with login(database, **OLD) as connection:
        connection.execute("CREATE TABLE orders (id int)")
    yield database
    with database.connect() as connection:
        connection.autocommit = True
        connection.execute("DROP OWNED BY shop")
        connection.execute(f"ALTER DATABASE {database.name} OWNER TO {database.user}")
        for role in ("shop__a", "shop__b", "shop"):
            connection.execute(f"DROP ROLE IF EXISTS {role}")


def login(database: Database, user: str, password: str) -> Any:
    return psycopg.connect(
        host="127.0.0.1", port=database.port, dbname=database.name, user=user, password=password, connect_timeout=5
    )


@pytest.fixture
def kind(database: Database) -> PostgresPassword:
    place = Place("pgsql", "127.0.0.1", database.port, database.user, Secret(""), database.name)
    return PostgresPassword(place, 5, 0.5)


def rotate(kind: PostgresPassword, old: dict[str, str]) -> dict[str, str]:
    facts = kind.facts(old)
    new = kind.make(old, facts)
    kind.introduce(old, new, facts)
    assert kind.try_out(old).answer == kind.try_out(new).answer == "accepted"
    kind.retire(old, new, facts)
    assert kind.try_out(old).answer == "refused"
    return new


def test_there_and_back_and_there_again(kind: PostgresPassword) -> None:
    first = rotate(kind, OLD)
    second = rotate(kind, first)
    third = rotate(kind, second)
    assert [values["user"] for values in (first, second, third)] == ["shop__a", "shop__b", "shop__a"]
    assert kind.try_out({**first}).answer == "refused"


def test_the_new_role_is_the_owner_in_all_that_it_does(kind: PostgresPassword, database: Database) -> None:
    new = rotate(kind, OLD)
    with login(database, **new) as connection:
        row = connection.execute("SELECT current_user, session_user, current_setting('search_path')").fetchone()
        assert row == ("shop", "shop__a", '"$user", public, "O\'dd"')
        assert connection.execute("SHOW statement_timeout").fetchone() == ("7s",)
        connection.execute("ALTER TABLE orders ADD COLUMN total int")
        connection.execute("CREATE TABLE invoices (id int)")
        owner = connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'invoices'").fetchone()
        assert owner == ("shop",)
    with database.connect() as connection:
        limit = connection.execute("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'shop__a'").fetchone()
        assert limit == (20,)


def test_introduced_twice_is_introduced_once(kind: PostgresPassword) -> None:
    facts = kind.facts(OLD)
    new = kind.make(OLD, facts)
    for _ in range(2):
        kind.introduce(OLD, new, facts)
    assert kind.try_out(new).answer == "accepted"


def test_withdrawn_it_is_dead_and_the_old_one_lives(kind: PostgresPassword) -> None:
    facts = kind.facts(OLD)
    new = kind.make(OLD, facts)
    kind.introduce(OLD, new, facts)
    kind.withdraw(OLD, new, facts)
    kind.withdraw(OLD, new, facts)
    assert (kind.try_out(new).answer, kind.try_out(OLD).answer) == ("refused", "accepted")


def test_retired_and_restored(kind: PostgresPassword) -> None:
    facts = kind.facts(OLD)
    new = kind.make(OLD, facts)
    kind.introduce(OLD, new, facts)
    kind.retire(OLD, new, facts)
    kind.restore(OLD, new, facts)
    assert kind.try_out(OLD).answer == "accepted"


def test_a_session_gets_its_time_and_is_ended_then(kind: PostgresPassword, database: Database) -> None:
    facts = kind.facts(OLD)
    new = kind.make(OLD, facts)
    kind.introduce(OLD, new, facts)
    short, long = login(database, **OLD), login(database, **OLD)
    threading.Timer(0.2, short.close).start()
    assert kind.retire(OLD, new, facts) == "ended 1 session"
    with pytest.raises(psycopg.OperationalError):
        long.execute("SELECT 1")


def test_the_password_is_in_no_log_of_the_server(
    kind: PostgresPassword, database: Database, postgresql: Server
) -> None:
    with database.connect() as connection:
        connection.autocommit = True
        folder = Path(connection.execute("SHOW data_directory").fetchone()[0]).parent
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")
    try:
        new = rotate(kind, OLD)
    finally:
        with database.connect() as connection:
            connection.autocommit = True
            connection.execute("ALTER SYSTEM RESET log_statement")
            connection.execute("SELECT pg_reload_conf()")
    log = (folder / "log").read_text(errors="replace")
    assert 'ALTER ROLE "shop__a" LOGIN' in log
    assert new["password"] not in log


def test_what_cannot_work_is_refused_before_anything(kind: PostgresPassword, database: Database) -> None:
    with pytest.raises(ConfigurationError, match="is the application's user and the one that would lock it out"):
        kind.facts({"user": database.user, "password": ""})
    with pytest.raises(PlatformError, match="PostgreSQL has no role nobody"):
        kind.facts({"user": "nobody", "password": "x"})
    place = Place("pgsql", "127.0.0.1", database.port, "shop", Secret(OLD["password"]), database.name)
    with database.connect() as connection:
        connection.execute("CREATE ROLE shop__b LOGIN PASSWORD 'x'")
    with pytest.raises(PlatformError, match="shop may not make roles"):
        PostgresPassword(place, 5, 0).facts({"user": "shop__b", "password": "x"})


def test_a_dead_password_and_a_server_that_takes_any_are_said(kind: PostgresPassword, postgresql: Server) -> None:
    dead = kind.warnings(kind.facts({"user": "shop", "password": "wrong"}))
    assert dead == ["the present password of shop is refused by the server"]
    trusting = postgresql.fresh()
    place = Place("pgsql", "127.0.0.1", trusting.port, trusting.user, Secret(""), trusting.name)
    said = PostgresPassword(place, 5, 0)
    assert said.warnings(said.facts(OLD)) == ["the server lets shop in with any password: mend pg_hba.conf"]


def test_no_server_is_no_refusal() -> None:
    place = Place("pgsql", "127.0.0.1", 9, "postgres", Secret(""), "shop")
    assert PostgresPassword(place, 1, 0).try_out(OLD).answer == "unknown"
