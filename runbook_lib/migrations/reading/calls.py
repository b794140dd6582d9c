"""Calls of methods: of the migration itself, of $table, of a query, of what is known only when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_lib.migrations.reading import database, harmless
from runbook_lib.migrations.reading.acts import Arguments
from runbook_lib.migrations.reading.binding import by_reference, forget_given
from runbook_lib.migrations.reading.classes import cached, class_call, harmless_call, parent_call
from runbook_lib.migrations.reading.functions import application, arguments_of, followed
from runbook_lib.migrations.reading.spelling import spelled
from runbook_lib.migrations.reading.syntax import children, text
from runbook_lib.migrations.reading.values import (
    Blueprint,
    Closure,
    Collection,
    Connection,
    Definition,
    Dynamic,
    Query,
    SchemaBuilder,
    This,
    Value,
)

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


def scoped(reader: Reader, node: Node) -> Value:
    """Something::method(...)."""
    scope, name_node = node.child_by_field_name("scope"), node.child_by_field_name("name")
    if scope is None or name_node is None:
        return reader.unread(node, "this call is not understood")
    if name_node.type != "name" or scope.type not in {"name", "qualified_name", "relative_scope"}:
        arguments_of(reader, node)
        return reader.unread(node, "what is called is known only when it runs")
    owner, method = text(scope), spelled(text(name_node))
    if owner in {"self", "static"}:
        return _own(reader, node, method)
    if owner == "parent":
        return parent_call(reader, node, method)
    name = reader.file.resolve(owner)
    if name in FACADES:
        return database.call(reader, node, FACADES[name], method, arguments_of(reader, node))
    return class_call(reader, node, name, method, arguments_of(reader, node))


def _own(reader: Reader, node: Node, method: str) -> Value:
    """A method of the migration's own class: read in place."""
    found = reader.file.migration.methods.get(method.lower())
    arguments = arguments_of(reader, node)
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
    forget_given(reader, node, by_reference(found))
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
            arguments_of(reader, node)
            return reader.unread(node, "which method is called is known only when it runs")
        method = named
    if isinstance(owner, This):
        return _on_this(reader, node, method)
    arguments = arguments_of(reader, node)
    # Modifiers of a column are no methods but attributes that are set: of them capitals make another.
    return _on(reader, node, owner, method if isinstance(owner, Definition) else spelled(method), arguments)


def _on_this(reader: Reader, node: Node, method: str) -> Value:
    if method.lower() in reader.file.migration.methods:
        return _own(reader, node, method)
    arguments = arguments_of(reader, node)
    if method.lower() in harmless.INHERITED.get(reader.file.resolve(reader.file.migration.parent), ()):
        return Dynamic(text(node), "pure")
    if method == "getConnection":
        return reader.properties.get("connection", Dynamic("$this->connection", "plain"))
    held = reader.properties.get(method)
    if isinstance(held, Closure):
        given = reader.call(node, held, *arguments.values())
        forget_given(reader, node, by_reference(held.node))
        return given
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
    if method in harmless.READS and (method not in harmless.RUNNING or followed(list(arguments.values())[-1:])):
        with reader.guarded(f"in {method}()"):
            for value in arguments.values():
                if isinstance(value, Closure):
                    reader.call(node, value, Dynamic("each item"), Dynamic("the key", "pure"))
        return Dynamic(text(node)[:80], "rows")
    return reader.unread(node, f"{method}() is not known")


def _on_dynamic(reader: Reader, node: Node, owner: Dynamic, method: str, arguments: Arguments) -> Value:
    if owner.kind == "pure":
        return harmless_call(reader, node, arguments)
    if owner.kind == "unread":
        return Dynamic(text(node)[:200], "unread")
    if owner.kind == "cache":
        return cached(reader, node, method, arguments)
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
