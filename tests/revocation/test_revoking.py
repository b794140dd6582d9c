"""Revoking in an application: counted, revoked by its own connection, counted again."""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.config import Target
from runbook_lib.errors import CommandError, ConfigurationError, ParameterError
from runbook_lib.platforms import platform_of
from runbook_lib.revocation.revoking import Revoking
from runbook_lib.revocation.selection import Selection
from tests.breach.shop import shop

# What laravel.sql is: rows of the last statement as JSON.
SQL = """
import json, sqlite3, sys
with sqlite3.connect("shop.db") as database:
    database.row_factory = sqlite3.Row
    for statement in sys.argv[1:]:
        rows = [dict(row) for row in database.execute(statement)]
print(json.dumps(rows))
"""
SCHEMA = [
    "CREATE TABLE users (id integer primary key, email text, remember_token text)",
    "CREATE TABLE personal_access_tokens (id integer primary key, tokenable_type text, "
    "tokenable_id integer, created_at text)",
    "INSERT INTO users VALUES (1, 'ada@shop.example', 'r1'), (2, 'bo@shop.example', 'r2')",
    "INSERT INTO personal_access_tokens VALUES (1, 'user', 1, '2026-11-01 00:00:00'), "
    "(2, 'user', 2, '2026-11-20 00:00:00')",
]
SESSIONS = "app/storage/framework/sessions"


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "sql.py").write_text(SQL)
    laravel = {"database": "sqlite", "sql": [sys.executable, str(tmp_path / "sql.py")]}
    made = shop(tmp_path, laravel=laravel, revocation={"sessions": "file"})
    for statement in SCHEMA:
        execute(made, statement)
    (tmp_path / SESSIONS).mkdir(parents=True)
    for letter in "ab":
        (tmp_path / SESSIONS / (letter * 40)).write_text("x")
    return made


def execute(target: Target, statement: str) -> list[Any]:
    with sqlite3.connect(target.root / "app/shop.db") as database:
        return database.execute(statement).fetchall()


def revoking(target: Target, users: str = "", since: str = "", *kinds: str) -> Revoking:
    kinds = kinds or tuple(target.environment.revocation.kinds)
    return Revoking(target, platform_of(target), ["local"], Selection.of(users, since), kinds, "run-1")


def carry_out(work: Revoking, read: dict[str, Any]) -> list[str]:
    steps = work.steps(read, "production")
    for step in steps:
        step.do()
    return [step.id for step in steps]


def test_everybody_is_out_and_the_numbers_say_so(target: Target) -> None:
    work = revoking(target)
    read = work.read()
    assert read == {"tables": ["personal_access_tokens", "users"], "places": ["local"]}
    counted = work.count(read)
    numbers = {name: item["number"] for name, item in counted.items()}
    assert numbers == {"personal_access_tokens": 2, "users": 2, "sessions on local": 2}
    assert work.verify(read, counted).result == "FAIL"
    assert carry_out(work, read) == [
        "production.local.personal_access_tokens",
        "production.local.users",
        "production.local.sessions",
    ]
    verdict = work.verify(read, counted)
    assert (verdict.result, verdict.reasons) == ("PASS", ("nothing is left of 6",))
    assert execute(target, "SELECT count(*) FROM users WHERE remember_token IS NOT NULL") == [(0,)]
    assert list((target.root / SESSIONS).iterdir()) == []


def test_one_who_signs_in_again_meanwhile_is_not_counted_as_left(target: Target) -> None:
    work = revoking(target, "", "", "sanctum", "remember")
    read = work.read()
    counted = work.count(read)
    carry_out(work, read)
    execute(target, "INSERT INTO personal_access_tokens VALUES (3, 'user', 1, '2036-01-01 00:00:00')")
    execute(target, "UPDATE users SET remember_token = 'new' WHERE id = 1")
    assert work.verify(read, counted).result == "PASS"


def test_sessions_that_stay_are_seen(target: Target) -> None:
    work = revoking(target, "", "", "sessions")
    read = work.read()
    counted = work.count(read)
    assert work.verify(read, counted).reasons == ("2 of sessions on local are left",)
    carry_out(work, read)
    (target.root / SESSIONS / ("c" * 40)).write_text("somebody who signed in again")
    assert work.verify(read, counted).reasons == ("nothing is left of 2",)


def test_who_signs_in_where_nobody_was_is_not_left(target: Target) -> None:
    work = revoking(target, "", "", "sessions", "remember")
    execute(target, "UPDATE users SET remember_token = NULL")
    for file in (target.root / SESSIONS).iterdir():
        file.unlink()
    read = work.read()
    counted = work.count(read)
    carry_out(work, read)
    execute(target, "UPDATE users SET remember_token = 'new' WHERE id = 1")
    (target.root / SESSIONS / ("c" * 40)).write_text("x")
    assert work.verify(read, counted).reasons == ("nothing is left of 0",)


def test_some_users_only(target: Target) -> None:
    work = revoking(target, "bo@shop.example", "", "sanctum", "remember")
    read = work.read()
    counted = work.count(read)
    carry_out(work, read)
    assert work.verify(read, counted).reasons == ("nothing is left of 2",)
    assert execute(target, "SELECT tokenable_id FROM personal_access_tokens") == [(1,)]
    assert execute(target, "SELECT id FROM users WHERE remember_token IS NOT NULL") == [(1,)]


def test_an_id_of_several_models_is_refused_until_it_is_said_which(target: Target) -> None:
    execute(target, "INSERT INTO personal_access_tokens VALUES (3, 'admin', 2, '2026-11-20 00:00:00')")

    def of(kind: str) -> Revoking:
        about = target.environment.revocation.model_copy(update={"user_type": kind})
        environment = target.environment.model_copy(update={"revocation": about})
        return revoking(replace(target, environment=environment), "2", "", "sanctum")

    with pytest.raises(ConfigurationError, match=r"models of 2 types.*\n.*revocation.user_type.*admin, user"):
        of("").read()
    with pytest.raises(ConfigurationError, match=r"belongs to a usr\n.*admin, user"):
        of("usr").read()
    assert execute(target, "SELECT count(*) FROM personal_access_tokens") == [(3,)]
    carry_out(of("user"), of("user").read())
    assert execute(target, "SELECT id FROM personal_access_tokens ORDER BY id") == [(1,), (3,)]
    everybody = revoking(target, "", "", "sanctum")
    assert everybody.count(everybody.read())["personal_access_tokens"]["number"] == 2


def test_sessions_in_files_do_not_tell_whose_they_are(target: Target) -> None:
    with pytest.raises(ConfigurationError, match="sessions in file do not tell whose they are"):
        revoking(target, "1").read()
    assert len(list((target.root / SESSIONS).iterdir())) == 2


@pytest.mark.parametrize(
    "users", ["3", "ada@shop.exemple", "1, nobody@shop.example", "1fa85f64-5717-4562-b3fc-2c963f66afa6"]
)
def test_users_that_there_are_not_are_named(target: Target, users: str) -> None:
    with pytest.raises(ParameterError, match=f"users has none {users.rpartition(' ')[2]}"):
        revoking(target, users, "", "sanctum").read()


def test_a_table_that_is_configured_and_missing_is_refused(target: Target) -> None:
    about = target.environment.revocation.model_copy(update={"sessions": "database", "users": "people"})
    environment = target.environment.model_copy(update={"revocation": about})
    elsewhere = replace(target, environment=environment)
    with pytest.raises(ConfigurationError, match=r"no table sessions\n.*revocation.session_table"):
        revoking(elsewhere).read()
    with pytest.raises(ConfigurationError, match=r"no table people\n.*revocation.users"):
        revoking(elsewhere, "1", "", "sanctum").read()


def test_a_folder_of_sessions_that_is_not_there_is_no_folder_without_any(target: Target) -> None:
    (target.root / SESSIONS).rename(target.root / "elsewhere")
    work = revoking(target)
    with pytest.raises(CommandError, match="the sessions cannot be counted: there is no folder storage"):
        work.count(work.read())


def test_where_sessions_are_not_known_it_is_said(target: Target) -> None:
    about = target.environment.revocation.model_copy(update={"sessions": "none"})
    work = revoking(replace(target, environment=target.environment.model_copy(update={"revocation": about})))
    assert work.warnings == ("sessions go on: revocation.sessions in runbooks.toml does not say where they are",)
    assert work.without(work.read()) == ["passport", "sessions", "resets"]


def test_an_application_that_has_none_of_it(target: Target) -> None:
    execute(target, "DROP TABLE personal_access_tokens")
    work = revoking(target, "", "", "sanctum", "passport")
    read = work.read()
    assert (read, work.steps(read, "production")) == ({"tables": [], "places": []}, ())
