"""Where an application keeps the flags of its features: a key in Redis, a row of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runbook_lib.config import Target
from runbook_lib.config.levers import Feature
from runbook_lib.datastores.redis import redis_of, talking
from runbook_lib.datastores.sql import Sql, sql_of
from runbook_lib.errors import PlatformError


@dataclass(frozen=True)
class RedisFlag:
    """A string in Redis. None: there is no such key. What it had left to live is kept."""

    target: Target
    table: Feature

    def read(self) -> str | None:
        with talking(), redis_of(self.target) as client:
            value: Any = client.get(self.table.redis)
        return None if value is None else value.decode("utf-8", "surrogateescape")

    def write(self, value: str | None) -> None:
        with talking(), redis_of(self.target) as client:
            if value is None:
                client.delete(self.table.redis)
            else:
                client.set(self.table.redis, value.encode("utf-8", "surrogateescape"), keepttl=True)

    def __str__(self) -> str:
        return f"redis {self.table.redis}"


@dataclass(frozen=True)
class DatabaseFlag:
    """A column of one row. None: it is NULL there. The names are plain ones, as the configuration holds; values are
    parameters."""

    target: Target
    table: Feature

    def read(self) -> str | None:
        with self._sql.transaction(writes=False) as execute:
            rows = execute(f"SELECT {self._name(self.table.column)} {self._row}", self.table.row)
        if len(rows) != 1:
            raise PlatformError(
                f"{self.table.table} has {len(rows)} rows with {self.table.key} = {self.table.row!r}",
                next_step="name the one row of the feature: levers.features.NAME.key and row",
            )
        return _text(rows[0][0])

    def write(self, value: str | None) -> None:
        table, column, key = map(self._name, (self.table.table, self.table.column, self.table.key))
        with self._sql.transaction() as execute:
            execute(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", value, self.table.row)  # noqa: S608

    def __str__(self) -> str:
        return f"{self.table.table}.{self.table.column} of {self.table.row}"

    @property
    def _sql(self) -> Sql:
        return sql_of(self.target)

    @property
    def _row(self) -> str:
        return f"FROM {self._name(self.table.table)} WHERE {self._name(self.table.key)} = %s"

    def _name(self, name: str) -> str:
        """A name as the server takes it, also where it is one of its own words."""
        return f"`{name}`" if self._sql.dialect == "mysql" else f'"{name}"'


def _text(value: Any) -> str | None:
    """A value as it can be written back; PostgreSQL takes 0 and 1 for a boolean, as the others have it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(int(value))
    return value.decode() if isinstance(value, bytes) else str(value)
