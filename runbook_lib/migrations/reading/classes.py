"""Static calls of classes and new objects: models, Laravel's facades, and those of which nothing is known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runbook_lib.migrations.reading import database, harmless
from runbook_lib.migrations.reading.acts import Arguments
from runbook_lib.migrations.reading.binding import forget_given
from runbook_lib.migrations.reading.functions import arguments_of, kind_of
from runbook_lib.migrations.reading.syntax import children, text
from runbook_lib.migrations.reading.values import (
    Closure,
    Dynamic,
    Query,
    Raw,
    Value,
    is_literal,
)
from runbook_lib.migrations.words import words

if TYPE_CHECKING:
    from tree_sitter import Node

    from runbook_lib.migrations.reading.reader import Reader

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


def class_call(reader: Reader, node: Node, name: str, method: str, arguments: Arguments) -> Value:
    if name in harmless.CLASSES:
        return harmless_call(reader, node, arguments)
    if name in harmless.HOLDERS:
        harmless_call(reader, node, arguments)
        if method in harmless.HOLDERS_SET:
            forget_given(reader, node, {0})
        return Dynamic(text(node)[:200], kind_of(list(arguments.values())))
    if name in harmless.CACHES:
        return cached(reader, node, method, arguments)
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


def cached(reader: Reader, node: Node, method: str, arguments: Arguments) -> Value:
    """The cache is no part of the schema; what comes out of it may be anything, and older code reads what is put in."""
    harmless_call(reader, node, arguments)
    if method in harmless.CACHED and not all(map(is_literal, arguments.values())):
        return reader.unread(node, "older code may not understand what is kept in the cache")
    return Dynamic(text(node)[:80], "cache" if method in harmless.CACHE_WRITES else "plain")


def harmless_call(reader: Reader, node: Node, arguments: Arguments) -> Value:
    for value in arguments.values():
        if isinstance(value, Closure):
            reader.call(node, value, Dynamic("given by a harmless call"))
    return Dynamic(text(node)[:200], "pure", never_null=True)


def parent_call(reader: Reader, node: Node, method: str) -> Value:
    arguments_of(reader, node)
    if method == "__construct" and reader.file.resolve(reader.file.migration.parent) in database.BASES:
        return None
    return reader.unread(node, "what the parent class does is not known")
