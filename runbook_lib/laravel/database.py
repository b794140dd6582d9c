"""The application's database, asked and changed through the application itself inside what is live on a host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.command import Command
from runbook_lib.config import Laravel
from runbook_lib.connectors.base import Connector
from runbook_lib.laravel.sql import APPLIED, applied_in, change_command, rows_of, sql_command
from runbook_lib.platforms.base import Platform
from runbook_lib.schema.reading import query, tables_in
from runbook_lib.schema.tables import Tables


@dataclass(frozen=True)
class ApplicationDatabase:
    """host: name of the host or replica whose application is asked. Reading raises CommandError when it cannot be."""

    laravel: Laravel
    platform: Platform
    host: str

    def rows(self, statement: str) -> list[dict[str, Any]]:
        connector, command = self.platform.live(sql_command(self.laravel, statement), self.host)
        return rows_of(connector.read(command))

    def applied(self) -> list[str]:
        """The rows of the table migrations, in the order in which they ran."""
        connector, command = self.platform.live(sql_command(self.laravel, APPLIED), self.host)
        return applied_in(connector.read(command))

    def tables(self) -> Tables:
        """The schema as it really is."""
        return tables_in(self.rows(query(self.laravel.kind)), self.laravel.kind)

    def count(self, statement: str) -> int:
        """The number in the column `found` of a SELECT's only row."""
        return int(self.rows(statement)[0]["found"])

    def change(self, statements: Sequence[str]) -> tuple[Connector, Command]:
        """The command that runs these in order on one connection, waiting for no lock for long, and its way."""
        return self.platform.live(change_command(self.laravel, statements), self.host)
