"""down() against up()."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from runbook_lib.migrations import Reversal
from tests.migrations.php import assessed, table


def reversal(up: str, down: str | None) -> Reversal:
    return assessed(up, down).migrations[0].reversible


TWO = table("$table->string('a')->nullable(); $table->string('b')->nullable();")

STATES = {
    "missing": (TWO, None, "missing", "no"),
    "empty": (TWO, "", "empty", "no"),
    "only a comment": (TWO, "// cannot be taken back", "empty", "no"),
    "throws": (TWO, "throw new RuntimeException('no way back');", "throws", "no"),
    "all of it": (TWO, table("$table->dropColumn(['a', 'b']);"), "complete", "yes"),
    "one of two": (TWO, table("$table->dropColumn('a');"), "partial", "no"),
    "another table": (TWO, table("$table->dropColumn(['a', 'b']);", "teams"), "partial", "no"),
    "not understood": (TWO, "$this->undo();", "unread", "unknown"),
    "nothing to take back": ("", "", "nothing", "yes"),
    "table": ("Schema::create('a', fn ($table) => $table->id());", "Schema::dropIfExists('a');", "complete", "yes"),
    "guarded": (
        TWO,
        "if (Schema::hasColumn('users', 'a')) { " + table("$table->dropColumn(['a', 'b']);") + " }",
        "complete",
        "yes",
    ),
    "index by its usual name": (
        table("$table->index(['a', 'b']);"), table("$table->dropIndex('users_a_b_index');"), "complete", "yes",
    ),
    "foreign key with its column": (
        table("$table->foreignId('t_id')->nullable()->constrained();"),
        table("$table->dropConstrainedForeignId('t_id');"), "complete", "yes",
    ),
    "timestamps": (table("$table->timestamps();"), table("$table->dropTimestamps();"), "complete", "yes"),
    "soft deletes": (table("$table->softDeletes();"), table("$table->dropSoftDeletes();"), "complete", "yes"),
    "SQL": ("DB::statement('ALTER TABLE a ADD x INT NULL');", table("$table->dropColumn('x');", "a"), "complete", "yes"),
    "update": ("DB::table('a')->update(['x' => 1]);", "DB::table('a')->update(['x' => 0]);", "partial", "no"),
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_state(name: str) -> None:
    up, down, state, can = STATES[name]
    found = reversal(up, down)
    assert (found.state, found.can) == (state, can)


def test_a_missing_down_says_that_the_row_goes_all_the_same() -> None:
    assert "row would be deleted" in reversal(TWO, None).reasons[0]


def test_a_partial_one_names_what_stays() -> None:
    assert reversal(TWO, table("$table->dropColumn('a');")).reasons == ("down() does not take back add column users.b",)


def test_what_is_lost_is_named() -> None:
    assert reversal(TWO, table("$table->dropColumn(['a', 'b']);")).loses[0] == "users.a: values written since are lost"


def test_a_down_that_loses_is_not_the_way_back() -> None:
    up = table("$table->string('a')->nullable(); $table->renameColumn('b', 'c');")
    down = table("$table->dropColumn('a'); $table->renameColumn('c', 'b');")
    assert str(assessed(up, down).verdict) == "shim"
