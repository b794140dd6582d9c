"""A shop in Git whose releases bring migrations, with a real SQLite database that they were run on."""

from __future__ import annotations

import json
import sqlite3
import sys
from typing import Any

from runbook_lib.actions.release.schema import Schema
from runbook_lib.config import Service, Target
from runbook_lib.platforms.git import GitPlatform
from runbook_lib.run.plan import Snapshot
from tests.platforms.git_shop import Shop

FOLDER = "database/migrations"
OLD, ADDS, DROPS = "2026_01_01_000000_orders", "2026_01_05_000000_notes", "2026_01_06_000000_no_total"
UNIQUE = "2026_01_07_000000_one_note"
UP = """<?php
use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Database\\Schema\\Blueprint;
use Illuminate\\Support\\Facades\\Schema;
return new class extends Migration {
    public function up(): void { UP }
    public function down(): void { DOWN }
};
"""
TABLE = 'Schema::create("NAME", function (Blueprint $table) { $table->id(); $table->integer("total"); });'
# What the application would run: each statement on one connection, the rows of the last one as JSON.
_SQL = """
import json, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    cursor = connection.execute(statement)
names = [column[0] for column in cursor.description or ()]
print(json.dumps([dict(zip(names, row)) for row in cursor.fetchall()] if names else [{"affected": cursor.rowcount}]))
"""
CONFIGURATION = """
[services.shop.environments.production]
platform = "git"
url = "{url}"
git = {{ path = "shop" }}
approval.policy = "none"
observation = {{ window = 0, min_requests = 1 }}
checks = {{ within = 0.1 }}
{more}
"""
LARAVEL = """
[services.shop.environments.production.laravel]
database = "sqlite"
php = ["true"]
sql = {sql}
"""


def migration(up: str, down: str) -> str:
    return UP.replace("UP", up, 1).replace("DOWN", down, 1)


def creates(name: str) -> str:
    return migration(TABLE.replace("NAME", name), f'Schema::dropIfExists("{name}");')


def alters(up: str, down: str) -> str:
    """A migration of the table orders."""
    around = 'Schema::table("orders", function (Blueprint $table) {{ $table->{}; }});'
    return migration(around.format(up), around.format(down))


DROPS_TOTAL = alters('dropColumn("total")', 'integer("total")->nullable()')
UNIQUE_NOTE = alters('unique("note")', 'dropUnique(["note"])')


class MigratedShop:
    """v4 has the migration of orders; v5 adds a table; v6, which is live, drops a column."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop.build()
        shop.commit("v4", {f"{FOLDER}/{OLD}.php": creates("orders"), "app/Order.php": "<?php $order->total;"})
        shop.commit("v5", {f"{FOLDER}/{ADDS}.php": creates("notes")})
        shop.commit("v6", {f"{FOLDER}/{DROPS}.php": DROPS_TOTAL})
        self.file = shop.folder / "database.sqlite"
        self.sql = [sys.executable, "-c", _SQL, str(self.file)]
        self.change(
            "CREATE TABLE migrations (migration TEXT, batch INTEGER)",
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT)",
        )
        self.rows(OLD)

    def change(self, *statements: str) -> None:
        with sqlite3.connect(self.file) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    def rows(self, *names: str) -> None:
        """The rows of the table migrations from now on, in the order in which they ran."""
        ran = [f"INSERT INTO migrations VALUES ('{name}', {batch})" for batch, name in enumerate(names)]
        self.change("DELETE FROM migrations", *ran)

    def with_unique(self) -> None:
        """v7 is live, in which no two orders have the same note."""
        self.shop.commit("v7", {f"{FOLDER}/{UNIQUE}.php": UNIQUE_NOTE})
        self.change("CREATE UNIQUE INDEX orders_note_unique ON orders (note)")
        self.rows(OLD, ADDS, DROPS, UNIQUE)

    def indexes(self) -> list[str]:
        connection = sqlite3.connect(self.file)
        found = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")]
        connection.close()
        return found

    def configure(self, url: str, more: str = "", laravel: str | None = None) -> None:
        """Write runbooks.toml. more: lines for the environment; laravel: its table, "" for none."""
        table = LARAVEL.format(sql=json.dumps(self.sql)) if laravel is None else laravel
        (self.shop.folder / "runbooks.toml").write_text(CONFIGURATION.format(url=url, more=more) + table)

    def target(self, **laravel: Any) -> Target:
        git = self.shop.target().environment.model_dump(mode="json")["git"]
        environment = {
            "platform": "git",
            "url": "http://127.0.0.1:9",
            "git": git,
            "laravel": {"database": "sqlite", "sql": self.sql, **laravel},
        }
        service = Service.model_validate({"environments": {"production": environment}})
        folder = self.shop.folder
        return Target("shop", "production", service.environments["production"], service, folder, folder / "state")

    def reading(self, tag: str = "v1", **laravel: Any) -> Snapshot | None:
        target = self.target(**laravel)
        return Schema(target, GitPlatform(target), self.shop.release(tag)).reading()
