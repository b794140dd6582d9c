"""What changed lately: which migrations of the live release did not run."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runbook_lib.config import Target, load
from runbook_lib.errors import CommandError, PlatformError
from runbook_lib.probes import changes
from tests.bench.fleet import configuration, shop

# Nobody asks it anything here.
NOWHERE: Any = SimpleNamespace(url="http://127.0.0.1:9")
RAN, NEW, NEWEST = (f"2026_01_0{day}_000000_create_{what}_table" for day, what in ((1, "a"), (2, "b"), (3, "c")))


@pytest.fixture
def target(tmp_path: Path) -> Callable[[str], Target]:
    """An environment whose database has run one migration. Takes the table laravel."""
    path = shop(tmp_path)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("CREATE TABLE migrations (id INTEGER PRIMARY KEY, migration TEXT, batch INTEGER)")
        database.execute("INSERT INTO migrations (migration, batch) VALUES (?, 1)", (RAN,))
        database.commit()

    def make(laravel: str = 'laravel = { database = "sqlite" }') -> Target:
        more = f'database = {{ kind = "sqlite", file = "{tmp_path}/shop.db" }}\n{laravel}'
        (tmp_path / "runbooks.toml").write_text(configuration(path, ["local"], [NOWHERE], more))
        return load(tmp_path / "runbooks.toml").target()

    return make


def migrations(tmp_path: Path, folder: str, *names: str) -> None:
    there = tmp_path / "shop" / "current" / folder
    there.mkdir(parents=True)
    for name in names:
        (there / name).write_text("<?php")


def test_files_without_a_row_did_not_run(target: Callable[..., Target], tmp_path: Path) -> None:
    migrations(tmp_path, "database/migrations", f"{NEWEST}.php", f"{RAN}.php", f"{NEW}.php", ".gitkeep", "notes.txt")
    assert changes.pending(target()) == [NEW, NEWEST]


def test_every_folder_below_the_application_counts(target: Callable[..., Target], tmp_path: Path) -> None:
    migrations(tmp_path, "backend/one", f"{NEW}.php")
    migrations(tmp_path, "backend/two", f"{NEWEST}.php")
    found = changes.pending(
        target('laravel = { database = "sqlite", folder = "backend", migrations = ["two", "one", "not-there"] }')
    )
    assert found == [NEW, NEWEST]


def test_rows_that_cannot_be_read_are_said(target: Callable[..., Target], tmp_path: Path) -> None:
    migrations(tmp_path, "database/migrations", f"{NEW}.php")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("DROP TABLE migrations")
    with pytest.raises(PlatformError, match="no such table: migrations"):
        changes.pending(target())


def test_a_folder_that_is_not_there_is_said(target: Callable[..., Target]) -> None:
    with pytest.raises(CommandError, match="backend"):
        changes.pending(target('laravel = { database = "sqlite", folder = "backend" }'))


def test_what_did_not_run_is_a_change_without_a_time() -> None:
    (change,) = changes.not_run([f"m{number}" for number in range(7)])
    assert (change.kind, change.at) == ("migration", None)
    assert change.what == "not run: m0, m1, m2, m3, m4 and 2 more"
    assert changes.not_run([]) == []
