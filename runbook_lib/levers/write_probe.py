"""Trying to write as the application does, without writing anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runbook_lib.command import mask, printable
from runbook_lib.config import Target
from runbook_lib.config.levers import ReadOnly
from runbook_lib.datastores.sql import Place, Sql, server, sql_of
from runbook_lib.errors import ConfigurationError, PlatformError
from runbook_lib.levers.base import shown
from runbook_lib.run.plan import Verdict

# 25006: read_only_sql_transaction. 1290: the server runs with the option read_only; 1836: it is in read-only mode.
READ_ONLY_STATE = "25006"
READ_ONLY_CODES = (1290, 1836)

_TABLES = {
    "pgsql": "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
    "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') "
    "AND has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'DELETE') "
    "ORDER BY 1 LIMIT 1",
    "mysql": "SELECT CONCAT('`', REPLACE(table_name, '`', '``'), '`') FROM information_schema.tables "
    "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND engine IS NOT NULL ORDER BY 1 LIMIT 1",
}


def application_sql(target: Target, table: ReadOnly) -> Sql:
    """The way to the database that the application takes. ConfigurationError when it cannot be had."""
    database = target.environment.database
    if table.application is None or database is None:
        return sql_of(target)
    place = Place.of(table.application.resolve(target.root), database.kind)
    return Sql(server(place, database.timeout), database.kind)


def refused(target: Target, table: ReadOnly) -> Verdict:
    """PASS when a write is refused because writes are stopped; FAIL when it goes through."""
    return shown("a write was tried and went through" if _went_through(target, table) else "", "a write was refused")


def accepted(target: Target, table: ReadOnly) -> Verdict:
    """PASS when a write goes through, in a transaction that is rolled back."""
    return shown("" if _went_through(target, table) else "a write was refused", "a write was tried and went through")


def is_refused(target: Target, table: ReadOnly) -> bool:
    return not _went_through(target, table)


def _went_through(target: Target, table: ReadOnly) -> bool:
    """Try a write that changes no row; both servers check it before they look for rows. PlatformError when something
    else is wrong with it: then nothing was shown."""
    sql = application_sql(target, table)
    name = _quoted(sql, table.table) if table.table else _first_table(sql)
    connection = _connected(sql.connect)
    try:
        connection.cursor().execute(f"DELETE FROM {name} WHERE 1 = 0")  # noqa: S608
    except Exception as error:
        if _is_read_only(error):
            return False
        raise PlatformError(
            f"a write cannot be tried: {printable(mask(str(error)), 200)}",
            next_step="name a table that the application may write: levers.read_only.table and application",
        ) from error
    finally:
        connection.rollback()
        connection.close()
    return True


def _is_read_only(error: Exception) -> bool:
    """Each driver has a tree of errors of its own; both tell the server's code."""
    return getattr(error, "sqlstate", "") == READ_ONLY_STATE or (error.args[:1] or (0,))[0] in READ_ONLY_CODES


def _connected(connect: Callable[[], Any]) -> Any:
    try:
        return connect()
    except Exception as error:
        raise PlatformError(
            f"the database: {printable(mask(str(error)), 300)}", next_step="check its address, password and rights"
        ) from error


def _first_table(sql: Sql) -> str:
    with sql.transaction(writes=False) as execute:
        rows = execute(_TABLES[sql.dialect])
    if not rows:
        raise ConfigurationError(
            "the database has no table in which a write could be tried",
            next_step="name one that the application may write: levers.read_only.table",
        )
    return str(rows[0][0])


def _quoted(sql: Sql, name: str) -> str:
    return f"`{name}`" if sql.dialect == "mysql" else f'"{name}"'


def application_user(target: Target, table: ReadOnly) -> str:
    """The user with whom the application connects."""
    database = target.environment.database
    url = table.application or (database.url if database else None)
    return Place.of(url.resolve(target.root), database.kind).user if url and database else ""
