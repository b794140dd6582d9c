"""What the shop sells, in SQLite."""

import sqlite3
from contextlib import closing

FILE = "shop.db"

PRODUCTS = [
    ("MUG-01", "Mug, blue", 1250),
    ("MUG-02", "Mug, white", 1150),
    ("TEE-01", "T-shirt", 2400),
    ("BAG-01", "Bag", 1900),
    ("PIN-01", "Pin", 350),
]

TABLES = "CREATE TABLE IF NOT EXISTS products (sku TEXT PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL)"


def opened(storage):
    return closing(sqlite3.connect(storage / FILE, timeout=5))


def prepare(storage):
    """Bring an old or empty database up to this release."""
    with opened(storage) as database, database:
        database.execute(TABLES)
        database.executemany("INSERT OR IGNORE INTO products VALUES (?, ?, ?)", PRODUCTS)


def products(database):
    return database.execute("SELECT sku, name, cents FROM products ORDER BY sku").fetchall()


def known(database, sku):
    return database.execute("SELECT 1 FROM products WHERE sku = ?", (sku,)).fetchone() is not None
