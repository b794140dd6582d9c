"""Which query reads a database's schema, and what its rows say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runbook_lib.config import DatabaseKind
from runbook_lib.errors import CommandError
from runbook_lib.schema import mysql, postgresql, sqlite
from runbook_lib.schema.tables import Row, Tables

_READERS: dict[DatabaseKind, Callable[[Sequence[Row]], Tables]] = {
    "pgsql": postgresql.read, "mysql": mysql.read, "sqlite": sqlite.read,
}  # fmt: skip
_QUERIES: dict[DatabaseKind, str] = {"pgsql": postgresql.QUERY, "mysql": mysql.QUERY, "sqlite": sqlite.QUERY}


def query(database: DatabaseKind) -> str:
    """One SELECT whose rows tell all tables; `tables_in` reads them."""
    return _QUERIES[database].strip()


def tables_in(rows: Sequence[Row], database: DatabaseKind) -> Tables:
    """The tables that the rows of `query` tell. CommandError when rows are of another shape."""
    try:
        return _READERS[database](rows)
    except (KeyError, ValueError, TypeError) as error:
        raise CommandError(
            f"the schema of the application's database cannot be read: {type(error).__name__} {error}",
            next_step="see to it that laravel.sql prints each row with its columns' names, in lower case",
        ) from error
