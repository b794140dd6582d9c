"""What the shop sells, and its database."""

import sqlite3
from contextlib import closing

FILE = "shop.db"


def connected(storage):
    """A connection; sqlite3.OperationalError where no migration ever made the database."""
    database = sqlite3.connect(f"{(storage / FILE).as_uri()}?mode=rw", uri=True, timeout=5)
    # With the write-ahead log a killed process loses nothing; a power cut, at most the last orders.
    database.execute("PRAGMA synchronous = NORMAL")
    return database


def opened(storage):
    return closing(connected(storage))


def products(database):
    return database.execute(
        "SELECT products.sku, title, cents FROM products JOIN prices ON prices.sku = products.sku ORDER BY products.sku"
    ).fetchall()


def known(database, sku):
    return database.execute("SELECT 1 FROM products WHERE sku = ?", (sku,)).fetchone() is not None
