"""A change to the database, as one value, whatever way it was written: builder, raw SQL or query."""

from __future__ import annotations

from typing import Any, NamedTuple

from runbook_lib.migrations.reading.acts import TRIED, Expected, OnDrivers

# In the place of a length or a value that is known only when the migration runs.
UNTOLD = "?"


class Column(NamedTuple):
    """A column's definition. type: Laravel's name of it; arguments: length, precision, values; default: True when there
    is one that is not NULL. generated: computed by the database. expression: from
    what; "" when nothing is computed from the row, or when it was written in SQL. recoded: its character set or
    collation is named. updates: the database sets it whenever the row changes. shown: what is said of it behind
    its type: a length, hidden from SELECT *, filled with zeros."""

    name: str
    type: str = ""
    arguments: tuple[Any, ...] = ()
    nullable: bool = False
    default: bool = False
    default_value: Any = None
    volatile: bool = False
    generated: bool = False
    expression: str = ""
    increments: bool = False
    unsigned: bool = False
    recoded: bool = False
    updates: bool = False
    shown: frozenset[str] = frozenset()

    @property
    def required(self) -> bool:
        """An INSERT that does not name it fails."""
        return not (self.nullable or self.default or self.generated or self.increments)


class Change(NamedTuple):
    """One change. kind: its row in runbook_lib.migrations.rules.

    table: its name; "" when it is not known. fixed: the name is a literal, or the same text always gives the same.
    columns: the columns it concerns. name: of an index or constraint; to: the new name of what is renamed.
    fixes: a foreign key that keeps the value it refers to from being changed.
    creates: it stands in a Schema::create. exists: IF EXISTS was said. call: how it was written.
    guards: the conditions under which it is made. within: in a transaction that the migration itself begins.
    why: of what is not understood.
    """

    kind: str
    table: str
    columns: tuple[str, ...] = ()
    line: int = 0
    call: str = ""
    column: Column | None = None
    name: str = ""
    to: str = ""
    fixed: bool = True
    guards: tuple[str, ...] = ()
    why: str = ""
    on: str = ""
    on_delete: str = ""
    fixes: bool = False
    connection: str = ""
    exists: bool = False
    creates: bool = False
    within: bool = False

    def of(self, kind: str, **more: Any) -> Change:
        """The same place, another kind."""
        return self if kind == self.kind and not more else self._replace(kind=kind, **more)

    @property
    def certain(self) -> bool:
        """It happened, to what is named."""
        return self.fixed and (not self.guards or all(isinstance(guard, Expected) for guard in self.guards))

    @property
    def certain_or_failed(self) -> bool:
        """It happened, or failed in a try."""
        return self.fixed and all(isinstance(guard, Expected) or guard == TRIED for guard in self.guards)

    def kind_of_database(self, database: str) -> str:
        """The kind of database on which it is made, where only one is left: mysql, pgsql, sqlite; else `database`."""
        if not self.guards:
            return database
        drivers = next((guard.drivers for guard in reversed(self.guards) if isinstance(guard, OnDrivers)), ())
        kinds = {"mysql" if driver == "mariadb" else driver for driver in drivers}
        return kinds.pop() if len(kinds) == 1 else database

    @property
    def subject(self) -> str:
        """What it is about, for a reader: table, or table.column."""
        table = self.table or "?"
        return f"{table}.{', '.join(self.columns)}" if self.columns else table
