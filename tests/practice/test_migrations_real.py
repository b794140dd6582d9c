"""What the stand-in runs, the .sql of each migration, is what a real Laravel makes of its .php: up, and down again."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.practice import repository
from tests.real import laravel_app
from tests.real.databases import Database
from tests.real.engine import unavailable

pytestmark = [pytest.mark.real, pytest.mark.slow]

MIGRATIONS = "database/migrations"


@dataclass(frozen=True)
class Application:
    """An application with the migrations of all releases of the shop, and its database."""

    folder: Path
    database: Path
    php: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)

    def artisan(self, *words: str) -> None:
        argv = [*self.php, "artisan", *words, "--force", "--no-interaction"]
        env = {**os.environ, **self.env}
        done = subprocess.run(argv, cwd=self.folder, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def schema(self) -> dict[str, Any]:
        """Columns, unique columns and rows of each table, and what the table migrations says."""
        with closing(sqlite3.connect(self.database)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {table: _table(database, table) for table in sorted(tables) if not table.startswith("sqlite_")}


def _table(database: sqlite3.Connection, table: str) -> tuple[Any, ...]:
    columns = [
        (name, kind.lower().partition("(")[0], required, key)
        for _, name, kind, required, _, key in database.execute(f"PRAGMA table_info({table})")
    ]
    unique = {
        tuple(column for _, _, column in database.execute(f"PRAGMA index_info({index})"))
        for _, index, is_unique, *_ in database.execute(f"PRAGMA index_list({table})")
        if is_unique
    }
    return columns, unique, database.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


@pytest.fixture
def laravel(tmp_path: Path) -> Application:
    if reason := laravel_app.missing():
        unavailable(reason)
    own = {name: text for name, text in laravel_app.files().items() if not name.startswith(MIGRATIONS)}
    folder = laravel_app.write(tmp_path / "laravel", own)
    for commit in (*repository.HISTORY, repository.LATER):
        for file in (repository.SOURCES / commit.tag).glob(f"{MIGRATIONS}/*.php"):
            laravel_app.write(folder, {f"{MIGRATIONS}/{file.name}": file.read_text()})
    database = tmp_path / "laravel.db"
    database.touch()
    return Application(laravel_app.install(folder), database, ("php",), Database("sqlite", str(database)).env)


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    folder = tmp_path / "shop"
    for commit in (*repository.HISTORY, repository.LATER):
        shutil.copytree(repository.SOURCES / commit.tag, folder, dirs_exist_ok=True)
    (folder / "storage").mkdir()
    return Application(folder, folder / "storage" / "shop.db", (sys.executable, "-I", "-S"))


def test_the_schema_is_laravels_after_each_step_there_and_back(laravel: Application, shop: Application) -> None:
    for application in (laravel, shop):
        application.artisan("migrate", "--step")
    assert len(shop.schema()["migrations"][2]) == 9
    assert shop.schema() == laravel.schema()
    for _ in range(9):
        for application in (laravel, shop):
            application.artisan("migrate:rollback", "--step=1")
        assert shop.schema() == laravel.schema()
    assert list(shop.schema()) == ["migrations"]
