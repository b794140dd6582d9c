"""Migrations as Laravel runs them: the files of this release, and a table that says which of them ran.

NAME.php is what Laravel would run and what people read. There is no PHP here: what is run is NAME.sql, the part after
its line "-- up" or "-- down"; without "-- down", nothing is run and the row is deleted all the same.
"""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import catalogue

FILES = Path(__file__).resolve().parent / "database" / "migrations"
TABLE = (
    "CREATE TABLE migrations"
    " (id integer primary key autoincrement not null, migration varchar not null, batch integer not null)"
)
NEWEST_FIRST = "SELECT migration FROM migrations WHERE {} ORDER BY batch DESC, migration DESC LIMIT {}"


def names():
    """The migrations of this release, in order."""
    return sorted(file.stem for file in FILES.glob("*_*.php"))


def make_database(storage):
    """Make the database where there is none."""
    with closing(sqlite3.connect(storage / catalogue.FILE, timeout=5)) as database:
        database.execute("PRAGMA journal_mode = WAL")


def opened(storage):
    """A connection of which every statement counts at once."""
    database = catalogue.connected(storage, patience=5)
    database.isolation_level = None
    return closing(database)


def has_table(database):
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'migrations'").fetchone() is not None


def ran(database):
    """Batches by names of the migrations that ran, in that order."""
    return dict(database.execute("SELECT migration, batch FROM migrations ORDER BY batch, migration"))


def pending(database):
    before = ran(database) if has_table(database) else {}
    return [name for name in names() if name not in before]


def newest(database, step=None, batch=None):
    """The migrations that a rollback takes, newest first: so many, those of a batch, or those of the last batch."""
    if step is not None:
        where, limit = "batch >= 1", step
    elif batch is not None:
        where, limit = f"batch = {batch}", -1
    else:
        where, limit = "batch = (SELECT max(batch) FROM migrations)", -1
    return [name for (name,) in database.execute(NEWEST_FIRST.format(where, limit))]


def next_batch(database):
    return database.execute("SELECT coalesce(max(batch), 0) + 1 FROM migrations").fetchone()[0]


def run(database, name, batch):
    """Run a migration; milliseconds. It is run as a whole or, when it fails, not at all."""
    return _changed(database, statements(name, "up"), "INSERT INTO migrations (migration, batch) VALUES (?, ?)", name, batch)


def take_back(database, name):
    """Undo a migration; milliseconds."""
    return _changed(database, statements(name, "down"), "DELETE FROM migrations WHERE migration = ?", name)


def is_here(name):
    return (FILES / f"{name}.php").is_file()


def statements(name, way):
    """The statements of a migration's up or down."""
    found = {}
    part = ""
    for line in (FILES / f"{name}.sql").read_text().splitlines():
        if line.startswith("-- "):
            part = line.removeprefix("-- ")
        found[part] = found.get(part, "") + ("" if line.startswith("--") else f"{line}\n")
    return [statement.strip() for statement in found.get(way, "").split(";") if statement.strip()]


def _changed(database, changes, record, *values):
    begun = time.perf_counter()
    database.execute("BEGIN IMMEDIATE")
    try:
        for statement in changes:
            database.execute(statement)
        database.execute(record, values)
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise
    return (time.perf_counter() - begun) * 1000
