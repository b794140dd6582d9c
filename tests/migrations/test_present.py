"""Questions for tables and columns, answered by the migrations before where they leave no doubt."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from runbook_lib.migrations import assess
from tests.migrations.php import assessed, migration, table, verdict

USERS = "Schema::create('users', function (Blueprint $table) { $table->id(); $table->string('name', 50); $table->string('old')->nullable(); });"
DROP = table("$table->dropColumn('old');")
REQUIRED = table("$table->string('name');")

# up(), what it is when nothing is known, what it is after USERS.
ASKED = {
    "the column is there": ("if (Schema::hasColumn('users', 'old')) { " + DROP + " }", "unknown", "loss"),
    "whatever the letters": ("if (Schema::hasColumn('users', 'OLD')) { " + DROP + " }", "unknown", "loss"),
    "in the blueprint": (table("if (Schema::hasColumn('users', 'old')) { $table->dropColumn('old'); }"), "unknown", "loss"),
    "all columns are there": ("if (Schema::hasColumns('users', ['name', 'old'])) { " + DROP + " }", "unknown", "loss"),
    "the column is not there": ("if (! Schema::hasColumn('users', 'title')) { " + table("$table->string('title');") + " }", "unknown", "shim"),
    "the column is not there, with this way of asking": ("Schema::whenTableDoesntHaveColumn('users', 'title', function ($table) { $table->string('title'); });", "unknown", "shim"),
    "the table is there": ("if (Schema::hasTable('users')) { " + DROP + " }", "unknown", "loss"),
    "the table is there, and the column": ("if (Schema::hasTable('users') && Schema::hasColumn('users', 'old')) { " + DROP + " }", "unknown", "loss"),
    "left if the table is not there": ("if (! Schema::hasTable('users')) { return; } " + DROP, "unknown", "loss"),
    "left if the column is there": ("if (Schema::hasColumn('users', 'title')) { return; } " + table("$table->string('title');"), "unknown", "shim"),
    "otherwise": ("if (! Schema::hasTable('users')) { x(); } else { " + DROP + " }", "unknown", "unknown"),
    "of another connection": ("if (Schema::connection('x')->hasTable('users')) { " + DROP + " }", "unknown", "unknown"),
    "with something that is not known": ("if (Schema::hasTable('users') && $x) { " + DROP + " }", "unknown", "unknown"),
    "a column that is not in the migrations": ("if (Schema::hasColumn('users', 'legacy')) { " + table("$table->dropColumn('legacy');") + " }", "unknown", "unknown"),
    "a table that is not in the migrations": ("if (Schema::hasTable('jobs')) { Schema::drop('jobs'); }", "unknown", "unknown"),
    "in a loop": ("foreach (['old', 'name'] as $c) { if (Schema::hasColumn('users', $c)) { Schema::table('users', fn ($table) => $table->dropColumn($c)); } }", "unknown", "loss"),
    "what was done before in the same migration": (table("$table->dropColumn('old');") + "if (! Schema::hasColumn('users', 'old')) { " + table("$table->string('old');") + " }", "unknown", "loss"),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_a_question_is_answered_by_the_migrations_before(name: str) -> None:
    up, blind, seen = ASKED[name]
    assert (verdict(up, None), verdict(up, None, earlier=(USERS,))) == (blind, seen)


# What makes the answer doubtful, between USERS and the question for the column that they created.
DOUBTS = {
    "dropped and perhaps added again": (DROP, "if ($x) { " + table("$table->string('old');") + " }"),
    "perhaps dropped": ("if ($x) { " + DROP + " }",),
    "something that is not understood": ("Thing::rebuild('users');",),
    "SQL that is put together": ("$t = 'users'; DB::statement(\"ALTER TABLE $t DROP COLUMN $c\");",),
    "all tables dropped": ("Schema::dropAllTables(); // users",),
    "another table under its name": ("Schema::rename('users', 'people'); Schema::rename('guests', 'users');",),
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBTS)
def test_a_doubt_leaves_the_question_open(name: str) -> None:
    up = "if (Schema::hasColumn('users', 'old')) { " + DROP + " }"
    assert verdict(up, None, earlier=(USERS, *DOUBTS[name])) == "unknown"


def test_what_the_same_set_did_before_counts() -> None:
    up = "if (Schema::hasColumn('users', 'old')) { " + DROP + " }"
    files = [migration(USERS, name="2025_01_01_000000_a")]
    later = [migration(body, name=f"2026_01_0{i}_000000_b") for i, body in enumerate((DROP, up), 1)]
    found = assess(later, earlier=files)
    assert [str(m.verdict) for m in found.migrations] == ["loss", "unknown"]


def test_questions_in_the_history_are_answered_too() -> None:
    changed = "if (Schema::hasColumn('users', 'name')) { " + table("$table->string('name', 90)->change();") + " }"
    assert verdict(table("$table->string('name', 60)->change();"), earlier=(USERS, changed)) == "loss"
    assert verdict(table("$table->string('name', 120)->change();"), earlier=(USERS, changed)) == "safe"


def tried(up: str) -> str:
    return f"try {{ {up} }} catch (\\Exception $e) {{ Log::error($e->getMessage()); }}"


def named(length: int, change: str = "") -> str:
    return table(f"$table->string('name', {length}){change};")


@pytest.mark.parametrize(
    ("earlier", "length", "expected"),
    [
        ((tried(USERS),), 90, "safe"),
        ((tried(USERS),), 40, "loss"),
        (("if (! Schema::hasTable('users')) { " + tried(USERS) + " }",), 90, "unknown"),
        ((USERS, tried(named(200))), 90, "unknown"),  # it may have failed, for the column was there
        (("if ($x) { " + named(200) + " }", tried(named(50))), 90, "unknown"),
        ((USERS, tried(named(200, "->change()"))), 90, "unknown"),
    ],
)
def test_a_column_is_known_from_a_try_that_nothing_can_have_forestalled(
    earlier: tuple[str, ...], length: int, expected: str
) -> None:
    assert verdict(named(length, "->change()"), earlier=earlier) == expected


def test_a_column_that_was_missing_is_new_to_what_follows() -> None:
    add = "if (! Schema::hasColumn('users', 'slug')) { " + table("$table->string('slug')->nullable();") + " }"
    fill = "DB::table('users')->update(['slug' => 'x']);"
    assert (verdict(add + fill), verdict(add + fill, earlier=(USERS,))) == ("loss", "safe")


def test_the_condition_is_still_shown() -> None:
    found = assessed("if (Schema::hasColumn('users', 'old')) { " + DROP + " }", earlier=(USERS,))
    assert "hasColumn" in found.migrations[0].operations[0].guards[0]
