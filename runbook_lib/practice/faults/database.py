"""Faults of the database and of what is in it."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing

from runbook_lib.practice import server
from runbook_lib.practice.control import control
from runbook_lib.practice.faults.base import Fault
from runbook_lib.practice.faults.seeing import answers_are_slow, customers_fail, logged, production, route_fails
from runbook_lib.practice.ground import Ground, Marker

# Seconds that the query takes at least when its index is gone, on this machine.
SLOW = 0.4
ROWS_AT_ONCE = 250
MOST_ROWS = 100_000

_RECOMMENDED = (
    "SELECT other.sku, count(*) FROM views AS mine JOIN views AS other ON other.visitor = mine.visitor"
    " WHERE mine.sku = 'MUG-01' AND other.sku <> mine.sku GROUP BY other.sku ORDER BY 2 DESC, 1 LIMIT 3"
)
_VIEWS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    " INSERT INTO views (visitor, sku) SELECT 1000 + i / 4, (SELECT sku FROM prices WHERE id = 1 + i % 5) FROM n"
)


def _database_down(ground: Ground) -> str:
    """The database's file is no longer where it was, as when its volume is detached."""
    site = production(ground)
    away = site.folder / "detached"
    away.mkdir(exist_ok=True)
    for file in sorted(site.storage.glob("shop.db*")):
        os.replace(file, away / file.name)
    return f"the volume with production's database was detached: {site.database} is gone"


def _lock(ground: Ground) -> str:
    site = production(ground)
    marker = Marker.read(ground)
    if marker is not None:
        control(marker, {"import": ["import", str(site.folder)]})
    return f"an import (pid {server.holder(site.import_lock)}) holds the write lock of production's database"


def _slow_query(ground: Ground) -> str:
    """Its index is dropped, and there are so many rows that it matters on this machine."""
    with closing(_opened(ground)) as database:
        database.execute("DROP INDEX IF EXISTS views_visitor_index")
        while (seconds := _timed(database)) < SLOW and _rows(database) < MOST_ROWS:
            database.execute("BEGIN")
            database.execute(_VIEWS, (ROWS_AT_ONCE,))
            database.execute("COMMIT")
        return f"an index is gone: over {_rows(database)} rows the recommendations take {seconds * 1000:.0f} ms"


def _corrupt_rows(ground: Ground) -> str:
    """A faulty import turned the sign of prices and of the last orders' totals."""
    with closing(_opened(ground)) as database:
        database.execute("BEGIN IMMEDIATE")
        prices = database.execute("UPDATE prices SET cents = -cents WHERE sku IN ('MUG-01', 'TEE-01')").rowcount
        newest = "SELECT id FROM orders ORDER BY id DESC LIMIT 40"
        orders = database.execute(f"UPDATE orders SET total = -total WHERE id IN ({newest})").rowcount  # noqa: S608
        database.execute("COMMIT")
    return f"{prices} prices and the totals of {orders} orders are negative in production"


def _missing_column(ground: Ground) -> str:
    """As a person does it by hand, for the release that is to come."""
    with closing(_opened(ground)) as database:
        database.execute("ALTER TABLE orders RENAME COLUMN total TO amount")
    return "a column of production's orders was renamed, and the code that is live asks for it"


def _column_is_back(ground: Ground) -> None:
    """As a person does it, whom triage told which column is missed; a restore may have brought it back before."""
    with closing(_opened(ground)) as database:
        if any(row[1] == "amount" for row in database.execute("PRAGMA table_info(orders)")):
            database.execute("ALTER TABLE orders RENAME COLUMN amount TO total")


def _opened(ground: Ground) -> sqlite3.Connection:
    address = f"{production(ground).database.as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=10, isolation_level=None)


def _timed(database: sqlite3.Connection) -> float:
    begun = time.perf_counter()
    database.execute(_RECOMMENDED).fetchall()
    return time.perf_counter() - begun


def _rows(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT count(*) FROM views").fetchone()[0])


FAULTS = {
    "database-down": Fault(
        "production's database is gone from where it was", _database_down, route_fails("/ready", "/")
    ),
    "lock": Fault("an import holds the lock of production's database and hangs", _lock, customers_fail),
    "slow-query": Fault("a query of production lacks its index and has many rows", _slow_query, answers_are_slow),
    "missing-column": Fault(
        "a column of production's orders was renamed by hand", _missing_column, customers_fail, _column_is_back
    ),
    "corrupt-rows": Fault(
        "a faulty import changed prices and orders of production", _corrupt_rows, logged("invalid price")
    ),
}
