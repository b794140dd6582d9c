"""Passwords of a real MariaDB: new beside old, and the old one locked in the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql
import pytest

from runbook_lib.command import Secret
from runbook_lib.datastores.sql import Place
from runbook_lib.errors import ConfigurationError, PlatformError
from runbook_lib.rotation.kinds.mysql import MysqlPassword
from tests.real.databases import Database, Server

pytestmark = [pytest.mark.real, pytest.mark.slow]

OLD = {"user": "shop", "password": "o'ld %s"}


@pytest.fixture
def database(mariadb: Server) -> Iterator[Database]:
    database = mariadb.fresh()
    with database.connect() as connection, connection.cursor() as cursor:
        for host in ("%", "localhost"):
            cursor.execute(f"CREATE USER 'shop'@'{host}' IDENTIFIED BY 'o''ld %s' WITH MAX_USER_CONNECTIONS 20")
        cursor.execute(f"GRANT ALL ON `{database.name}`.* TO 'shop'@'%' WITH GRANT OPTION")
        pattern = database.name.replace("_", "\\_")
        cursor.execute(f"GRANT SELECT, CREATE, CREATE VIEW ON `{pattern}`.* TO 'shop'@'localhost'")
        cursor.execute("CREATE ROLE IF NOT EXISTS readers")
        cursor.execute("GRANT readers TO 'shop'@'%'")
        cursor.execute("SET DEFAULT ROLE readers FOR 'shop'@'%'")
    yield database
    with database.connect() as connection, connection.cursor() as cursor:
        for user in ("shop", "shop__a", "shop__b"):
            for host in ("%", "localhost"):
                cursor.execute(f"DROP USER IF EXISTS '{user}'@'{host}'")
        cursor.execute("DROP ROLE IF EXISTS readers")


def login(database: Database, user: str, password: str) -> Any:
    return pymysql.connect(
        host="127.0.0.1", port=database.port, database=database.name, user=user, password=password, connect_timeout=5
    )


@pytest.fixture
def kind(database: Database) -> MysqlPassword:
    place = Place("mysql", "127.0.0.1", database.port, "root", Secret(""), database.name)
    return MysqlPassword(place, 5, 0.5)


def rotate(kind: MysqlPassword, old: dict[str, str]) -> dict[str, str]:
    facts = kind.facts(old)
    new = kind.make(old, facts)
    kind.introduce(old, new, facts)
    assert kind.try_out(old).answer == kind.try_out(new).answer == "accepted"
    kind.retire(old, new, facts)
    assert kind.try_out(old).answer == "refused"
    return new


def grants(database: Database, user: str, host: str) -> list[str]:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW GRANTS FOR %s@%s", (user, host))
        return [row[0].partition(" IDENTIFIED")[0].replace(user, "USER") for row in cursor.fetchall()]


def test_there_and_back_and_there_again(kind: MysqlPassword) -> None:
    first = rotate(kind, OLD)
    second = rotate(kind, first)
    third = rotate(kind, second)
    assert [values["user"] for values in (first, second, third)] == ["shop__a", "shop__b", "shop__a"]
    assert kind.try_out(first).answer == "refused"


@pytest.mark.parametrize("host", ["%", "localhost"])
def test_the_new_user_has_the_same_grants(kind: MysqlPassword, database: Database, host: str) -> None:
    before = grants(database, "shop", host)
    rotate(kind, OLD)
    assert grants(database, "shop__a", host) == before
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT max_user_connections FROM mysql.user WHERE user = 'shop__a'")
        assert set(cursor.fetchall()) == {(20,)}


def test_introduced_twice_is_introduced_once(kind: MysqlPassword) -> None:
    facts = kind.facts(OLD)
    new = kind.make(OLD, facts)
    for _ in range(2):
        kind.introduce(OLD, new, facts)
    assert kind.try_out(new).answer == "accepted"


def test_withdrawn_it_is_dead_and_the_old_one_lives(kind: MysqlPassword) -> None:
    facts = kind.facts(OLD)
    new = kind.make(OLD, facts)
    kind.introduce(OLD, new, facts)
    kind.withdraw(OLD, new, facts)
    kind.withdraw(OLD, new, facts)
    assert (kind.try_out(new).answer, kind.try_out(OLD).answer) == ("refused", "accepted")


def test_retired_and_restored(kind: MysqlPassword) -> None:
    facts = kind.facts(OLD)
    new = kind.make(OLD, facts)
    kind.introduce(OLD, new, facts)
    kind.retire(OLD, new, facts)
    kind.restore(OLD, new, facts)
    assert kind.try_out(OLD).answer == "accepted"


def test_a_view_of_the_locked_user_goes_on(kind: MysqlPassword, database: Database) -> None:
    with login(database, **OLD) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE orders (id int)")
        cursor.execute("CREATE VIEW recent AS SELECT * FROM orders")
    new = rotate(kind, OLD)
    with login(database, **new) as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT * FROM recent") == 0


def test_a_session_gets_its_time_and_is_ended_then(kind: MysqlPassword, database: Database) -> None:
    facts = kind.facts(OLD)
    new = kind.make(OLD, facts)
    kind.introduce(OLD, new, facts)
    short, long = login(database, **OLD), login(database, **OLD)
    threading.Timer(0.2, short.close).start()
    assert kind.retire(OLD, new, facts) == "ended 1 session"
    with pytest.raises(pymysql.Error):
        long.query("SELECT 1")


def test_the_password_is_in_no_log_of_the_server(kind: MysqlPassword, database: Database) -> None:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT @@datadir")
        file = Path(cursor.fetchone()[0]) / "general.log"
        cursor.execute("SET GLOBAL general_log_file = 'general.log'")
        cursor.execute("SET GLOBAL general_log = 1")
        new = rotate(kind, OLD)
        cursor.execute("SET GLOBAL general_log = 0")
    log = file.read_text(errors="replace")
    assert "CREATE USER" in log
    assert new["password"] not in log


def test_what_cannot_work_is_refused_before_anything(kind: MysqlPassword) -> None:
    with pytest.raises(ConfigurationError, match="is the application's user and the one that would lock it out"):
        kind.facts({"user": "root", "password": ""})
    with pytest.raises(PlatformError, match="the server has no user nobody"):
        kind.facts({"user": "nobody", "password": "x"})
    unable = replace(kind, admin=replace(kind.admin, user="shop", password=Secret(OLD["password"])))
    with pytest.raises(PlatformError, match="denied"):
        unable.facts({"user": "shop__a", "password": "x"})


def test_a_dead_password_is_said(kind: MysqlPassword) -> None:
    dead = kind.warnings(kind.facts({"user": "shop", "password": "wrong"}))
    assert dead == ["the present password of shop is refused by the server"]


def test_no_server_is_no_refusal(kind: MysqlPassword) -> None:
    gone = replace(kind, admin=replace(kind.admin, port=9), timeout=1)
    assert gone.try_out(OLD).answer == "unknown"
