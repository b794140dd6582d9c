"""Calls: which of them reach the database, which are harmless, which are not understood."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from runbook_lib.migrations.reading import database, harmless
from runbook_lib.migrations.reading.acts import Arguments
from runbook_lib.migrations.reading.operators import CONNECTION, equal_loosely
from runbook_lib.migrations.reading.spelling import spelled
from runbook_lib.migrations.reading.syntax import children, text
from runbook_lib.migrations.reading.values import (
    Blueprint,
    ByDriver,
    Class,
    Closure,
    Collection,
    Connection,
    Definition,
    Dynamic,
    Query,
    Raw,
    SchemaBuilder,
    This,
    Value,
    by_driver,
    is_literal,
    shown,
)
from runbook_lib.migrations.words import words

if TYPE_CHECKING:
    from tree_sitter import Node

    from runbook_lib.migrations.reading.reader import Reader

FACADES: dict[str, Value] = {
    "Schema": SchemaBuilder(),
    "Illuminate\\Support\\Facades\\Schema": SchemaBuilder(),
    "DB": Connection(),
    "Illuminate\\Support\\Facades\\DB": Connection(),
}
_DOCTRINE_READS = ("list", "has", "introspect", "get", "tablesExist", "is")
_DOCTRINE_SETTINGS = {"registerDoctrineTypeMapping", "markDoctrineTypeCommented", "createSchemaManager"}
_MODEL_SETTINGS = {
    "unguard", "reguard", "unsetEventDispatcher", "flushEventListeners", "disableSearchSyncing", "enableSearchSyncing",
    "preventLazyLoading", "disableAuditing", "enableAuditing",
}  # fmt: skip
_ELOQUENT = {"Eloquent", "Illuminate\\Database\\Eloquent\\Model"}
# An application's own class is asked for something: License::isCommunity().
_QUESTION = re.compile(r"(is|has)[A-Z](?!\w*(?:Or|And|Else|Create|Set|Update))\w*")
_APPS = {"App", "Illuminate\\Support\\Facades\\App"}
_MODEL_STARTS = words(
    """
    all query where whereNull whereNotNull whereIn whereNotIn whereHas whereDoesntHave whereRaw whereNot whereKey
    with withTrashed onlyTrashed withoutGlobalScope withoutGlobalScopes withoutEvents select first firstWhere
    firstOrNew find findOrFail findMany get count max min sum pluck chunk chunkById each cursor lazy lazyById
    orderBy orderByDesc latest oldest exists has doesntHave on truncate insert insertGetId upsert create forceCreate
    firstOrCreate updateOrCreate insertOrIgnore update delete destroy make value distinct whereBetween whereDate
    whereColumn join leftJoin limit firstOrFail unguard reguard whereNotBetween groupBy withCount whereLike
    unguarded skip take
    """
)


def function(reader: Reader, node: Node) -> Value:
    """name(...), $closure(...), (function () {...})()."""
    callee = node.child_by_field_name("function")
    if callee is None:
        return reader.unread(node, "this call is not understood")
    if callee.type not in {"name", "qualified_name"}:
        called = reader.value(callee)
        arguments = _arguments(reader, node)
        if isinstance(called, Closure):
            return reader.call(node, called, *arguments.values())
        return reader.unread(node, "which function is called is known only when it runs")
    name = text(callee).lstrip("\\").lower()
    arguments = _arguments(reader, node)
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


def _arguments(reader: Reader, node: Node) -> Arguments:
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
    if not _followed(called):
        return reader.unread(node, "which function is called is not known")
    kind = _kind(values)
    with reader.guarded(f"in {name}()"):
        for value in values:
            if isinstance(value, Closure):
                reader.call(node, value, *[Dynamic(f"each in {name}()", kind)] * 3)
    rest = next((value for value in values if not isinstance(value, Closure)), None)
    if isinstance(rest, Dynamic) and name == "optional":
        return rest
    return Dynamic(text(node)[:200], kind)


def _followed(callbacks: list[Value]) -> bool:
    """What is to be called is a closure that is read here, nothing, or a harmless function."""
    return all(
        value is None or isinstance(value, Closure) or (isinstance(value, str) and value.lower() in harmless.FUNCTIONS)
        for value in callbacks
    )


def _kind(values: list[Value]) -> str:
    """Of what may be given back: the least known of what was put in."""
    kinds: set[str] = set()
    for value in values:
        if isinstance(value, Dynamic):
            kinds.add(value.kind)
        elif isinstance(value, dict):
            kinds.add(_kind(list(value.values())))
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
        return Dynamic(text(node)[:200], _kind(values))
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


def created(reader: Reader, node: Node) -> Value:
    """new Something(...)."""
    parts = children(node)
    if not parts or parts[0].type not in {"name", "qualified_name"}:
        return reader.unread(node, "which class is made is not understood")
    name = reader.file.resolve(text(parts[0]))
    arguments = reader.arguments(parts[1]) if len(parts) > 1 and parts[1].type == "arguments" else {}
    if name.rsplit("\\", 1)[-1] == "Expression":
        return Raw(arguments.get(0))
    if name in harmless.MADE or name.endswith("Exception"):
        return Dynamic(f"new {name}", "pure", never_null=True)
    if _is_model(name):  # fill() sets attributes, and writes nothing before save()
        return Query(None, name)
    if node.parent is not None and node.parent.type == "parenthesized_expression" and _named_only(node.parent):
        return Query(None, name)
    return reader.unread(node, f"what making a {name} does is not known")


def _named_only(node: Node) -> bool:
    """(new X)->getTable() asks an object for a name and nothing else."""
    call = node.parent
    name = call.child_by_field_name("name") if call is not None else None
    return name is not None and text(name) in {"getTable", "getKeyName", "getConnectionName", "getForeignKey"}


def _is_model(name: str) -> bool:
    """Whether a class is named as models are: App\\User, or within a namespace of models."""
    parts = name.split("\\")
    return len(parts) > 1 and (bool({"Models", "Model", "Entities"} & set(parts[:-1])) or parts[:-1] == ["App"])


def scoped(reader: Reader, node: Node) -> Value:
    """Something::method(...)."""
    scope, name_node = node.child_by_field_name("scope"), node.child_by_field_name("name")
    if scope is None or name_node is None:
        return reader.unread(node, "this call is not understood")
    if name_node.type != "name" or scope.type not in {"name", "qualified_name", "relative_scope"}:
        _arguments(reader, node)
        return reader.unread(node, "what is called is known only when it runs")
    owner, method = text(scope), spelled(text(name_node))
    if owner in {"self", "static"}:
        return _own(reader, node, method)
    if owner == "parent":
        return _parent(reader, node, method)
    name = reader.file.resolve(owner)
    if name in FACADES:
        return database.call(reader, node, FACADES[name], method, _arguments(reader, node))
    return _class_call(reader, node, name, method, _arguments(reader, node))


def _class_call(reader: Reader, node: Node, name: str, method: str, arguments: Arguments) -> Value:
    if name in harmless.CLASSES:
        return _harmless(reader, node, arguments)
    if name in harmless.HOLDERS:
        _harmless(reader, node, arguments)
        return Dynamic(text(node)[:200], _kind(list(arguments.values())))
    if name in harmless.CACHES:
        return _cached(reader, node, method, arguments)
    if name in harmless.FILES and method in harmless.FILE_READS:
        return Dynamic(text(node)[:80], "files")
    if name in harmless.ARTISANS and method == "call" and arguments.get(0) in harmless.COMMANDS:
        return Dynamic(text(node)[:80], "pure")
    if method == "cases" or (method in harmless.OF_ENUMS and {"Enums", "Enum"} & set(name.split("\\")[:-1])):
        return Dynamic(text(node)[:200], "pure", fixed=True, never_null=True)
    if name in _APPS:
        return Dynamic(text(node)[:80], "pure") if method in harmless.APPLICATION else reader.unread(node, "not known")
    if (_is_model(name) or name in _ELOQUENT) and method in _MODEL_SETTINGS:
        return None
    if _is_model(name) and method in {"withoutEvents", "unguarded", "withoutTimestamps", "withoutSyncingToSearch"}:
        return reader.call(node, arguments.get(0))
    if _is_model(name) and (method in _MODEL_STARTS or method in harmless.WRITES):
        return database.call(reader, node, Query(None, name), method, arguments)
    if _is_model(name) and method == "getTableName":
        return Dynamic(text(node)[:80], "pure", fixed=True)
    if _QUESTION.fullmatch(method) and all(is_literal(value) for value in arguments.values()):
        return Dynamic(text(node)[:80], "plain")
    return reader.unread(node, f"{name}::{method}() is not known")


def _cached(reader: Reader, node: Node, method: str, arguments: Arguments) -> Value:
    """The cache is no part of the schema; what comes out of it may be anything."""
    _harmless(reader, node, arguments)
    return Dynamic(text(node)[:80], "cache" if method in harmless.CACHE_WRITES else "plain")


def _harmless(reader: Reader, node: Node, arguments: Arguments) -> Value:
    for value in arguments.values():
        if isinstance(value, Closure):
            reader.call(node, value, Dynamic("given by a harmless call"))
    return Dynamic(text(node)[:200], "pure", never_null=True)


def _parent(reader: Reader, node: Node, method: str) -> Value:
    _arguments(reader, node)
    if method == "__construct" and reader.file.resolve(reader.file.migration.parent) in database.BASES:
        return None
    return reader.unread(node, "what the parent class does is not known")


def _own(reader: Reader, node: Node, method: str) -> Value:
    """A method of the migration's own class: read in place."""
    found = reader.file.migration.methods.get(method.lower())
    arguments = _arguments(reader, node)
    if found is None:
        return reader.unread(node, f"{method}() is not in this class")
    if method.lower() in reader.calls:
        return reader.unread(node, f"{method}() calls itself")
    if len(reader.calls) > 12:
        return reader.unread(node, "the calls are too deeply nested")
    reader.calls.append(method.lower())
    try:
        reader.run_function(found, _bound(reader, found, arguments))
    finally:
        reader.calls.pop()
    return _result(reader, found) if not arguments else Dynamic(text(node)[:200])


def _bound(reader: Reader, found: Node, arguments: Arguments) -> dict[str, Value]:
    scope: dict[str, Value] = {}
    listed = found.child_by_field_name("parameters")
    for position, parameter in enumerate(children(listed) if listed is not None else []):
        name_node = parameter.child_by_field_name("name")
        if name_node is None:
            continue
        name = text(name_node).lstrip("$")
        default = parameter.child_by_field_name("default_value")
        if parameter.type == "variadic_parameter":
            given = [value for key, value in arguments.items() if isinstance(key, int) and key >= position]
            scope[name] = dict(enumerate(given))
        elif position in arguments or name in arguments:
            scope[name] = arguments.get(position, arguments.get(name))
        else:
            scope[name] = reader.value(default) if default is not None else Dynamic(f"${name}")
    return scope


def _result(reader: Reader, found: Node) -> Value:
    """What a method without parameters gives, when it is one return of a literal."""
    body = found.child_by_field_name("body")
    statements = children(body) if body is not None else []
    if len(statements) == 1 and statements[0].type == "return_statement" and children(statements[0]):
        before = len(reader.acts)
        value = reader.value(children(statements[0])[0])
        del reader.acts[before:]
        return value
    return Dynamic(f"{text(found.child_by_field_name('name') or found)}()")


def member(reader: Reader, node: Node) -> Value:
    """something->method(...)."""
    owner_node, name_node = node.child_by_field_name("object"), node.child_by_field_name("name")
    if owner_node is None or name_node is None:
        return reader.unread(node, "this call is not understood")
    owner = reader.value(owner_node)
    method = text(name_node)
    if name_node.type != "name":
        named = reader.value(name_node if name_node.type == "variable_name" else children(name_node)[0])
        if not isinstance(named, str):
            _arguments(reader, node)
            return reader.unread(node, "which method is called is known only when it runs")
        method = named
    if isinstance(owner, This):
        return _on_this(reader, node, method)
    arguments = _arguments(reader, node)
    # Modifiers of a column are no methods but attributes that are set: of them capitals make another.
    return _on(reader, node, owner, method if isinstance(owner, Definition) else spelled(method), arguments)


def _on_this(reader: Reader, node: Node, method: str) -> Value:
    if method.lower() in reader.file.migration.methods:
        return _own(reader, node, method)
    arguments = _arguments(reader, node)
    if method == "getConnection":
        return reader.properties.get("connection", Dynamic("$this->connection", "plain"))
    held = reader.properties.get(method)
    if isinstance(held, Closure):
        return reader.call(node, held, *arguments.values())
    return reader.unread(node, f"{method}() is not in this class")


def _on(reader: Reader, node: Node, owner: Value, method: str, arguments: Arguments) -> Value:
    if isinstance(owner, Definition):
        if tuple(reader.guards) != owner.act.guards and not owner.act.creates:
            return reader.unread(node, "what the column becomes depends on a condition")
        owner.act.modifiers.append((method, arguments))
        return owner
    if isinstance(owner, Blueprint):
        return database.blueprint(reader, node, owner, method, arguments)
    if isinstance(owner, SchemaBuilder | Connection | Query):
        return database.call(reader, node, owner, method, arguments)
    if isinstance(owner, Collection):
        return _on_collection(reader, node, owner, method, arguments)
    if isinstance(owner, Closure) and method in {"call", "bindTo", "__invoke"}:
        return reader.call(node, owner, *arguments.values())
    if isinstance(owner, Dynamic):
        return _on_dynamic(reader, node, owner, method, arguments)
    return reader.unread(node, f"{method}() of something unknown")


def _on_collection(reader: Reader, node: Node, owner: Collection, method: str, arguments: Arguments) -> Value:
    if method in {"each", "map", "mapWithKeys", "flatMap"} and len(owner.items) <= 500:
        for key, item in owner.items.items():
            reader.call(node, arguments.get(0), item, key)
        return owner if method == "each" else Dynamic(text(node)[:80], "rows")
    if method in {"toArray", "all", "values"}:
        return owner.items
    if method in harmless.READS and (method not in harmless.RUNNING or _followed(list(arguments.values())[-1:])):
        with reader.guarded(f"in {method}()"):
            for value in arguments.values():
                if isinstance(value, Closure):
                    reader.call(node, value, Dynamic("each item"), Dynamic("the key", "pure"))
        return Dynamic(text(node)[:80], "rows")
    return reader.unread(node, f"{method}() is not known")


def _on_dynamic(reader: Reader, node: Node, owner: Dynamic, method: str, arguments: Arguments) -> Value:
    if owner.kind == "pure":
        return _harmless(reader, node, arguments)
    if owner.kind == "unread":
        return Dynamic(text(node)[:200], "unread")
    if owner.kind == "cache":
        return _cached(reader, node, method, arguments)
    if owner.kind == "files" and method in harmless.FILE_READS:
        return Dynamic(text(node)[:80], "files")
    if owner.kind == "application" and method in harmless.APPLICATION:
        return Dynamic(text(node)[:80], "pure")
    if owner.kind == "application" and method == "make":
        return application(arguments)
    if owner.kind == "pdo":
        return database.pdo(reader, node, method, arguments)
    if owner.kind == "doctrine" and (method.startswith(_DOCTRINE_READS) or method in _DOCTRINE_SETTINGS):
        return Dynamic(text(node)[:80], "doctrine")
    if owner.kind == "rows":
        return database.call(reader, node, Query(None, owner.text), method, arguments)
    return reader.unread(node, f"{method}() of {owner.text[:60]} is not known")
