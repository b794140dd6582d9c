"""Recovery to a moment between two backups: the contract, where it begins, and the one of an environment.

A server of its own is made beside from a backup of before the moment, and what the live server logged since is replayed
there up to it. What it then holds is dumped and kept as a backup of that moment, which is restored like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from runbook_lib.backups.engine import Engine, engine_of
from runbook_lib.backups.record import Backup, Part, shown
from runbook_lib.backups.repository import Repository
from runbook_lib.backups.scratch import Scratch
from runbook_lib.backups.taking import Source
from runbook_lib.config import Recovery, Target
from runbook_lib.datastores.sql import Place
from runbook_lib.errors import BackupError, ConfigurationError

TAKE = "papermill backup_and_restore.ipynb -p action take"


class Recovering(Protocol):
    """How one kind of database gets to a moment."""

    @property
    def begins_with(self) -> str:
        """The kind of part from which it begins."""

    @property
    def account(self) -> str:
        """Whom the server beside runs as where this is root."""

    def sources(self) -> list[Source]:
        """What a backup takes along for it, besides the dump."""

    def now(self) -> float:
        """Unix time by the server's clock. PlatformError."""

    def refuse(self, part: Part) -> str:
        """The version of the programs that do it; BackupError, CommandError, PlatformError where they cannot."""

    def flush(self) -> str:
        """Have the live server hand over what it logged until now; a line on it. PlatformError, BackupError."""

    def recovered(
        self, beside: Scratch, repository: Repository, part: Part, to: float | None
    ) -> AbstractContextManager[tuple[Engine, str]]:
        """A server beside, from a part and the log up to a moment, or None: as far as the part itself needs it. The
        engine of the database there, and a line on what it came to. BackupError says which log is missing."""


def recovery_of(target: Target) -> Recovering:
    """How an environment's database gets to a moment. ConfigurationError where it cannot."""
    engine = engine_of(target)
    assert target.environment.backups is not None  # noqa: S101 - there is no engine without it
    table = target.environment.backups.recovery
    if engine.kind == "sqlite":
        raise ConfigurationError(
            "SQLite keeps no log from which a moment between two backups could be recovered",
            next_step="restore the newest backup of before it, -p action restore -p backup ID; for smaller gaps take "
            "them more often, or let a tool beside the application copy its write-ahead log",
        )
    if engine.kind == "pgsql":
        from runbook_lib.backups.postgresql_recovery import PostgresqlRecovery

        if table is None or not table.restore_command:
            raise ConfigurationError(
                f"{target.label} has no backups.recovery.restore_command: nothing says how its WAL archive is read",
                next_step="add it to runbooks.toml, then take a backup: base backups are taken along from then on",
            )
        return PostgresqlRecovery(target, table, _place(target, table))
    from runbook_lib.backups.mariadb_recovery import MariadbRecovery

    table = table or Recovery()
    return MariadbRecovery(target, table, _place(target, table))


def start(found: Recovering, backups: Sequence[Backup], to: float) -> tuple[Backup, Part]:
    """The newest backup from which a moment can be reached, and its part. to: Unix time. BackupError where there is
    none."""
    if to > (now := found.now()):
        raise BackupError(
            f"{shown(to)} has not come yet: the server's clock says {shown(now)}", next_step="name a moment of the past"
        )
    known = starts(found, backups)
    before = [(at, backup, part) for at, backup, part in known if at <= to]
    if before:
        return before[-1][1:]
    if known:
        raise BackupError(
            f"{shown(to)} is before the earliest moment that can be reached, {shown(known[0][0])} "
            f"(backup {known[0][1].id})",
            next_step="name a later moment, or restore an older backup as it is: -p action list shows them",
        )
    raise BackupError(
        "no backup here is one from which a moment could be reached",
        next_step=f"take one for the next time: {TAKE}; base backups of another tool, as pgBackRest or Barman, lead "
        "there now: docs/how-to/backup_and_restore.md says how",
    )


def starts(found: Recovering, backups: Sequence[Backup]) -> list[tuple[float, Backup, Part]]:
    """From when on each backup leads to later moments, the earliest first."""
    reached = [
        (part.reach.at, backup, part)
        for backup in backups
        for part in backup.parts
        if part.kind == found.begins_with and part.reach is not None
    ]
    return sorted(reached, key=lambda one: one[0])


def work_of(target: Target) -> Path:
    """The folder in which servers beside have their data."""
    backups = target.environment.backups
    table = (backups and backups.recovery) or Recovery()
    return target.resolve(table.work)


def _place(target: Target, table: Recovery) -> Place:
    """The server, as who may read its log."""
    database = target.environment.database
    assert database is not None  # noqa: S101 - there is no engine without it
    url = table.url or database.url
    assert url is not None  # noqa: S101 - the table refuses a server without it
    return Place.of(url.resolve(target.root), database.kind)
