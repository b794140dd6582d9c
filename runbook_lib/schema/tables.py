"""The tables of a database as they really are, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

PartKind = Literal["primary", "unique", "index", "foreign", "check"]

Row = Mapping[str, Any]
Described = dict[str, dict[str, str]]
"""For each table its columns, indexes and constraints, each by "column NAME" or "KIND NAME", in words."""


@dataclass(frozen=True)
class Column:
    """A column. type, default: in the database's words; default None: there is none. more: what else belongs to its
    definition (identity, generated, on update ...). collation, comment: only where a definition has to repeat them."""

    name: str
    type: str
    nullable: bool
    default: str | None = None
    more: str = ""
    collation: str = ""
    comment: str = ""

    def __str__(self) -> str:
        null = "null" if self.nullable else "not null"
        default = "" if self.default is None else f"default {self.default}"
        return " ".join(filter(None, (self.type, self.collation.lower(), null, default, self.more)))


@dataclass(frozen=True)
class Part:
    """An index or constraint. columns: in their order; empty where it is made of expressions. definition: that it is
    made from again: after ADD CONSTRAINT NAME, or a whole CREATE INDEX."""

    kind: PartKind
    name: str
    columns: tuple[str, ...] = ()
    definition: str = ""

    @property
    def is_index(self) -> bool:
        """Whether it is made and dropped as an index, not as a constraint."""
        return self.definition.upper().startswith("CREATE")


@dataclass(frozen=True)
class Table:
    """A table or view. sql: how it was made, where the database keeps that as text."""

    name: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    parts: Sequence[Part] = ()
    view: bool = False
    sql: str = ""

    def part(self, kinds: Sequence[PartKind], name: str, columns: Sequence[str] = ()) -> Part | None:
        """An index or constraint of these kinds by its name, or else the only one on these columns."""
        known = [part for part in self.parts if part.kind in kinds]
        named = [part for part in known if name and part.name.lower() == name.lower()]
        on = [part for part in known if columns and part.columns == tuple(columns)]
        return named[0] if named else on[0] if len(on) == 1 else None

    def described(self) -> dict[str, str]:
        """Its columns, indexes and constraints in words."""
        columns = {f"column {column.name}": str(column) for column in self.columns.values()}
        # Where indexes have no names of their own, their columns are what tells them apart.
        parts = {
            f"{part.kind} {part.name or ', '.join(part.columns)}": part.definition or ", ".join(part.columns)
            for part in self.parts
        }
        return {"view" if self.view else "table": "there", **columns, **parts}


@dataclass(frozen=True)
class Tables:
    """All tables and views of one database, by name."""

    tables: Mapping[str, Table] = field(default_factory=dict)

    def get(self, name: str) -> Table | None:
        return self.tables.get(name)

    def described(self) -> Described:
        """All of it in words, as plain data: what two of them are compared by."""
        return {name: table.described() for name, table in sorted(self.tables.items())}


def assembled(
    tables: Mapping[str, Mapping[str, Any]],
    columns: Mapping[str, Sequence[Column]],
    parts: Mapping[str, Sequence[Part]],
) -> Tables:
    """Tables from what was read of each. tables: further fields of `Table` by its name."""
    return Tables(
        {
            name: Table(name, {c.name: c for c in columns.get(name, ())}, tuple(parts.get(name, ())), **more)
            for name, more in tables.items()
        }
    )
