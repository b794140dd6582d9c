"""A shop deployed from Git, its queues a table in a SQLite file: v4 can place orders, v5 can send invoices, too."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.config import Target, load
from runbook_lib.laravel import payloads
from runbook_lib.platforms.base import Release
from tests.laravel.test_queues import payload
from tests.platforms.git_shop import Shop, git

PLACE, SEND = "App\\Jobs\\Place", "App\\Jobs\\Send"
CONFIGURATION = """
[services.shop.environments.production]
platform = "git"
url = "http://127.0.0.1:9"
git = {{ path = "{path}" }}
approval.policy = "none"
laravel = {{ database = "sqlite" }}
queues = {{ store = "database" }}
database = {{ kind = "sqlite", file = "shop.db" }}
"""
_TABLE = (
    "CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT, payload BLOB, attempts INT, reserved_at INT, "
    "available_at INT, created_at INT)"
)


@dataclass
class QueuedShop:
    """folder: in which runbooks.toml, the shop and its database are."""

    folder: Path

    def build(self) -> QueuedShop:
        """v5 is live, and two jobs of each class wait."""
        composer = json.dumps({"autoload": {"psr-4": {"App\\": "app/"}}})
        place = "<?php\nnamespace App\\Jobs;\nclass Place {}\n"
        self._shop.build()
        self._shop.commit("v4", {"composer.json": composer, "app/Jobs/Place.php": place})
        self._shop.commit("v5", {"app/Jobs/Send.php": place.replace("Place", "Send")})
        (self.folder / "runbooks.toml").write_text(CONFIGURATION.format(path=self._shop.path))
        with closing(self._connection) as connection:
            connection.execute(_TABLE)
            connection.commit()
        self.queue(PLACE, SEND, PLACE, SEND)
        return self

    @property
    def _shop(self) -> Shop:
        return Shop(self.folder, "in-place")

    @property
    def _connection(self) -> sqlite3.Connection:
        return sqlite3.connect(self.folder / "shop.db")

    @property
    def target(self) -> Target:
        return load(self.folder / "runbooks.toml").target("shop", "production")

    def release(self, tag: str) -> Release:
        return self._shop.release(tag)

    def make_live(self, tag: str) -> None:
        git(self._shop.path, "checkout", "--quiet", tag)

    def queue(self, *names: str) -> None:
        rows = [("default", payload(name), 0, 1, 1) for name in names]
        with closing(self._connection) as connection:
            connection.executemany(
                "INSERT INTO jobs (queue, payload, attempts, available_at, created_at) VALUES (?, ?, ?, ?, ?)", rows
            )
            connection.commit()

    def waiting(self) -> Counter[str]:
        """The classes of the jobs that a worker would take."""
        with closing(self._connection) as connection:
            rows = connection.execute("SELECT payload FROM jobs").fetchall()
        return Counter(payloads.read(bytes(row[0])).name for row in rows)

    def lose_one_that_is_kept(self) -> None:
        with closing(self._connection) as connection:
            connection.execute("DELETE FROM jobs_set_aside WHERE id = (SELECT min(id) FROM jobs_set_aside)")
            connection.commit()
