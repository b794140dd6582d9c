"""What is revoked in tables, on three real databases: counted, ended, counted again; only what was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.config import Revocation
from runbook_lib.revocation.selection import Selection
from runbook_lib.revocation.tables import revoked, tables_command, types_command
from tests.real.databases import Database, fresh_database

pytestmark = [pytest.mark.real, pytest.mark.slow]

ABOUT = Revocation(sessions="database")
KINDS = ABOUT.kinds
SCHEMA = [
    "CREATE TABLE users (id integer primary key, email varchar(100), remember_token varchar(100))",
    "CREATE TABLE personal_access_tokens (id integer primary key, tokenable_type varchar(90), "
    "tokenable_id integer, created_at timestamp NULL)",
    "CREATE TABLE oauth_access_tokens (id varchar(100), user_id integer, revoked {boolean}, created_at timestamp NULL)",
    "CREATE TABLE oauth_refresh_tokens (id varchar(100), access_token_id varchar(100), revoked {boolean})",
    "CREATE TABLE sessions (id varchar(100), user_id integer NULL, last_activity integer)",
    "CREATE TABLE password_resets (email varchar(100), created_at timestamp NULL)",
    "INSERT INTO users VALUES (1, 'ada@shop.example', 'r1'), (2, 'o''brien@shop.example', 'r2'), (3, 'c@x.org', NULL)",
    "INSERT INTO personal_access_tokens VALUES (1, 'user', 1, '2026-11-01 00:00:00'), "
    "(2, 'user', 2, '2026-11-20 00:00:00')",
    "INSERT INTO oauth_access_tokens VALUES ('a', 1, {no}, '2026-11-01 00:00:00'),"
    " ('b', 2, {no}, '2026-11-20 00:00:00'), ('c', 2, {yes}, '2026-11-20 00:00:00')",
    "INSERT INTO oauth_refresh_tokens VALUES ('ra', 'a', {no}), ('rb', 'b', {no}), ('rc', 'c', {yes})",
    "INSERT INTO sessions VALUES ('s1', 1, 1793491200), ('s2', 2, 1795132800), ('s3', NULL, 1795132800)",
    "INSERT INTO password_resets VALUES ('ada@shop.example', '2026-11-01 00:00:00'),"
    " ('o''brien@shop.example', '2026-11-20 00:00:00')",
]


@pytest.fixture(params=["sqlite", "pgsql", "mysql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    database = fresh_database(request, request.param, tmp_path)
    words = {"boolean": "boolean", "no": "false", "yes": "true"} if request.param == "pgsql" else {}
    words = words or {"boolean": "tinyint", "no": "0", "yes": "1"}
    for statement in SCHEMA:
        database.run(statement.format(**words))
    return database


def revoke(database: Database, selection: Selection, kinds: list[str] | None = None) -> dict[str, tuple[int, int]]:
    """By table, how many there were, and how many of them are left."""
    tables = [str(row[0]) for row in database.run(tables_command(database.driver))]
    found = revoked(ABOUT, database.driver, selection, kinds or KINDS, tables)
    before = {one.table: database.run(one.count)[0] for one in found}
    for one in found:
        database.run(one.act)
    after = {one.table: database.run(one.left(str(before[one.table][1] or "")))[0][0] for one in found}
    return {table: (int(before[table][0]), int(after[table])) for table in before}


def test_everybody(database: Database) -> None:
    assert revoke(database, Selection.of("", "")) == {
        "personal_access_tokens": (2, 0),
        "oauth_refresh_tokens": (2, 0),
        "oauth_access_tokens": (2, 0),
        "sessions": (3, 0),
        "users": (2, 0),
        "password_resets": (2, 0),
    }
    assert database.run("SELECT COUNT(*) FROM users WHERE remember_token IS NOT NULL") == [(0,)]


@pytest.mark.parametrize("users", ["2", "o'brien@shop.example"])
def test_one_user_by_id_or_address(database: Database, users: str) -> None:
    assert revoke(database, Selection.of(users, "")) == {
        "personal_access_tokens": (1, 0),
        "oauth_refresh_tokens": (1, 0),
        "oauth_access_tokens": (1, 0),
        "sessions": (1, 0),
        "users": (1, 0),
        "password_resets": (1, 0),
    }
    assert database.run("SELECT remember_token FROM users WHERE id = 1") == [("r1",)]
    assert database.run("SELECT id FROM sessions ORDER BY id") == [("s1",), ("s3",)]
    assert database.run("SELECT email FROM password_resets") == [("ada@shop.example",)]


@pytest.mark.parametrize("users", ["2fa85f64-5717-4562-b3fc-2c963f66afa6", "2ARZ3NDEKTSV4RRFFQ69G5FAVX", "22"])
def test_an_id_that_nobody_has_is_no_part_of_somebody_elses(database: Database, users: str) -> None:
    assert {number for numbers in revoke(database, Selection.of(users, "")).values() for number in numbers} == {0}
    assert database.run("SELECT COUNT(*) FROM personal_access_tokens") == [(2,)]
    assert database.run("SELECT COUNT(*) FROM users WHERE remember_token IS NOT NULL") == [(2,)]


def test_a_user_and_not_the_admin_of_the_same_id(database: Database) -> None:
    admin, user = r"App\Models\Admin", r"App\Models\User"
    mark = "\\\\" if database.driver == "mysql" else "\\"
    rows = [f"({n}, '{kind.replace(chr(92), mark)}', 7, NULL)" for n, kind in ((8, admin), (9, user))]
    database.run("INSERT INTO users VALUES (7, 'd@x.org', NULL)")
    database.run(f"INSERT INTO personal_access_tokens VALUES {', '.join(rows)}")
    assert {(admin,), (user,)} < set(database.run(types_command()))
    about = Revocation(user_type=user)
    (found,) = revoked(about, database.driver, Selection.of("7", ""), ["sanctum"], ["personal_access_tokens"])
    assert database.run(found.count)[0][0] == 1
    database.run(found.act)
    assert database.run("SELECT id FROM personal_access_tokens WHERE tokenable_id = 7") == [(8,)]
    (found,) = revoked(about, database.driver, Selection.of("", ""), ["sanctum"], ["personal_access_tokens"])
    database.run(found.act)
    assert database.run("SELECT id FROM personal_access_tokens") == []


def test_users_whose_ids_are_uuids(database: Database) -> None:
    uuid = "2fa85f64-5717-4562-b3fc-2c963f66afa6"
    kind = "uuid" if database.driver == "pgsql" else "char(36)"
    database.run(f"CREATE TABLE people (id {kind}, email varchar(100), remember_token varchar(100))")
    database.run(f"INSERT INTO people VALUES ('{uuid}', 'a@x.org', 'r')")
    who = Selection.of(uuid.upper(), "")
    found = revoked(Revocation(users="people"), database.driver, who, ["remember"], ["people"])[0]
    assert database.run(found.count)[0][0] == 1
    database.run(found.act)
    assert database.run("SELECT remember_token FROM people") == [(None,)]


def test_since_a_time(database: Database) -> None:
    left = revoke(database, Selection.of("", "2026-11-10"), ["sanctum", "passport", "sessions", "resets"])
    assert left == {
        "personal_access_tokens": (1, 0),
        "oauth_refresh_tokens": (1, 0),
        "oauth_access_tokens": (1, 0),
        "sessions": (2, 0),
        "password_resets": (1, 0),
    }
    assert database.run("SELECT id FROM personal_access_tokens") == [(1,)]


def test_what_was_made_since_does_not_count(database: Database) -> None:
    found = revoked(ABOUT, database.driver, Selection(), ["sanctum"], ["personal_access_tokens"])[0]
    newest = str(database.run(found.count)[0][1])
    database.run(found.act)
    database.run("INSERT INTO personal_access_tokens VALUES (9, 'user', 1, '2026-11-24 00:00:00')")
    assert database.run(found.left(newest)) == [(0,)]


def test_what_the_application_does_not_have_is_passed_over(database: Database) -> None:
    database.run("DROP TABLE sessions")
    assert "sessions" not in revoke(database, Selection())
