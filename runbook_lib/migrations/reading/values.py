"""What an expression of a migration can stand for while it is read.

Literals are Python's own values, PHP arrays are dicts. Everything that is known only when the migration runs is
Dynamic, with a kind that says which calls on it are harmless.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node

    from runbook_lib.migrations.reading.acts import Act

Value = Any  # str | int | float | bool | None | dict[Value, Value] | one of the classes below


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A value that only the running migration knows.

    kind: "plain" (nothing is known), "pure" (what a harmless function gave: calls on it change nothing), "rows" (what
    was read from the database: its methods may write). fixed: the same text gives the same value throughout a run
    (configuration, constants), so two tables of that name are one. expected: whether it is true, as far as the
    migrations before tell for certain.
    """

    text: str
    kind: str = "plain"
    fixed: bool = False
    never_null: bool = False
    expected: bool | None = None


@dataclass(frozen=True, slots=True)
class ByDriver:
    """A value that depends on the kind of database alone: what it is on each of the drivers that it may run on."""

    values: tuple[tuple[str, Value], ...]

    def on(self, driver: str) -> Value:
        return dict(self.values).get(driver, Dynamic(f"a value on {driver}"))


@dataclass(frozen=True, slots=True)
class Raw:
    """DB::raw(...) or new Expression(...)."""

    sql: Value


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The $table of a Schema::create or Schema::table."""

    table: Value
    creates: bool


@dataclass(frozen=True, slots=True)
class Definition:
    """A column or foreign key under definition: calls on it are its modifiers."""

    act: Act


@dataclass(frozen=True, slots=True)
class SchemaBuilder:
    """The Schema facade, or Schema::connection(...)."""

    connection: Value = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """The DB facade, or DB::connection(...)."""

    name: Value = ""


@dataclass(slots=True)
class Query:
    """A query under construction, one object from call to call. table: its name, or None when a model stands for it.
    model: the model's class. joined: to other tables, to which an UPDATE of MySQL writes as well."""

    table: Value
    model: str = ""
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Collection:
    """collect([...]) over a literal array."""

    items: dict[Value, Value]


@dataclass(frozen=True, slots=True)
class Closure:
    """A function value: its node, and the variables it sees."""

    node: Node
    scope: dict[str, Value] = field(compare=False)


@dataclass(frozen=True, slots=True)
class This:
    """$this of the migration."""


@dataclass(frozen=True, slots=True)
class Class:
    """Something::class. name: resolved against the imports."""

    name: str


LITERALS = (str, int, float, bool, type(None))


def is_literal(value: Value) -> bool:
    return isinstance(value, LITERALS)


def by_driver(combine: Callable[..., Value], *operands: Value) -> Value:
    """What operands of which some depend on the driver are combined to; one value where it is the same on all."""
    held = next(value for value in operands if isinstance(value, ByDriver))
    found = [
        (driver, combine(*(value.on(driver) if isinstance(value, ByDriver) else value for value in operands)))
        for driver, _ in held.values
    ]
    first = found[0][1]
    same = all(type(value) is type(first) and value == first for _, value in found)
    return first if same else ByDriver(tuple(found))


def truth(value: Value) -> bool | None:
    """Whether PHP takes a value for true; None when only the running migration knows."""
    if isinstance(value, dict):
        return bool(value)
    if is_literal(value):
        return value not in (False, None, 0, "", "0")
    return None


def expected(value: Value) -> bool | None:
    """Whether PHP takes a value for true, by the text or by the migrations before."""
    known = truth(value)
    return value.expected if known is None and isinstance(value, Dynamic) else known


def strings(value: Value) -> list[str] | None:
    """The names in a string or an array of strings; None when one of them is not literal."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        found = list(value.values())
        return found if found and all(isinstance(name, str) for name in found) else None
    return None


def shown(value: Value) -> str:
    """A value for a reader."""
    if isinstance(value, str):
        return value
    if isinstance(value, Dynamic):
        return value.text
    if isinstance(value, Raw):
        return shown(value.sql)
    if isinstance(value, ByDriver):
        return " or ".join(dict.fromkeys(shown(one) for _, one in value.values))
    if isinstance(value, dict):
        return "[" + ", ".join(shown(item) for item in value.values()) + "]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
