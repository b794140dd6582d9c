"""The text that made a table, changed where SQLite has no statement for it."""

from __future__ import annotations

import sqlite3

import pytest

from runbook_lib.schema import sqlite_text

SQL = """CREATE TABLE "orders" ("id" integer not null primary key autoincrement, -- the key, as ever
  "state" varchar not null default 'a, (b', `total` integer NOT  NULL, [note] text /* x, y */,
  constraint positive check (total > 0), foreign key("id") references "parents"("id") on delete cascade)"""


def test_definitions_are_parted_outside_of_quotes_brackets_and_comments() -> None:
    assert len(sqlite_text.definitions(SQL)) == 6


@pytest.mark.parametrize("name", ["id", "state", "total", "note", "TOTAL"])
def test_a_column_is_found_however_it_is_quoted(name: str) -> None:
    assert name.lower() in sqlite_text.column(SQL, name)


def test_what_is_not_there_is_nothing() -> None:
    assert sqlite_text.column(SQL, "b") == ""
    assert sqlite_text.foreign_key(SQL, ("total",)) == ""
    assert sqlite_text.check(SQL, "negative") == ""


def test_a_definition_that_stands_there_twice_is_not_certain() -> None:
    assert sqlite_text.column('CREATE TABLE t ("a" int, b int default ("a" int))', "a") == ""


def test_not_null_becomes_null_and_nothing_else_changes() -> None:
    assert sqlite_text.without_not_null('"a" varchar not null default 5') == '"a" varchar null default 5'


def test_a_constraint_with_a_comment_of_its_own_is_left_alone() -> None:
    assert sqlite_text.put_aside(" check (a > 0) /* why */") == ("", "")


def run(database: sqlite3.Connection, statements: tuple[str, ...]) -> None:
    for statement in statements:
        database.execute(statement)


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        pytest.param(
            sqlite_text.column(SQL, "total"),
            sqlite_text.without_not_null(sqlite_text.column(SQL, "total")),
            "INSERT INTO orders (state) VALUES ('x')",
            id="not null",
        ),
        pytest.param(
            *sqlite_text.put_aside(sqlite_text.check(SQL, "positive")),
            "INSERT INTO orders (total) VALUES (-1)",
            id="check",
        ),
    ],
)
def test_a_real_database_takes_it_for_every_connection_and_takes_it_back(
    tmp_path: object, old: str, new: str, refused: str
) -> None:
    file = f"{tmp_path}/shop.sqlite"
    database = sqlite3.connect(file, isolation_level=None)
    database.execute(SQL)
    other = sqlite3.connect(file, isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError):
        other.execute(refused)
    run(database, sqlite_text.replaced("orders", old, new))
    other.execute(refused)
    other.execute("DELETE FROM orders")
    assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    run(database, sqlite_text.replaced("orders", new, old))
    with pytest.raises(sqlite3.IntegrityError):
        other.execute(refused)
    assert other.execute("SELECT sql FROM sqlite_master WHERE name = 'orders'").fetchone() == (SQL,)
