"""One connection that stays open, for what has to be seen in one snapshot."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from runbook_lib.command import mask, printable
from runbook_lib.config import DatabaseKind
from runbook_lib.errors import PlatformError, RunbookError

Row = tuple[Any, ...]
BATCH = 2000

# What is there was allowed when it came: no date is refused, and nothing is cut off.
_MODE = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES,ALLOW_INVALID_DATES'"
# Only to read, and what is asked means what it means to the application.
_LOOKING = {
    "pgsql": ("BEGIN READ ONLY", "SET LOCAL search_path TO DEFAULT", "SET LOCAL row_security TO DEFAULT"),
    "mysql": ("SET SESSION sql_mode = DEFAULT", "START TRANSACTION READ ONLY"),
    "sqlite": ("PRAGMA query_only = ON",),
}
# What a value looks like as text must not depend on who asks.
_SETTINGS = {
    "pgsql": (
        "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET timezone = 'UTC'; SET bytea_output = 'hex'; "
        "SET extra_float_digits = 1; SET search_path = pg_catalog; SET row_security = off",
    ),
    "mysql": (
        "SET SESSION time_zone = '+00:00'",
        _MODE,
    ),
    "sqlite": ("PRAGMA foreign_keys = ON",),
}
# What the three say of a database that is not there, or is none any more.
_GONE = re.compile(
    r"database \S+ does not exist|Unknown database|malformed|not a database|unable to open database file"
)
_QUOTES = {"pgsql": '"', "mysql": "`", "sqlite": '"'}


class Session:
    """A connection in which every statement takes effect by itself unless a transaction is begun. Statements stand as
    they are: no placeholders, except where values are given (%s)."""

    def __init__(self, connection: Any, kind: DatabaseKind) -> None:
        self._connection = connection
        self.kind = kind

    def __call__(self, statement: str, values: Sequence[Any] | None = None) -> list[Row]:
        """Run a statement; its rows. PlatformError."""
        with self._cursor() as cursor:
            self._execute(cursor, statement, values)
            return list(cursor.fetchall()) if cursor.description else []

    def look(self, statement: str, limit: int) -> tuple[list[str], list[Row], int]:
        """A query's columns, its first rows, and how many there are. Nothing can be changed by it. PlatformError."""
        for setting in _LOOKING[self.kind]:
            self(setting)
        try:
            with self._cursor(streams=True) as cursor:
                cursor.execute(statement)
                first: list[Row] = []
                found = 0
                while rows := cursor.fetchmany(BATCH):
                    first += rows[: max(0, limit - len(first))]
                    found += len(rows)
                return [str(column[0]) for column in cursor.description or ()], first, found
        finally:
            self("PRAGMA query_only = OFF" if self.kind == "sqlite" else "ROLLBACK")
            if self.kind == "mysql":
                self(_MODE)

    def many(self, statement: str, values: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each of several values. PlatformError."""
        with self._cursor() as cursor:
            cursor.executemany(self._placed(statement), values)

    def each(self, statement: str) -> Iterator[Row]:
        """The rows of a query, without having all of them in memory. In PostgreSQL, a transaction must be open."""
        with self._cursor(streams=True) as cursor:
            self._execute(cursor, statement, None)
            while rows := cursor.fetchmany(BATCH):
                yield from rows

    def copy(self, out: str, other: Session, into: str) -> None:
        """Let the rows of a COPY ... TO STDOUT flow into a COPY ... FROM STDIN of another connection. PostgreSQL."""
        with self._cursor() as source, other._cursor() as destination:  # noqa: SIM117 - one opens what the other closes
            with source.copy(out) as rows, destination.copy(into) as sink:
                for piece in rows:
                    sink.write(piece)

    @contextlib.contextmanager
    def transaction(self, begin: str = "BEGIN") -> Iterator[None]:
        """All or none of the statements within."""
        self(begin)
        try:
            yield
            self("COMMIT")
        except BaseException:
            with contextlib.suppress(PlatformError):
                self("ROLLBACK")
            raise

    def quoted(self, *names: str) -> str:
        """Names as identifiers, joined with dots."""
        mark = _QUOTES[self.kind]
        return ".".join(f"{mark}{name.replace(mark, mark * 2)}{mark}" for name in names if name)

    def _execute(self, cursor: Any, statement: str, values: Sequence[Any] | None) -> None:
        if values is None:
            cursor.execute(statement)
        else:
            cursor.execute(self._placed(statement), values)

    def _placed(self, statement: str) -> str:
        return statement.replace("%s", "?") if self.kind == "sqlite" else statement

    @contextlib.contextmanager
    def _cursor(self, *, streams: bool = False) -> Iterator[Any]:
        try:
            if streams and self.kind == "pgsql":
                cursor = self._connection.cursor(name="runbook")
            elif streams and self.kind == "mysql":
                from pymysql.cursors import SSCursor

                cursor = self._connection.cursor(SSCursor)
            else:
                cursor = self._connection.cursor()
            with contextlib.closing(cursor):
                yield cursor
        except (RunbookError, OSError):
            raise
        except Exception as error:
            if type(error).__module__.split(".")[0] not in ("psycopg", "pymysql", "sqlite3"):
                raise
            raise failed(error) from error


@contextlib.contextmanager
def session(connect: Callable[[], Any], kind: DatabaseKind) -> Iterator[Session]:
    """A connection from here to the end of the context. PlatformError when it cannot be had."""
    try:
        connection = connect()
        if kind == "sqlite":
            connection.isolation_level = None
            # What is no UTF-8 must not stop it.
            connection.text_factory = bytes
        elif kind == "pgsql":
            connection.autocommit = True
        else:
            connection.autocommit(True)
    except RunbookError:
        raise
    except Exception as error:
        # Each driver has a tree of errors of its own.
        raise failed(error) from error
    with contextlib.closing(connection):
        opened = Session(connection, kind)
        for setting in _SETTINGS[kind]:
            opened(setting)
        yield opened


def failed(error: Exception) -> PlatformError:
    """What a driver said, with what to do about it."""
    return PlatformError(f"the database: {printable(mask(str(error)), 300)}", next_step=_next(error))


def _next(error: Exception) -> str:
    # Every driver calls it so (PEP 249).
    if any(kind.__name__ == "IntegrityError" for kind in type(error).__mro__):
        return "rows of now stand against it: mend them, name the other tables, too, or restore the whole database"
    if _GONE.search(str(error)):
        return (
            "where the database is gone or damaged: move aside what is left of it, make an empty one of that name, "
            "and restore into that"
        )
    if "is locked" in str(error):
        return "somebody is writing: wait, or stop what writes, then run it again"
    return "check its address, password and rights"
