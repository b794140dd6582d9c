"""What the shop sells and at which prices, in SQLite."""

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

# From how many pieces on a piece costs how many per cent of its price.
TIERS = [(1, 100), (10, 90), (50, 80)]

TABLES = [
    "CREATE TABLE IF NOT EXISTS products (sku TEXT PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS price_tiers (sku TEXT NOT NULL, from_quantity INTEGER NOT NULL, cents INTEGER NOT NULL,"
    " PRIMARY KEY (sku, from_quantity))",
]
FILL_TIERS = "INSERT OR IGNORE INTO price_tiers SELECT sku, ?, cents * ? / 100 FROM products"


def opened(storage):
    return closing(sqlite3.connect(storage / FILE, timeout=5))


def prepare(storage):
    """Bring an old or empty database up to this release."""
    with opened(storage) as database, database:
        for table in TABLES:
            database.execute(table)
        database.executemany("INSERT OR IGNORE INTO products VALUES (?, ?, ?)", PRODUCTS)
        database.executemany(FILL_TIERS, TIERS)


def products(database):
    return database.execute("SELECT sku, name, cents FROM products ORDER BY sku").fetchall()


def known(database, sku):
    return database.execute("SELECT 1 FROM products WHERE sku = ?", (sku,)).fetchone() is not None
