"""What is known of a backup: one record beside its data, written when the data is complete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from runbook_lib.errors import BackupError

FORMAT = 1


@dataclass(frozen=True)
class Counted:
    """One table: its rows, and the sum of all rows' checksums whatever their order, behind a mark of how they were
    made; empty: not known. For a folder, its files and their bytes."""

    rows: int
    checksum: str = ""


@dataclass(frozen=True)
class Reach:
    """From where on the server's log leads to later moments. at: Unix time by the server's clock; position: in
    MariaDB's binary logs, "mysql-bin.000003:4711"; empty for PostgreSQL, whose base backups know it themselves."""

    at: float
    position: str = ""


@dataclass(frozen=True)
class Part:
    """One file of a backup.

    name: "database", "base", or the folder's name; kind: pgsql, mysql, sqlite, base (of PostgreSQL's whole cluster) or
    folder; source: the database's name, the server, the path. reach: where the server's log goes on, None: it cannot.
    file: its name in the repository; bytes, sha256: of that file. tables: what is in it; exact: counted in the very
    snapshot that the data is from. server, tool: versions. migrations: names, in the order in which they ran.
    """

    name: str
    kind: str
    source: str
    file: str
    bytes: int
    sha256: str
    compression: str
    encrypted: bool
    tables: dict[str, Counted] = field(default_factory=dict)
    exact: bool = True
    server: str = ""
    tool: str = ""
    migrations: list[str] = field(default_factory=list)
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    reach: Reach | None = None

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


@dataclass(frozen=True)
class Verified:
    """It was restored and compared. at: Unix time; run: that did it; tables: as they were restored."""

    at: float
    run: str
    tables: dict[str, dict[str, Counted]] = field(default_factory=dict)


@dataclass(frozen=True)
class Backup:
    """One backup. id: of the run that took it; environment: label; began, ended: Unix time. release: what was live, by
    host. evidence: it was taken to keep what is wrong, and is no backup to go back to. recovered: from which backup and
    the server's log it was made; then `began` is the moment that was asked for."""

    id: str
    environment: str
    began: float
    ended: float
    parts: list[Part]
    release: dict[str, str] = field(default_factory=dict)
    verified: Verified | None = None
    evidence: bool = False
    recovered: str = ""

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)

    @property
    def when(self) -> str:
        return shown(self.began)

    def part(self, name: str) -> Part | None:
        return next((part for part in self.parts if part.name == name), None)

    @property
    def database(self) -> Part:
        """The part of the database. BackupError when there is none in it."""
        found = self.part("database")
        if found is None:
            raise BackupError(f"backup {self.id} holds no database", next_step="choose another one")
        return found

    def expected(self, part: Part) -> Mapping[str, Counted]:
        """What a restored part must hold: as it was verified before, else as it was counted."""
        known = self.verified.tables.get(part.name) if self.verified else None
        return part.tables if known is None else known


def shown(at: float) -> str:
    """A moment for a reader. at: Unix time."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def written(backup: Backup) -> str:
    """The record as text."""
    return json.dumps({"format": FORMAT, **asdict(backup)}, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def read(text: str | bytes) -> Backup:
    """A record from its text. BackupError when it is none, or of a later version of the runbooks."""
    from pydantic import TypeAdapter, ValidationError

    try:
        data: dict[str, Any] = json.loads(text)
        found = data.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise BackupError(
            "it is no record of a backup", next_step="look at the file; it was not written here"
        ) from error
    if found != FORMAT:
        raise BackupError(
            f"it is a record of format {found!r}", next_step="use the version of the runbooks that wrote it"
        )
    try:
        return TypeAdapter(Backup).validate_python(data)
    except ValidationError as error:
        raise BackupError("it is no whole record of a backup", next_step="look at the file; it was changed") from error
