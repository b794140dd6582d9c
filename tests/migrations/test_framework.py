"""Which Laravel a release runs on."""

from __future__ import annotations

import json

import pytest

from runbook_lib.migrations import assess
from runbook_lib.migrations.framework import major_version
from tests.migrations.php import migration, table

LOCK = json.dumps({"packages": [{"name": "a/b", "version": "1"}, {"name": "laravel/framework", "version": "v11.48.0"}]})
CONSTRAINTS = {
    "^11.0": 11, "^10.10|^11.0": 10, "^8.83": 8, "v12.1.0": 12, "~9.19": 9, ">=11": 11, "11.*": 11, "*": 0,
    "<12": 0, "dev-master": 0, "": 0,
}  # fmt: skip


@pytest.mark.parametrize("said", CONSTRAINTS)
def test_the_lowest_version_that_is_required(said: str) -> None:
    composer = json.dumps({"require": {"laravel/framework": said}}).encode()
    assert major_version(None, composer) == CONSTRAINTS[said]


def test_what_is_locked_comes_first() -> None:
    assert major_version(LOCK.encode(), b'{"require": {"laravel/framework": "^10"}}') == 11


@pytest.mark.parametrize("content", [None, b"", b"[1]", b"{", b'{"packages": 1}', b'{"packages": [1]}', b"\xff"])
def test_a_file_that_says_nothing(content: bytes | None) -> None:
    assert major_version(content, content) == 0


USERS = "Schema::create('users', function ($table) { $table->id(); $table->string('name', 50); });"
POSTS = (
    "Schema::create('posts', function ($table) { $table->foreignId('user_id')->constrained()->cascadeOnDelete(); });"
)
WIDER = table("$table->string('name', 90)->change();")
KEY = table(
    "$table->unsignedBigInteger('team_id')->nullable();"
    "$table->foreign('team_id')->references('id')->on('teams')->nullOnDelete();"
)
# up(), and the verdicts on SQLite with Laravel 8 to 10, and since 11: a table that others refer to is made anew.
MADE_ANEW = {
    "a column is changed": (WIDER, "unknown", "safe"),
    "within a transaction": ("DB::transaction(function () { " + WIDER + " });", "unknown", "unknown"),
    "after a transaction is begun": ("DB::beginTransaction(); " + WIDER + " DB::commit();", "unknown", "unknown"),
    "a key is added": (KEY, "safe", "safe"),
    "a key is added within a transaction": ("DB::transaction(function () { " + KEY + " });", "unknown", "unknown"),
}


@pytest.mark.parametrize("name", MADE_ANEW)
def test_rows_may_be_lost_where_sqlite_makes_a_table_anew(name: str) -> None:
    up, before, since = MADE_ANEW[name]
    earlier = [migration(body, name=f"2025_01_01_{i:06d}_before") for i, body in enumerate((USERS, POSTS))]
    for database in ("sqlite", ""):
        for framework, expected in ((0, before), (10, before), (11, since), (13, since)):
            found = assess([migration(up)], database=database, earlier=earlier, framework=framework)
            assert str(found.verdict) == expected, (database, framework, found.facts)
