"""Calls of functions: PHP's own and Laravel's helpers; most compute, some run what they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runbook_lib.migrations.reading import harmless
from runbook_lib.migrations.reading.acts import Arguments
from runbook_lib.migrations.reading.binding import by_reference, forget_given
from runbook_lib.migrations.reading.operators import CONNECTION, equal_loosely
from runbook_lib.migrations.reading.syntax import text
from runbook_lib.migrations.reading.values import (
    ByDriver,
    Class,
    Closure,
    Collection,
    Connection,
    Dynamic,
    Query,
    Raw,
    SchemaBuilder,
    Value,
    by_driver,
    is_literal,
    shown,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from runbook_lib.migrations.reading.reader import Reader


def function(reader: Reader, node: Node) -> Value:
    """name(...), $closure(...), (function () {...})()."""
    callee = node.child_by_field_name("function")
    if callee is None:
        return reader.unread(node, "this call is not understood")
    if callee.type not in {"name", "qualified_name"}:
        called = reader.value(callee)
        arguments = arguments_of(reader, node)
        if isinstance(called, Closure):
            given = reader.call(node, called, *arguments.values())
            forget_given(reader, node, by_reference(called.node))
            return given
        return reader.unread(node, "which function is called is known only when it runs")
    name = text(callee).lstrip("\\").lower()
    arguments = arguments_of(reader, node)
    if name in reader.file.functions:
        return reader.unread(node, f"{name}() is another function here")
    if name in {"app", "resolve"}:
        return application(arguments)
    if name == "config" and arguments.get(0) == "database.default":
        return _default_connection(reader)
    if name == "config" and arguments and not isinstance(arguments.get(0), dict):
        return Dynamic(f"config({shown(arguments.get(0))!r})", "plain", fixed=True)
    if name == "config" and isinstance(arguments.get(0), dict):
        return reader.unread(node, "configuration is changed")
    if name in harmless.BY_REFERENCE:
        forget_given(reader, node, {harmless.BY_REFERENCE[name]})
    if name in harmless.WITH_CLOSURES or name in {"tap", "rescue", "with", "value", "once", "retry", "optional"}:
        return _with_closures(reader, node, name, arguments)
    if name == "collect":
        given = arguments.get(0)
        return Collection(given) if isinstance(given, dict) else _like(given)
    if name in harmless.FUNCTIONS or name in harmless.HELPERS:
        return _computed(node, name, arguments)
    return reader.unread(node, f"{name}() is not known")


def _default_connection(reader: Reader) -> Value:
    """The name of the default connection: any, but not that of a driver that it is not."""
    words = "config('database.default')"
    return reader.by_driver(lambda driver: Dynamic(words, CONNECTION + driver, fixed=True, never_null=True))


def arguments_of(reader: Reader, node: Node) -> Arguments:
    return reader.arguments(node.child_by_field_name("arguments"))


def application(arguments: Arguments) -> Value:
    """app(), app(Something::class), app()[Something::class]."""
    given = arguments.get(0)
    if not arguments:
        return Dynamic("app()", "application")
    name = given.name if isinstance(given, Class) else given
    if name in {"db", "Illuminate\\Database\\DatabaseManager"}:
        return Connection()
    if name in {"db.schema"}:
        return SchemaBuilder()
    if name in {"cache", "Illuminate\\Contracts\\Cache\\Repository"}:
        return Dynamic("app('cache')", "cache")
    if name in {"log", "hash", "encrypter", "Spatie\\Permission\\PermissionRegistrar"}:
        return Dynamic(f"app({shown(name)!r})", "pure")
    return Dynamic(f"app({shown(name)})")


def _like(given: Value) -> Value:
    return given if isinstance(given, Dynamic) else Dynamic("collect(...)", "rows")


def _with_closures(reader: Reader, node: Node, name: str, arguments: Arguments) -> Value:
    values = list(arguments.values())
    if name in {"tap", "with"} and len(values) == 2 and isinstance(values[1], Closure):
        reader.call(node, values[1], values[0])
        return values[0] if name == "tap" else Dynamic(text(node)[:80])
    called = values[:1] if name in {"array_map", "rescue", "once"} else [] if name == "value" else values[1:2]
    if not followed(called):
        return reader.unread(node, "which function is called is not known")
    kind = kind_of(values)
    with reader.guarded(f"in {name}()"):
        for value in values:
            if isinstance(value, Closure):
                reader.call(node, value, *[Dynamic(f"each in {name}()", kind)] * 3)
    rest = next((value for value in values if not isinstance(value, Closure)), None)
    if isinstance(rest, Dynamic) and name == "optional":
        return rest
    return Dynamic(text(node)[:200], kind)


def followed(callbacks: list[Value]) -> bool:
    """What is to be called is a closure that is read here, nothing, or a harmless function."""
    return all(
        value is None or isinstance(value, Closure) or (isinstance(value, str) and value.lower() in harmless.FUNCTIONS)
        for value in callbacks
    )


def kind_of(values: list[Value]) -> str:
    """Of what may be given back: the least known of what was put in."""
    kinds: set[str] = set()
    for value in values:
        if isinstance(value, Dynamic):
            kinds.add(value.kind)
        elif isinstance(value, dict):
            kinds.add(kind_of(list(value.values())))
        elif isinstance(value, Query | Collection):
            kinds.add("rows")
        elif not is_literal(value) and not isinstance(value, Closure | Raw | Class):
            kinds.add("plain")
    kinds.discard("pure")
    return kinds.pop() if len(kinds) == 1 else "plain" if kinds else "pure"


def _first_upper(word: str) -> str:
    return word[:1].upper() + word[1:]


_FOLDED: dict[str, Callable[[str], str]] = {
    "strtolower": str.lower,
    "strtoupper": str.upper,
    "trim": str.strip,
    "ucfirst": _first_upper,
}


def _computed(node: Node, name: str, arguments: Arguments) -> Value:
    """What a harmless function gives; literal for the few that names are built with."""
    values = list(arguments.values())
    if any(isinstance(value, ByDriver) for value in values):
        return by_driver(lambda *given: _computed(node, name, dict(enumerate(given))), *values)
    if name in _FOLDED and len(values) == 1 and isinstance(values[0], str):
        return _FOLDED[name](values[0])
    if name in {"implode", "join"} and len(values) == 2 and isinstance(values[0], str) and isinstance(values[1], dict):
        items = list(values[1].values())
        if all(isinstance(item, str) for item in items):
            return values[0].join(items)
    if name == "sprintf" and all(isinstance(v, str) for v in values) and values[0].count("%") == values[0].count("%s"):
        return values[0].replace("%s", "{}").format(*values[1:]) if _fits(values) else Dynamic("sprintf", "pure")
    if name == "in_array" and len(values) >= 2 and isinstance(values[1], dict):
        answers = {equal_loosely(values[0], item) for item in values[1].values()}
        return True if True in answers else _pure(node) if None in answers else False
    if name == "array_merge" and all(isinstance(v, dict) for v in values):
        return _merged(values)
    if name in {"array_keys", "array_values"} and len(values) == 1 and isinstance(values[0], dict):
        return dict(enumerate(values[0] if name == "array_keys" else values[0].values()))
    if name in harmless.GIVING or name.startswith("array_"):
        return Dynamic(text(node)[:200], kind_of(values))
    if name == "env":
        return Dynamic(text(node)[:200], "plain", fixed=True)
    if name == "config":
        return Dynamic(text(node)[:200])
    return _pure(
        node, never_null=name in {"now", "today", "json_encode", "time", "date", "bcrypt", "strtolower", "intval"}
    )


def _fits(values: list[Value]) -> bool:
    return "{" not in values[0] and values[0].count("%s") == len(values) - 1


def _merged(values: list[dict[Value, Value]]) -> Value:
    merged: dict[Value, Value] = {}
    for value in values:
        for key, item in value.items():
            merged[len(merged) if isinstance(key, int) else key] = item
    return merged


def _pure(node: Node, never_null: bool = False) -> Dynamic:
    return Dynamic(text(node)[:200], "pure", never_null=never_null)
