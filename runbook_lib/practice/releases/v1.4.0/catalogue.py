"""What the shop sells, and its database."""

import sqlite3
from contextlib import closing

FILE = "shop.db"
# Who waits longer for another's write lock fails: customers do not wait for ever.
PATIENCE = 1.5
# What SQLite says to who writes while the shop takes no orders, see artisan.
READ_ONLY = "the shop is read-only"


def connected(storage, patience=PATIENCE):
    """A connection; sqlite3.OperationalError where no migration ever made the database."""
    database = sqlite3.connect(f"{(storage / FILE).as_uri()}?mode=rw", uri=True, timeout=patience)
    # With the write-ahead log a killed process loses nothing; a power cut, at most the last orders.
    database.execute("PRAGMA synchronous = NORMAL")
    return database


def opened(storage):
    return closing(connected(storage))


def products(database):
    return database.execute(
        "SELECT products.sku, name, cents FROM products JOIN prices ON prices.sku = products.sku ORDER BY products.sku"
    ).fetchall()


def known(database, sku):
    return database.execute("SELECT 1 FROM products WHERE sku = ?", (sku,)).fetchone() is not None
