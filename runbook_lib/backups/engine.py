"""What a database engine has to offer to be backed up and restored: the contract, and the engine of an environment."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from runbook_lib.backups.dump import Dump
from runbook_lib.backups.session import Session
from runbook_lib.command import Secret
from runbook_lib.config import DatabaseKind, Target
from runbook_lib.datastores.sql import Place
from runbook_lib.errors import ConfigurationError


class Engine(Protocol):
    """One database, and those beside it on the same server (for SQLite: in the same folder)."""

    @property
    def kind(self) -> DatabaseKind:
        """Of the database."""

    @property
    def name(self) -> str:
        """Of the database; for SQLite, of its file."""

    def server(self) -> str:
        """The server's version. PlatformError when it is not reached."""

    def tool(self) -> str:
        """The version of the program that dumps."""

    def dumping(self) -> AbstractContextManager[Dump]:
        """Begin a dump of the whole database in one snapshot. PlatformError, CommandError."""

    def beside(self, mark: str) -> str:
        """The name of a database beside it. mark: what tells it apart, "restored_1a2b3c4d"."""

    def exists(self, name: str) -> bool:
        """Whether there is a database of that name here."""

    def fill(self, name: str, pieces: Iterable[bytes]) -> None:
        """Make a database of that name anew and restore a dump into it; nobody uses one of that name. Run again, it
        begins from the start. BackupError, CommandError, PlatformError."""

    def drop(self, name: str) -> None:
        """Remove a database beside; nothing where there is none."""

    def session(self, name: str = "") -> AbstractContextManager[Session]:
        """A connection to the database, or to one beside it."""

    def refuse_switch(self) -> None:
        """PlatformError when the database cannot be switched as a whole."""

    def switch(self, new: str, old: str) -> None:
        """Make the database `new` the one of the application's name, and keep the one of before as `old`; whoever is
        connected is disconnected where that is needed. Killed anywhere and called again, it ends right."""

    def switched(self, new: str, old: str) -> bool:
        """Whether that is so."""

    def point_in_time(self) -> list[str]:
        """What the server keeps with which one gets to a moment between two backups, a line each."""


def engine_of(target: Target) -> Engine:
    """The engine of an environment's database. ConfigurationError where the tables database or backups are missing."""
    database, backups = target.environment.database, target.environment.backups
    if database is None or backups is None:
        missing = "database" if database is None else "backups"
        raise ConfigurationError(
            f"{target.label} has no table {missing}", next_step="add it to runbooks.toml; the example shows its keys"
        )
    if database.file is not None:
        from runbook_lib.backups.sqlite import Sqlite

        work = backups.folder and target.resolve(backups.folder)
        return Sqlite(target.resolve(database.file), database.timeout, work or target.state)
    assert database.url is not None  # noqa: S101 - the table refuses a server without it
    place = Place.of(database.url.resolve(target.root), database.kind)
    patience = max(backups.statement_timeout, database.timeout)
    if database.kind == "pgsql":
        from runbook_lib.backups.postgresql import Postgresql

        return Postgresql(place, database.timeout, patience)
    from runbook_lib.backups.mariadb import Mariadb

    return Mariadb(place, database.timeout, patience)


def identity_of(target: Target) -> Secret | None:
    """The key with which an environment's backups are read; None where none is configured."""
    backups = target.environment.backups
    encryption = backups.encryption if backups else None
    return encryption.identity.resolve(target.root) if encryption and encryption.identity else None
