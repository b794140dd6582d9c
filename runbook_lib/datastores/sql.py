"""The application's database over its own protocol: PostgreSQL, MySQL and MariaDB, SQLite. Drivers are imported when
they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from runbook_lib.command import Secret, mask, printable
from runbook_lib.config import DatabaseKind, Target
from runbook_lib.errors import ConfigurationError, PlatformError

Execute = Callable[..., list[tuple[Any, ...]]]

_PORTS = {"pgsql": 5432, "mysql": 3306}
_SCHEMES = {"postgresql": "pgsql", "postgres": "pgsql", "pgsql": "pgsql", "mysql": "mysql", "mariadb": "mysql"}


@dataclass(frozen=True)
class Place:
    """Where a database server is and who asks. host: a name or address, or the path of a socket (PostgreSQL: of its
    folder). password: empty where none is asked for."""

    kind: DatabaseKind
    host: str
    port: int
    user: str
    password: Secret
    name: str

    @classmethod
    def of(cls, url: Secret, kind: DatabaseKind) -> Place:
        """Read postgresql://USER:PASSWORD@HOST:PORT/NAME or mysql:// alike. ConfigurationError, which shows nothing of
        the url, when it is not one."""
        try:
            parts = urlsplit(url.reveal())
            port = parts.port or _PORTS[kind]
        except (ValueError, KeyError):
            parts, port = urlsplit(""), 0
        name = unquote(parts.path.removeprefix("/"))
        if _SCHEMES.get(parts.scheme) != kind or not parts.hostname or not name:
            raise ConfigurationError(
                f"the url of the {kind} database is no address of one",
                next_step="write KIND://USER:PASSWORD@HOST:PORT/NAME, special characters as %XX",
            )
        password = Secret(unquote(parts.password or ""))
        return cls(kind, parts.hostname, port, unquote(parts.username or ""), password, name)


@dataclass(frozen=True)
class Sql:
    """A way to a database. connect: opens a DB-API connection (psycopg, PyMySQL, sqlite3); it is closed after each
    transaction. dialect: as Laravel calls the driver."""

    connect: Callable[[], Any]
    dialect: DatabaseKind

    @contextmanager
    def transaction(self, writes: bool = True) -> Iterator[Execute]:
        """Runs statements, all or none of which take effect; values stand as %s. PlatformError when one fails."""
        try:
            connection = self.connect()
        except Exception as error:
            raise _failed(error) from error
        try:
            cursor = connection.cursor()
            if self.dialect == "sqlite":
                # Immediate, so that nobody writes between this one's reading and writing.
                connection.isolation_level = None
                cursor.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            if self.dialect == "mysql":
                # The default locks the gaps between rows, too, and workers that insert there end in a deadlock.
                cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

            def execute(statement: str, *values: Any) -> list[tuple[Any, ...]]:
                try:
                    cursor.execute(statement.replace("%s", "?") if self.dialect == "sqlite" else statement, values)
                    return list(cursor.fetchall()) if cursor.description else []
                except Exception as error:
                    # Each driver has a tree of errors of its own.
                    raise _failed(error) from error

            yield execute
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        finally:
            connection.close()


def sql_of(target: Target) -> Sql:
    """The way to an environment's database. ConfigurationError where the table database is missing or its secret cannot
    be had; PlatformError when a driver is not installed. Nothing is connected yet."""
    database = target.environment.database
    if database is None:
        raise ConfigurationError(
            f"{target.label} has no table database", next_step="add it to runbooks.toml; the example shows its keys"
        )
    if database.file is not None:
        return Sql(_sqlite(str(target.resolve(database.file)), database.timeout), "sqlite")
    assert database.url is not None  # noqa: S101 - the table refuses a server without it
    place = Place.of(database.url.resolve(target.root), database.kind)
    return Sql(server(place, database.timeout), database.kind)


def server(place: Place, timeout: float, statement: float | None = None) -> Callable[[], Any]:
    """Opens a DB-API connection to a server; connecting may take `timeout` seconds, each statement `statement`
    (default: as many). PlatformError when the driver is not installed."""
    answer = timeout if statement is None else statement
    return _postgresql(place, timeout, answer) if place.kind == "pgsql" else _mysql(place, timeout, answer)


def _sqlite(file: str, timeout: float) -> Callable[[], Any]:
    import sqlite3
    from pathlib import Path

    # mode=rw: a look must not make the file that it looks for.
    address = f"{Path(file).as_uri()}?mode=rw"
    return lambda: sqlite3.connect(address, timeout=timeout, uri=True)


def _postgresql(place: Place, timeout: float, answer: float) -> Callable[[], Any]:
    try:
        import psycopg
    except ImportError as error:
        raise _without("psycopg") from error
    milliseconds = int(timeout * 1000)
    return lambda: psycopg.connect(
        host=place.host,
        port=place.port,
        user=place.user,
        password=place.password.reveal() or None,
        dbname=place.name,
        connect_timeout=max(2, round(timeout)),
        application_name="runbook",
        # tcp_user_timeout: a server that takes the connection and never answers.
        options=f"-c statement_timeout={int(answer * 1000)} -c lock_timeout={milliseconds}",
        tcp_user_timeout=milliseconds,
    )


def _mysql(place: Place, timeout: float, answer: float) -> Callable[[], Any]:
    try:
        import pymysql
    except ImportError as error:
        raise _without("PyMySQL") from error
    seconds, patience = max(1, round(timeout)), max(1, round(answer))
    return lambda: pymysql.connect(
        host=place.host,
        port=place.port,
        unix_socket=place.host if place.host.startswith("/") else None,
        user=place.user,
        password=place.password.reveal(),
        database=place.name,
        connect_timeout=seconds,
        read_timeout=patience,
        write_timeout=patience,
        charset="utf8mb4",
    )


def _without(package: str) -> PlatformError:
    return PlatformError(
        f"the database is reached with the package {package}, which is not installed",
        next_step="pip install 'runbook-lib[databases]'",
    )


def _failed(error: Exception) -> PlatformError:
    return PlatformError(
        f"the database: {printable(mask(str(error)), 300)}", next_step="check its address, password and rights"
    )
