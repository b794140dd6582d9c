"""Walks a migration's method in the order in which PHP would, keeping variables, guards and acts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runbook_lib.command import printable
from runbook_lib.migrations.reading import expressions, statements
from runbook_lib.migrations.reading.acts import Act, Arguments, Method, OnDrivers
from runbook_lib.migrations.reading.syntax import File, children, line, text
from runbook_lib.migrations.reading.values import ByDriver, Closure, Dynamic, Value, by_driver

if TYPE_CHECKING:
    from tree_sitter import Node

STEP_LIMIT = 200_000
DEPTH_LIMIT = 12
ASKED_LIMIT = 500  # acts of one migration after which its own questions are no longer answered

# The drivers of Laravel that are known here; mariadb is one of its own since Laravel 11.
DRIVERS = ("mysql", "mariadb", "pgsql", "sqlite")

# Methods that PHP calls on its own.
MAGIC = {"__get", "__set", "__tostring", "__destruct", "__call", "__callstatic", "getiterator", "current", "offsetget"}

There = Callable[[Sequence[Act], str, str], bool | None]
"""Given what was done so far, whether a table, or a column of it, is there; None when that is not certain."""

# How a statement can end, as bits.
NEXT, RETURN, BREAK, THROW = 1, 2, 4, 8


class TooMuchError(Exception):
    """The method asks for more than is read."""


class Reader:
    """Reads one method of one migration. database: mysql, mariadb, pgsql, sqlite or "" (any of them). there: answers
    for the schema."""

    def __init__(self, file: File, database: str = "", there: There | None = None) -> None:
        self.file = file
        self._there = there
        self.drivers = frozenset([database] if database else DRIVERS)
        self.acts: list[Act] = []
        self.guards: list[str] = []
        self.scope: dict[str, Value] = {}
        self.properties: dict[str, Value] = {}
        self.calls: list[str] = []
        self.usual_length: Value = None  # of strings, once the migration has set it
        self.within = False  # a transaction that the migration began
        self._steps = 0

    def method(self, name: str) -> Method:
        """What up() or down() would do, the constructor's work and loose code of the file before it."""
        node = self.file.migration.methods.get(name)
        if node is None:
            return Method(False)
        try:
            for loose in self.file.loose:
                self.unread(loose, "code outside of the class runs when the file is loaded")
            for magic in sorted(MAGIC & self.file.migration.methods.keys()):
                self.unread(self.file.migration.methods[magic], f"{magic}() runs without being called")
            self._construct()
            before = len(self.acts)
            ended = self.run_function(node, {})
        except (RecursionError, TooMuchError):
            self.unread(node, f"{name}() is too large or too deeply nested to be read")
            ended, before = NEXT, 0
        return Method(True, tuple(self.acts), ended == THROW, len(self.acts) == before)

    def _construct(self) -> None:
        constructor = self.file.migration.methods.get("__construct")
        if constructor is not None:
            self.run_function(constructor, {})
        should = self.file.migration.methods.get("shouldrun")
        if should is not None:
            self.guards.append("shouldRun() says so")

    def run_function(self, node: Node, scope: dict[str, Value]) -> int:
        """Run a function's body with these variables; how it can end, seen from its caller."""
        outer, self.scope = self.scope, scope
        depth, drivers = len(self.guards), self.drivers
        try:
            body = node.child_by_field_name("body")
            if body is None:
                return NEXT
            if body.type != "compound_statement":
                self.value(body)
                return NEXT
            ended = self.run(body)
            return THROW if ended == THROW else NEXT
        finally:
            self.scope, self.drivers = outer, drivers
            del self.guards[depth:]

    def run(self, node: Node) -> int:
        """Run a statement; the ways in which it can end, as bits."""
        self._steps += 1
        if self._steps > STEP_LIMIT:
            raise TooMuchError
        handler = statements.STATEMENTS.get(node.type)
        if handler is not None:
            return handler(self, node)
        self.unread(node, "this statement is not understood")
        return NEXT

    def value(self, node: Node) -> Value:
        """What an expression stands for; the acts in it are noted on the way."""
        self._steps += 1
        if self._steps > STEP_LIMIT:
            raise TooMuchError
        handler = expressions.EXPRESSIONS.get(node.type)
        if handler is not None:
            return handler(self, node)
        self.unread(node, "this expression is not understood")
        return Dynamic(text(node)[:200])

    @contextmanager
    def guarded(self, *guards: str) -> Iterator[None]:
        """What runs within happens only under these conditions."""
        depth = len(self.guards)
        self.guards += guards
        try:
            yield
        finally:
            del self.guards[depth:]

    def there(self, table: Value, columns: Sequence[Value] = ("",)) -> bool | None:
        """Whether a table, or all of some columns of it, are there at this point; None when that is not certain."""
        if self._there is None or not isinstance(table, str) or len(self.acts) > ASKED_LIMIT:
            return None
        found = {self._there(self.acts, table, name) if isinstance(name, str) else None for name in columns}
        return False if False in found else None if None in found else True

    @property
    def driver(self) -> Value:
        """The driver's name, as far as it is known here."""
        return self.by_driver(lambda driver: driver)

    def by_driver(self, value: Callable[[str], Value]) -> Value:
        """A value that depends on the driver, as far as that is known here."""
        return by_driver(lambda one: one, ByDriver(tuple((name, value(name)) for name in sorted(self.drivers))))

    def leave(self, drivers: Iterable[str]) -> None:
        """From here to the end of the function nothing happens on these drivers."""
        self.drivers -= frozenset(drivers)
        if self.drivers:
            self.guards.append(OnDrivers(self.drivers))

    @contextmanager
    def on(self, drivers: Iterable[str]) -> Iterator[None]:
        """What runs within happens only on these drivers; what left on some of them stays left."""
        before, depth = self.drivers, len(self.guards)
        self.drivers = frozenset(drivers)
        if self.drivers != before:
            self.guards.append(OnDrivers(self.drivers))
        try:
            yield
        finally:
            self.drivers = before
            del self.guards[depth:]

    def act(self, verb: str, method: str, table: Value, arguments: Arguments, node: Node, **more: Any) -> Act:
        act = Act(verb, method, table, arguments, line(node), tuple(self.guards), within=self.within, **more)
        self.acts.append(act)
        return act

    def unread(self, node: Node, why: str) -> Value:
        """Note that something is not understood. Its value is Dynamic; what is called on it is part of the same."""
        words = printable(text(node), 160)
        self.acts.append(Act("unread", words, None, {}, line(node), tuple(self.guards), why=why))
        return Dynamic(words, "unread")

    def arguments(self, node: Node | None) -> Arguments:
        """The arguments of a call, evaluated from the left."""
        found: Arguments = {}
        if node is None:
            return found
        position = 0
        for argument in children(node):
            if argument.type != "argument":
                self.unread(argument, "this argument is not understood")
                continue
            parts = children(argument)
            name = argument.child_by_field_name("name") if len(parts) > 1 else None
            if name is not None:
                found[text(name)] = self.value(parts[-1])
            elif parts and parts[-1].type == "variadic_unpacking":
                self._unpack(parts[-1], found)
                position = len(found)
            elif parts:
                found[position] = self.value(parts[-1])
                position += 1
        return found

    def _unpack(self, node: Node, found: Arguments) -> None:
        given = self.value(children(node)[0])
        if isinstance(given, dict):
            for item in given.values():
                found[len(found)] = item
        else:
            found[len(found)] = Dynamic(text(node)[:200])

    def call(self, node: Node, function: Value, *given: Value) -> Value:
        """Run a closure with these arguments bound to its parameters. node: the call, if it cannot be followed."""
        if not isinstance(function, Closure):
            return self.unread(node, "which function is called is known only when it runs")
        if len(self.calls) > DEPTH_LIMIT:
            raise TooMuchError
        scope = dict(function.scope)
        for name, value in zip(parameters(function.node), given, strict=False):
            scope[name] = value
        self.calls.append("{closure}")
        try:
            self.run_function(function.node, scope)
        finally:
            self.calls.pop()
        return Dynamic("the closure's result", "rows")


def parameters(function: Node) -> list[str]:
    """The names of a function's parameters."""
    listed = function.child_by_field_name("parameters")
    names = [child.child_by_field_name("name") for child in children(listed)] if listed is not None else []
    return [text(name).lstrip("$") for name in names if name is not None]
