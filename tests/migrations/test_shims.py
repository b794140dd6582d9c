"""What lets older code run: as data, and as SQL that a real database takes."""

from __future__ import annotations

import sqlite3

import pytest

from runbook_lib.migrations import Shim
from runbook_lib.schema.quoting import quoted
from tests.migrations.php import assessed, table

USERS = "Schema::create('users', function (Blueprint $table) { $table->id(); %s });"


def shims(up: str, earlier: tuple[str, ...] = (), down: str | None = None) -> list[Shim]:
    found = assessed(up, down, earlier=earlier)
    return [shim for operation in found.migrations[0].operations for shim in operation.shims]


def only(up: str, earlier: tuple[str, ...] = ()) -> Shim:
    (found,) = shims(up, earlier)
    return found


def test_a_required_column_is_made_nullable() -> None:
    shim = only(table("$table->string('a', 40);"))
    assert (shim.kind, shim.table, shim.column, shim.definition) == ("drop not null", "users", "a", "string(40)")
    assert shim.sql == {
        "mysql": ("ALTER TABLE `users` MODIFY `a` varchar(40) NULL",),
        "pgsql": ('ALTER TABLE "users" ALTER COLUMN "a" DROP NOT NULL',),
    }
    assert shim.undo["mysql"] == ("ALTER TABLE `users` MODIFY `a` varchar(40) NOT NULL",)


@pytest.mark.parametrize(
    ("call", "mysql"),
    [
        ("foreignId('a')", "bigint unsigned"),
        ("unsignedInteger('a')", "int unsigned"),
        ("decimal('a', 10, 4)", "decimal(10, 4)"),
        ("enum('a', ['x', \"it's\"])", "enum('x', 'it''s')"),
        ("boolean('a')", "tinyint(1)"),
        ("uuid('a')", "char(36)"),
        ("dateTime('a')", "datetime"),
    ],
)
def test_the_type_is_kept(call: str, mysql: str) -> None:
    assert only(table(f"$table->{call};")).sql["mysql"] == (f"ALTER TABLE `users` MODIFY `a` {mysql} NULL",)


def test_a_default_that_was_removed_comes_back() -> None:
    shim = only(table("$table->string('a')->change();"), (USERS % "$table->string('a')->default('it\\'s');",))
    assert (shim.kind, shim.sql["pgsql"]) == (
        "set default",
        ("ALTER TABLE \"users\" ALTER COLUMN \"a\" SET DEFAULT 'it''s'",),
    )


def test_a_dropped_column_comes_back_nullable_with_the_type_it_had() -> None:
    shim = only(table("$table->dropColumn('a');"), (USERS % "$table->string('a', 30);",))
    assert shim.sql["sqlite"] == ('ALTER TABLE "users" ADD COLUMN "a" varchar(30) NULL',)
    assert "empty column" in shim.note


def test_a_dropped_column_of_an_unknown_type_has_no_sql() -> None:
    assert only(table("$table->dropColumn('a');")).sql == {}


def test_dropped_timestamps_come_back() -> None:
    assert [shim.column for shim in shims(table("$table->dropTimestamps();"))] == ["created_at", "updated_at"]


def test_a_renamed_table_gets_a_view() -> None:
    shim = only("Schema::rename('a', 'b');")
    assert shim.sql["mysql"] == ("CREATE VIEW `a` AS SELECT * FROM `b`",)
    assert shim.undo["mysql"] == ("DROP VIEW `a`",)


def test_a_unique_index_is_dropped_by_the_name_that_laravel_gave() -> None:
    shim = only(table("$table->unique(['a', 'b']);"))
    assert shim.sql["mysql"] == ("ALTER TABLE `users` DROP INDEX `users_a_b_unique`",)


def test_a_foreign_key_is_dropped() -> None:
    shim = only(table("$table->foreign('a')->references('id')->on('b');"))
    assert shim.sql["pgsql"] == ('ALTER TABLE "users" DROP CONSTRAINT "users_a_foreign"',)


def test_what_is_safe_has_no_shim() -> None:
    assert shims(table("$table->string('a')->nullable();")) == []


def test_a_table_whose_name_is_not_known_has_no_shim() -> None:
    assert shims("Schema::rename($x, 'b');") == []


def test_names_cannot_break_out() -> None:
    assert quoted("a`; DROP TABLE b; --", "mysql") == "`a``; DROP TABLE b; --`"
    assert quoted('x.a"b', "pgsql") == '"x"."a""b"'


SQLITE = {
    "add column back": (table("$table->dropColumn('a');"), "CREATE TABLE users (id INTEGER)"),
    "rename back": (table("$table->renameColumn('a', 'b');"), "CREATE TABLE users (b TEXT)"),
    "create index": (table("$table->dropIndex(['a']);"), "CREATE TABLE users (a TEXT)"),
}


@pytest.mark.parametrize("kind", SQLITE)
def test_forth_and_back_on_a_real_database(kind: str) -> None:
    up, schema = SQLITE[kind]
    shim = only(up, (USERS % "$table->string('a', 30);",))
    assert shim.kind == kind
    database = sqlite3.connect(":memory:")
    database.execute(schema)
    before = database.execute("SELECT type, name FROM sqlite_master").fetchall()
    for statement in shim.sql["sqlite"] + shim.undo["sqlite"]:
        database.execute(statement)
    assert database.execute("SELECT type, name FROM sqlite_master").fetchall() == before


def test_facts_are_plain_data() -> None:
    assert only("Schema::rename('a', 'b');").facts["kind"] == "old name"
