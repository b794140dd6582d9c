"""Shops with a database of each kind, and the configuration that names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.backups.engine import Engine, engine_of
from runbook_lib.backups.place import repository_of
from runbook_lib.backups.record import Backup
from runbook_lib.backups.repository import Repository
from runbook_lib.backups.taking import Taking, sources
from runbook_lib.config import Service, Target
from tests.real.databases import Database

VARIABLE = "SHOP_DATABASE_URL"
SCHEMES = {"pgsql": "postgresql", "mysql": "mysql"}
DRIVERS = [
    "sqlite",
    pytest.param("pgsql", marks=[pytest.mark.real, pytest.mark.slow]),
    pytest.param("mysql", marks=[pytest.mark.real, pytest.mark.slow]),
]

SHOP = {
    "sqlite": (
        "CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL, created_at text)",
        "CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer REFERENCES customers (id), total integer, "
        "doubled integer GENERATED ALWAYS AS (total * 2) STORED, note blob, created_at text)",
        "CREATE VIEW totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id",
        "CREATE INDEX orders_customer ON orders (customer_id)",
    ),
    "pgsql": (
        "CREATE TYPE mood AS ENUM ('glad', 'sad')",
        "CREATE TABLE customers (id bigserial PRIMARY KEY, name text NOT NULL, "
        "mood mood DEFAULT 'glad', created_at timestamptz)",
        "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        "customer_id bigint REFERENCES customers (id), total numeric(10, 2), "
        "doubled numeric GENERATED ALWAYS AS (total * 2) STORED, note bytea, facts jsonb, "
        "created_at timestamptz)",
        "CREATE VIEW totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id",
        "CREATE INDEX orders_customer ON orders (customer_id)",
        "CREATE SEQUENCE invoices START 1000",
    ),
    "mysql": (
        "CREATE TABLE customers (id bigint AUTO_INCREMENT PRIMARY KEY, "
        "name varchar(100) CHARACTER SET utf8mb4 NOT NULL, "
        "mood enum('glad', 'sad') DEFAULT 'glad', created_at datetime)",
        "CREATE TABLE orders (id bigint AUTO_INCREMENT PRIMARY KEY, customer_id bigint, total decimal(10, 2), "
        "doubled decimal(10, 2) GENERATED ALWAYS AS (total * 2) STORED, note blob, facts json, created_at datetime, "
        "FOREIGN KEY (customer_id) REFERENCES customers (id))",
        "CREATE VIEW totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id",
        "CREATE VIEW best AS SELECT * FROM totals WHERE total > 100",
        "CREATE INDEX orders_customer ON orders (customer_id)",
        "CREATE SEQUENCE invoices START WITH 1000",
    ),
}
ODD = "Łódź 'quoted' \"name\" \\ % \u2028 ;--"


@dataclass
class Shop:
    """A service whose database is real. database: of the tests; target: as a runbook sees it."""

    database: Database
    target: Target
    folder: Path

    @property
    def engine(self) -> Engine:
        return engine_of(self.target)

    @property
    def repository(self) -> Repository:
        return repository_of(self.target)

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements on the live database by its name; the rows of the last one."""
        return self.database.run(*statements)

    def make(self, orders: int = 50) -> None:
        """The schema, two customers, so many orders."""
        self.sql(*SHOP[self.database.driver])
        connection = self.database.connect()
        mark = "?" if self.database.driver == "sqlite" else "%s"
        cursor = connection.cursor()
        customers = [(name, "2026-01-01 10:00:00") for name in ("Ada", ODD)]
        cursor.executemany(f"INSERT INTO customers (name, created_at) VALUES ({mark}, {mark})", customers)
        values = [(1 + n % 2, n, bytes([0, 255, n % 256]), "2026-01-02 10:00:00") for n in range(orders)]
        places = ", ".join([mark] * 4)
        cursor.executemany(f"INSERT INTO orders (customer_id, total, note, created_at) VALUES ({places})", values)
        connection.commit()
        connection.close()

    def take(self, name: str = "b1") -> Backup:
        """Take a backup, as the steps of a run do."""
        taking = Taking(self.target, self.repository, name, self.folder / "run" / name, sources(self.target))
        for source in taking.sources:
            taking.part(source)
        return taking.record(1_750_000_000.0 + len(self.repository.backups()), {"local": "v1"})


def service(environment: dict[str, Any], folder: Path) -> Target:
    about: dict[str, Any] = {"platform": "git", "url": "http://127.0.0.1:9", "git": {"path": "shop"}, **environment}
    made = Service.model_validate({"environments": {"production": about}})
    return Target("shop", "production", made.environments["production"], made, folder, folder / ".runbooks")


def shop_of(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, **backups: Any) -> Shop:
    if database.driver == "sqlite":
        table: dict[str, Any] = {"kind": "sqlite", "file": database.name}
    else:
        from urllib.parse import quote

        where = f"{database.user}@127.0.0.1:{database.port}/{quote(database.name, safe='')}"
        monkeypatch.setenv(VARIABLE, f"{SCHEMES[database.driver]}://{where}")
        table = {"kind": database.driver, "url": {"env": VARIABLE}}
    place = {} if "restic" in backups else {"folder": str(backups.pop("at", "backups"))}
    return Shop(database, service({"database": table, "backups": {**place, **backups}}, folder), folder)


MakeShop = Callable[..., Shop]
