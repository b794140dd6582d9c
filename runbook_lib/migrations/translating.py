"""Acts to changes: what a call of the builder, a query or a statement changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from runbook_lib.migrations import builder
from runbook_lib.migrations.altering import NOT_COMPARED, not_compared
from runbook_lib.migrations.changes import UNTOLD, Change, Column
from runbook_lib.migrations.columns import definition, foreign_key_of, name_of
from runbook_lib.migrations.reading.acts import Act, Arguments
from runbook_lib.migrations.reading.values import Dynamic, Raw, Value, shown, strings

_ON_DELETE = {
    "cascadeOnDelete": "cascade", "nullOnDelete": "set null", "restrictOnDelete": "restrict",
    "noActionOnDelete": "no action",
}  # fmt: skip
_REFERENCES = re.compile(r"\breferences\b", re.IGNORECASE)
_FIXES = re.compile(
    r"\breferences\s+[^\s(]+\s*\((?!\s*[`\"]?(?:\w+_)?(?:id|uuid|ulid)[`\"]?\s*\))(?![^,]*\bon\s+update\s+(?:cascade|set\s+null))",
    re.IGNORECASE,
)
_CASCADES = re.compile(r"\breferences\b[^,]*?\bon\s+delete\s+cascade\b", re.IGNORECASE)


def changes(acts: Iterable[Act], database: str) -> list[Change]:
    """The changes that acts make, in order."""
    return [change for act in acts for change in _of(act, database)]


def _of(act: Act, database: str) -> Iterator[Change]:
    if act.verb == "unread":
        yield _change(act, "unread", why=act.why, call=act.method)
    elif act.verb == "sql":
        yield from _sql(act, database)
    elif act.verb == "rows":
        yield _rows(act)
    elif act.verb == "schema":
        yield from _schema(act)
    else:
        yield from _blueprint(act)


def _change(act: Act, kind: str, **more: Any) -> Change:
    table = act.table
    name = table if isinstance(table, str) else shown(table) if isinstance(table, Dynamic) else ""
    more.setdefault("fixed", _fixed(act) or act.table is None)
    more.setdefault("call", _call(act))
    connection = shown(act.connection) if act.connection else ""
    more.setdefault("creates", act.creates)
    more.setdefault("within", act.within)
    return Change(kind, name, line=act.line, guards=act.guards, connection=connection, **more)


def _call(act: Act) -> str:
    words = ", ".join(shown(value) for value in act.arguments.values())
    chain = "".join(f"->{method}({', '.join(map(shown, given.values()))})" for method, given in act.modifiers)
    return f"{act.method}({words}){chain}"


def _unread(act: Act, why: str) -> Change:
    return _change(act, "unread", why=why)


def _sql(act: Act, database: str) -> Iterator[Change]:
    from runbook_lib.migrations.sql import statements

    text = act.arguments.get(0)
    if not isinstance(text, str):
        yield _change(
            act, "unread", call=f"DB::{act.method}({shown(text)})", why="the SQL is put together when it runs"
        )
        return
    on = _change(act, "unread").kind_of_database(database)
    for change in statements(text, on if not act.connection else ""):
        placed = change.of(change.kind, line=act.line, guards=act.guards, connection=shown(act.connection or ""))
        yield placed
        if change.kind == "create table" and (on_delete := _refers(text)):
            yield placed.of("add foreign key", on_delete=on_delete, fixes=bool(_FIXES.search(text)))


def _refers(text: str) -> str:
    """What the foreign keys of a CREATE TABLE do on delete: all cascade, or some do not; "" when there are none."""
    keys = len(_REFERENCES.findall(text))
    return "" if not keys else "cascade" if keys == len(_CASCADES.findall(text)) else "no action"


def _rows(act: Act) -> Change:
    names = strings(act.arguments["columns"]) or []
    target = shown(act.table) if act.table is not None else act.arguments["model"]
    call = f"{target}: {act.arguments['call']}({', '.join(names)})"
    own = f"{act.table}." if isinstance(act.table, str) else "."
    return _change(act, act.method, columns=tuple(name.removeprefix(own) for name in names), call=call)


def _schema(act: Act) -> Iterator[Change]:
    if act.method == "create":
        yield _change(act, "create table")
    elif act.method in {"drop", "dropIfExists"}:
        yield _change(act, "drop table", exists=act.method == "dropIfExists")
    elif act.method == "rename":
        yield _change(act, "rename table", to=shown(act.argument(1, "to")))
    elif act.method == "dropColumns":
        yield from _drop_columns(act, act.argument(1, "columns"))
    elif act.method == "dropAllViews":
        yield _change(act, "drop view")
    elif act.method.startswith("drop"):
        yield _change(act, "drop everything")
    else:
        yield _unread(act, f"Schema::{act.method}() is not known")


def _blueprint(act: Act) -> Iterator[Change]:
    method = act.method
    if (unknown := _unknown_modifier(act)) is not None:
        yield unknown
        return
    if method in builder.COLUMNS or method in builder.INCREMENTS:
        yield from _column(act)
    elif method in builder.TIMESTAMPS:
        yield from _several(act, builder.TIMESTAMPS[method], ("created_at", "updated_at"), True)
    elif method == "rememberToken":
        yield from _several(act, "string", ("remember_token",), True)
    elif method in builder.SOFT_DELETES:
        yield _change(act, "add soft deletes", columns=(name_of(act.argument(0, "column", "deleted_at")),))
    elif method in builder.MORPHS:
        yield from _morphs(act)
    elif method in builder.MACROS:
        yield from _several(act, "unsignedInteger", builder.MACROS[method], True)
    elif method in builder.JSON_MACROS:
        column = Column(name_of(act.argument(0, "columnName")), "json", nullable=True)
        for kind in ("add column", "add json column"):
            yield _change(act, kind, columns=(column.name,), column=column)
    elif method in builder.INDEXES:
        yield from _index(act)
    elif method in builder.DROPPED_INDEXES:
        yield from _drop_index(act)
    elif method == "foreign":
        yield _foreign(act, _names(act.argument(0, "columns")), act.argument(1, "name"))
    else:
        yield from _command(act)


def _command(act: Act) -> Iterator[Change]:
    """The other methods of $table: drops, renames, options of the table."""
    method, first = act.method, act.argument(0, "columns", act.argument(0, "column"))
    if method in {"dropColumn", "removeColumn"}:
        yield from _drop_columns(act, _rest(act, first))
    elif method in builder.DROPPED_TIMESTAMPS:
        yield _change(act, "drop timestamps", columns=("created_at", "updated_at"))
    elif method in builder.DROPPED_SOFT_DELETES:
        yield _change(act, "drop soft deletes", columns=(name_of(first if first is not None else "deleted_at"),))
    elif method == "dropRememberToken":
        yield _change(act, "drop column", columns=("remember_token",))
    elif method == "dropMorphs":
        stem = shown(act.argument(0, "name"))
        yield _change(act, "drop column", columns=(f"{stem}_type", f"{stem}_id"))
    elif method in {"dropConstrainedForeignId", "dropConstrainedForeignIdFor", "dropForeignIdFor"}:
        yield from _drop_foreign_id(act, first)
    elif method == "renameColumn":
        old, new = act.argument(0, "from"), act.argument(1, "to")
        known = isinstance(old, str) and isinstance(new, str)
        yield _change(act, "rename column", columns=(name_of(old),), to=shown(new), fixed=known and _fixed(act))
    elif method in {"renameIndex", "renameForeign"}:
        yield _change(act, "rename index", name=shown(act.argument(0, "from")), to=shown(act.argument(1, "to")))
    elif method in {"drop", "dropIfExists"}:
        yield _change(act, "drop table", exists=method == "dropIfExists")
    elif method == "rename":
        yield _change(act, "rename table", to=shown(act.argument(0, "to")))
    elif method == "create":
        yield _change(act, "create table")
    elif method == "comment" or method in builder.OPTIONS:
        yield _change(act, "change table options")
    else:
        yield _unread(act, f"$table->{method}() is no method of the schema builder")


def _fixed(act: Act) -> bool:
    return isinstance(act.table, str) or (isinstance(act.table, Dynamic) and act.table.fixed)


def _rest(act: Act, first: Value) -> Value:
    """dropColumn('a', 'b') is dropColumn(['a', 'b'])."""
    if isinstance(first, dict) or len(act.arguments) < 2:
        return first
    return dict(enumerate(act.arguments.values()))


def _names(value: Value) -> tuple[str, ...] | None:
    found = strings(value)
    return tuple(found) if found is not None else None


def _drop_columns(act: Act, given: Value) -> Iterator[Change]:
    names = _names(given)
    if names is None:
        yield _change(act, "drop column", columns=(shown(given),), fixed=False)
    for name in names or ():
        yield _change(act, "drop column", columns=(name,))


def _drop_foreign_id(act: Act, first: Value) -> Iterator[Change]:
    column = foreign_key_of(act.argument(0, "model")) if act.method.endswith("For") else name_of(first)
    column = shown(act.argument(1, "column")) if len(act.arguments) > 1 else column
    if not act.method.startswith("dropForeign"):
        yield _change(act, "drop foreign key", columns=(column,))
        yield _change(act, "drop column", columns=(column,))
    else:
        yield _change(act, "drop foreign key", columns=(column,))


def _several(act: Act, kind: str, names: tuple[str, ...], nullable: bool) -> Iterator[Change]:
    for name in names:
        yield _change(act, "add column", columns=(name,), column=Column(name, kind, nullable=nullable))


def _morphs(act: Act) -> Iterator[Change]:
    kind, nullable = builder.MORPHS[act.method]
    stem = shown(act.argument(0, "name"))
    for name, of in ((f"{stem}_type", "string"), (f"{stem}_id", kind)):
        column = Column(name, of, nullable=nullable)
        added = "add required column" if column.required else "add column"
        yield _change(act, added, columns=(name,), column=column)
    yield _change(act, "add index", columns=(f"{stem}_type", f"{stem}_id"))


def _unknown_modifier(act: Act) -> Change | None:
    for method, _ in act.modifiers:
        if method not in builder.NEUTRAL:
            return _unread(act, f"->{method}() is no modifier of the schema builder")
    return None


def _column(act: Act) -> Iterator[Change]:
    column = definition(act)
    if column.type == f"sql {UNTOLD}":
        yield _unread(act, "a column that is defined in SQL")
        return
    literal = _named_literally(act)
    if act.modifier("change") is not None:
        yield _change(act, "change column", columns=(column.name,), column=column, fixed=literal and _fixed(act))
    else:
        kind = "add required column" if column.required else "add column"
        if not literal and not act.creates and act.method.startswith(("timestamp", "dateTime", "softDeletes")):
            kind = "add soft deletes"  # for all that is known
        yield _change(act, kind, columns=(column.name,), column=column)
        if column.type == "json" or column.type in NOT_COMPARED:
            yield _change(act, not_compared(column), columns=(column.name,), column=column)
    yield from _indexes_of(act, column)


def _named_literally(act: Act) -> bool:
    first = act.argument(1 if act.method == "addColumn" else 0, "column", act.argument(0, "name"))
    return isinstance(first, str) or not act.arguments or act.method == "foreignIdFor"


def _indexes_of(act: Act, column: Column) -> Iterator[Change]:
    foreign = False
    for method, given in act.modifiers:
        if method in builder.INDEXED and given.get(0, True) is False:
            if act.modifier("change") is not None:  # index(false)->change() drops it
                yield _change(act, f"drop {'unique' if method == 'unique' else 'index'}", columns=(column.name,))
        elif method in builder.INDEXED:
            kind, ending = builder.INDEXES.get(method, ("add index", "index"))
            name = given.get(0, given.get("indexName"))
            named = name if isinstance(name, str) else builder.index_name(shown(act.table), (column.name,), ending)
            yield _change(act, kind, columns=(column.name,), column=column, name=named)
        foreign = foreign or method in builder.FOREIGN
    if foreign:
        yield _foreign(act, (column.name,), None, column)


def _foreign(act: Act, columns: tuple[str, ...] | None, name: Value, column: Column | None = None) -> Change:
    names = columns or (shown(act.argument(0, "columns")),)
    constrained = act.modifier("constrained") or {}
    parent = (act.modifier("on") or {}).get(0, constrained.get(0, constrained.get("table")))
    named = name if isinstance(name, str) else builder.index_name(shown(act.table), names, "foreign")
    return _change(
        act, "add foreign key", columns=names, column=column, name=named, on=shown(parent) if parent else "",
        on_delete=_on_delete(act), fixes=_fixes(act, constrained),
    )  # fmt: skip


# Numbers and the like that are given once; what has another name may be changed one day.
_GIVEN_ONCE = re.compile(r"(?:\w+_)?(?:id|uuid|ulid)", re.IGNORECASE)


def _fixes(act: Act, constrained: Arguments) -> bool:
    """Whether what the key refers to is no id, and a change of it is not passed on."""
    named = act.modifier("references") or {0: constrained.get(1, constrained.get("column", "id"))}
    to = strings(named.get(0, named.get("columns"))) or [""]
    passed = act.modifier("cascadeOnUpdate") is not None or act.modifier("nullOnUpdate") is not None
    said = shown((act.modifier("onUpdate") or {}).get(0, "")).lower()
    return not (passed or said in {"cascade", "set null"} or all(map(_GIVEN_ONCE.fullmatch, to)))


def _on_delete(act: Act) -> str:
    """The last word counts. Before constrained() it is said of the column, and lost."""
    of_key, found = act.method == "foreign", "no action"
    for method, given in act.modifiers:
        of_key = of_key or method in builder.FOREIGN
        if of_key and method == "onDelete":
            found = shown(given.get(0, "")).lower()
        elif of_key and method in _ON_DELETE:
            found = _ON_DELETE[method]
    return found


def _index(act: Act) -> Iterator[Change]:
    kind, ending = builder.INDEXES[act.method]
    given = act.argument(0, "columns", act.argument(0, "column"))
    name = act.argument(1, "name", act.argument(1, "indexName"))
    columns = _names(given) or (shown(given),)
    named = name if isinstance(name, str) else builder.index_name(shown(act.table), columns, ending)
    if kind == "add index" and not all(map(_COLUMN_OF_INDEX.fullmatch, _raw_parts(act, given))):
        kind = "add expression index"
    yield _change(act, kind, columns=columns, name=named)


# A column, part of it, or letters made alike: nothing that could fail for a row.
_COLUMN_OF_INDEX = re.compile(
    r"\s*(?:[`\"]?\w+[`\"]?(?:\s*\(\d+\))?|\(?\s*(?:lower|upper)\s*\(\s*[`\"]?\w+[`\"]?\s*\)\s*\)?)(?:\s+(?:asc|desc))?\s*",
    re.IGNORECASE,
)


def _raw_parts(act: Act, given: Value) -> list[str]:
    """The parts of an index that are written in SQL."""
    values = list(given.values()) if isinstance(given, dict) else [given]
    raw = [shown(value.sql) for value in values if isinstance(value, Raw)]
    raw += [shown(value) for value in values if act.method == "rawIndex" and not isinstance(value, Raw)]
    return [part for text in raw for part in text.split(",")]


def _drop_index(act: Act) -> Iterator[Change]:
    kind, ending = builder.DROPPED_INDEXES[act.method]
    given = act.argument(0, "index", act.argument(0, "columns"))
    if isinstance(given, dict):
        columns = _names(given) or (shown(given),)
        yield _change(act, kind, columns=columns, name=builder.index_name(shown(act.table), columns, ending))
    else:
        name = builder.index_name(shown(act.table), (), "primary") if given is None else shown(given)
        yield _change(act, kind, name=name)
