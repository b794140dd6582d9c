"""How data is backed up, and what must be true of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from runbook_lib.config.values import Count, Name, Seconds, Table, Value, VariableName
from runbook_lib.config.values import SecretReference as Reference

# A recipient is a public key; "-" in front would make it an option.
RECIPIENT = r"^(age1[0-9a-z]+|ssh-(ed25519|rsa) [A-Za-z0-9+/= @._-]+)$"

# A setting of a database server: a word, or two with a dot.
SettingName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_]*)?$")]


class Encryption(Table):
    """Encryption of backups with age. Taking one needs no secret, restoring does."""

    recipients: list[str] = Field(
        min_length=1, description="Public keys (age1... or ssh-ed25519 ...) for which backups are encrypted."
    )
    identity: Reference | None = Field(
        None, description="Private key (AGE-SECRET-KEY-1...) with which they are read; none: not readable from here."
    )

    @field_validator("recipients")
    @classmethod
    def _public(cls, values: list[str]) -> list[str]:
        import re

        for value in values:
            if not re.match(RECIPIENT, value):
                raise ValueError("a recipient is a public key of age: age1... or ssh-ed25519 ...")
        return values


class Restic(Table):
    """A repository of restic: S3-compatible stores, SFTP, REST servers and others."""

    repository: str = Field(
        min_length=1, description="Where it is, as restic names it: s3:https://HOST/BUCKET, sftp:USER@HOST:/FOLDER."
    )
    password: Reference = Field(description="Password of the repository; restic encrypts everything with it.")
    env: dict[VariableName, Value] = Field(
        {}, description="Variables for restic, such as AWS_ACCESS_KEY_ID; secrets by reference."
    )
    options: dict[Name, str] = Field({}, description='Extended options, such as "sftp.command".')


class Keep(Table):
    """Which backups stay. The newest verified one always does."""

    last: Annotated[Count, Field(ge=1)] = Field(7, description="So many of the newest.")
    daily: Annotated[Count, Field(ge=0)] = Field(14, description="The newest of so many days that have one.")
    weekly: Annotated[Count, Field(ge=0)] = Field(8, description="The newest of so many weeks that have one.")


class Recovery(Table):
    """Recovery to a moment between two backups, on a server of its own beside: from PostgreSQL's base backups and its
    WAL archive, or from MariaDB's dumps and its binary logs."""

    restore_command: str = Field(
        "",
        description="PostgreSQL's own setting: the shell command that fetches the file %f of the WAL archive to %p; "
        "with it, each backup takes a base backup along. Not for MariaDB.",
    )
    url: Reference | None = Field(
        None,
        description="Who may take base backups (PostgreSQL: REPLICATION, pg_switch_wal) or read binary logs (MariaDB: "
        "REPLICATION SLAVE, BINLOG MONITOR), as a url like that of the table database; none: as that table says.",
    )
    programs: Path | None = Field(
        None, description="Folder of the server's programs on this machine; none: looked for where packages put them."
    )
    work: Path = Field(
        Path("/var/tmp"),  # noqa: S108 - a folder of its own is made in it
        description="Folder of the server beside, for as long as it runs; it needs as much room as the database.",
    )
    user: str = Field("", description="Whom it runs as when this is root; empty: postgres or mysql.")
    settings: dict[SettingName, str] = Field(
        {}, description="Further settings of the server beside, such as shared_preload_libraries."
    )

    @field_validator("restore_command")
    @classmethod
    def _fetches(cls, value: str) -> str:
        if value and not ("%f" in value and "%p" in value):
            raise ValueError("restore_command needs %f (the file that is wanted) and %p (where to): 'cp /wal/%f %p'")
        if "\n" in value:
            raise ValueError("restore_command is one line")
        return value


class Backups(Table):
    """Backups of the database and of folders, taken with the database's own tools."""

    folder: Path | None = Field(None, description="Folder in which they are kept; relative to the folder of this file.")
    restic: Restic | None = Field(None, description="Or a repository of restic, instead of a folder.")
    folders: list[Path] = Field(
        [], description="Folders that are backed up besides the database, such as the application's storage."
    )
    compression: Literal["zstd", "gzip"] = Field("zstd", description="Program that compresses: zstd or gzip.")
    encryption: Encryption | None = Field(None, description="Encryption with age; none: not encrypted.")
    recovery: Recovery | None = Field(
        None, description="Recovery to a moment between two backups; none: PostgreSQL only has its dumps."
    )
    keep: Keep = Field(Keep(), description="Which backups stay when old ones are removed.")
    stop_writes: Literal["maintenance", "nothing"] = Field(
        "maintenance",
        description="What keeps the application from writing while a restored database is switched to: maintenance "
        "mode (needs the table laravel), or nothing.",
    )
    statement_timeout: Seconds = Field(3600, description="Seconds that counting or restoring one table may take.")

    @model_validator(mode="after")
    def _place(self) -> Backups:
        if (self.folder is None) == (self.restic is None):
            raise ValueError("name exactly one of folder and restic: where the backups are kept")
        return self


class DataCheck(Table):
    """Something that must be true of the data."""

    name: str = Field(min_length=1, description="What is wrong with the rows that it finds, in a few words.")
    sql: str = Field(
        min_length=1,
        description="Query that returns the offending rows, or one number: how many there are. It is only read.",
    )
    tables: list[str] = Field([], description="Tables that are suspect when it finds some; empty: not said.")
    allowed: Annotated[Count, Field(ge=0)] = Field(0, description="Offending rows that are no reason for concern.")
