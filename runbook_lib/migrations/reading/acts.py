"""What a migration was read to do: acts in the order in which it would do them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Arguments = dict[int | str, Any]


# The guard of a try with a catch: what is in it was done, or failed on the way.
TRIED = "it did not fail in try"


class OnDrivers(str):
    """A condition that holds on these kinds of databases, whatever their rows: what is under it happened on them."""

    drivers: frozenset[str]

    def __new__(cls, drivers: Iterable[str]) -> OnDrivers:
        made = super().__new__(cls, f"on {', '.join(sorted(drivers))}")
        made.drivers = frozenset(drivers)
        return made


class Expected(str):
    """A question for a table or column whose answer the migrations before leave no doubt about."""


@dataclass(slots=True, eq=False)
class Act:
    """One thing that is asked of the database, or something that was not understood.

    verb: "blueprint" (method of $table), "schema" (method of Schema), "sql", "rows" (data), "unread".
    method: the method's name as it was called. table: its name, a Dynamic or None.
    arguments: by position or name. modifiers: the calls that follow in the chain.
    guards: the conditions under which it is reached; without any it is certain to be. within: it runs in a
    transaction that the migration itself begins.
    """

    verb: str
    method: str
    table: Any
    arguments: Arguments
    line: int
    guards: tuple[str, ...] = ()
    creates: bool = False
    connection: Any = ""
    within: bool = False
    why: str = ""
    modifiers: list[tuple[str, Arguments]] = field(default_factory=list)

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        if position in self.arguments:
            return self.arguments[position]
        return self.arguments.get(name, default)

    def modifier(self, name: str) -> Arguments | None:
        """The arguments of the last modifier of that name."""
        return next((arguments for method, arguments in reversed(self.modifiers) if method == name), None)


@dataclass(frozen=True)
class Method:
    """What was read of up() or down(). present: the class has it. throws: it ends in an exception every time."""

    present: bool
    acts: tuple[Act, ...] = ()
    throws: bool = False
    empty: bool = False
