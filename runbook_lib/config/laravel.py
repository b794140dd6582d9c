"""A Laravel application, and how it is operated."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from runbook_lib.config.stores import DatabaseKind
from runbook_lib.config.values import Argv, Seconds, SecretReference, Table

AfterSwitch = Literal[
    "config:clear",
    "route:clear",
    "view:clear",
    "event:clear",
    "cache:clear",
    "queue:restart",
    "octane:reload",
    "horizon:terminate",
]


class Backup(Table):
    """Your own backup of the database."""

    run: Argv = Field(description="Command that takes a backup; RUNBOOK_RUN names the run. It may be run again.")
    check: list[str] = Field([], description="Command that exits 0 when the backup just taken can be restored.")
    timeout: Seconds = Field(3600, description="Seconds after which either command is stopped and has failed.")


class Laravel(Table):
    """A Laravel application, or one that is operated by the same commands."""

    folder: str = Field("", description='Folder of the application in the repository or image ("backend").')
    php: Argv = Field(["php"], description="How PHP is called where the application runs.")
    database: Literal["mysql", "mariadb", "pgsql", "sqlite"] = Field(
        description="Driver of the application's database, as in its config/database.php."
    )
    migrations: list[str] = Field(
        ["database/migrations"], min_length=1, description="Folders of migration files below `folder`."
    )
    sql: list[str] = Field(
        [],
        description="Command that runs the SQL given as its last word on the application's database and prints the "
        "rows as JSON; empty: PHP, through the application's own connection.",
    )
    after_switch: list[AfterSwitch] = Field(
        ["config:clear", "route:clear", "view:clear", "event:clear", "queue:restart"],
        description="Artisan commands after each switch, in this order. cache:clear empties the whole store.",
    )
    bypass: SecretReference | None = Field(
        None, description="Secret path that lets a person in while maintenance mode is on."
    )
    backup: Backup | None = Field(None, description="How the database is backed up before migrations are taken back.")

    @property
    def kind(self) -> DatabaseKind:
        """What kind of database the driver speaks to."""
        return "mysql" if self.database == "mariadb" else self.database

    @field_validator("folder", "migrations")
    @classmethod
    def _inside(cls, value: str | list[str]) -> str | list[str]:
        for path in [value] if isinstance(value, str) else value:
            if path.startswith("/") or ".." in path.split("/"):
                raise ValueError(f"{path!r} is not a folder inside the application")
        return value
