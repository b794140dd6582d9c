"""The column that a call of the schema builder and its modifiers define."""

from __future__ import annotations

import re

from runbook_lib.migrations import builder
from runbook_lib.migrations.changes import UNTOLD, Column
from runbook_lib.migrations.reading.acts import Act
from runbook_lib.migrations.reading.values import Class, Dynamic, Query, Raw, Value, is_literal, shown, truth


def name_of(value: Value) -> str:
    return shown(value.sql) if isinstance(value, Raw) else shown(value)


def foreign_key_of(model: Value) -> str:
    """The column that foreignIdFor gives: the model's name in snake case, and _id."""
    name = model.name if isinstance(model, Class) else model.model if isinstance(model, Query) else shown(model)
    short = name.rsplit("\\", 1)[-1]
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(short)) + "_id"


def definition(act: Act) -> Column:
    """The column that a call and its modifiers define."""
    method = act.method
    if method in builder.INCREMENTS:
        name = name_of(act.argument(0, "column", "id"))
        return Column(name, builder.INCREMENTS[method], increments=True, unsigned=True)
    name, kind, arguments = _typed(act)
    default, default_value, volatile = _default(act)
    if kind == "enum" and arguments and isinstance(arguments[0], tuple) and default_value not in arguments[0]:
        default = False  # PostgreSQL and SQLite take it, and refuse the rows that get it
    modifiers = {name for name, _ in act.modifiers}
    return Column(
        name,
        kind,
        arguments,
        nullable=_nullable(act),
        default=default or bool(modifiers & {"useCurrent"}),
        default_value=default_value,
        volatile=volatile,
        generated=bool(modifiers & builder.GENERATED) or method == "computed",
        expression=_expression(act),
        increments="autoIncrement" in modifiers or (act.argument(1, "autoIncrement") is True and "nteger" in method),
        unsigned="unsigned" in modifiers or method.startswith("unsigned") or method == "foreignId",
        recoded=bool(modifiers & {"charset", "collation"}),
        updates="useCurrentOnUpdate" in modifiers,
        shown=_shown(act),
    )


def _shown(act: Act) -> frozenset[str]:
    """What is said of the type behind it, in the place of its arguments, and of how it looks."""
    return frozenset(
        f"{method}({', '.join(map(shown, given.values()))})"
        for method, given in act.modifiers
        if method in builder.OF_TYPE | {"invisible", "zerofill"}
    )


def _expression(act: Act) -> str:
    """What a generated column is computed from. generatedAs() without words only numbers the rows."""
    if act.method == "computed":
        return name_of(act.argument(1, "expression"))
    for method, given in act.modifiers:
        if method in builder.GENERATED and (given or method != "generatedAs"):
            return name_of(next(iter(given.values()), "")) or "?"
    return ""


def _typed(act: Act) -> tuple[str, str, tuple[Value, ...]]:
    method = act.method
    given = list(act.arguments.values())
    if method == "addColumn":
        return name_of(act.argument(1, "name")), shown(act.argument(0, "type")), tuple(given[2:])
    if method == "rawColumn":
        return name_of(act.argument(0, "column")), f"sql {_raw_type(act) or UNTOLD}", ()
    if method == "foreignIdFor":
        column = act.argument(1, "column")
        name = foreign_key_of(act.argument(0, "model")) if column is None else shown(column)
        return name, "foreignId", ()
    default = builder.USUAL_NAMES.get(method, "")
    name = name_of(act.argument(0, "column", act.argument(0, "name", default)))
    return name, method, tuple(_plain(value) for value in given[1:])


_RAW_TYPE = re.compile(r"\s*(\w+)\s*(?:\(\s*\d+\s*(?:,\s*\d+\s*)?\))?(?:\s+unsigned)?\s*", re.IGNORECASE)


def _raw_type(act: Act) -> str:
    """The type that rawColumn() writes in SQL; "" where there is more to it."""
    found = _RAW_TYPE.fullmatch(shown(act.argument(1, "definition", "")))
    return found[1].lower() if found else ""


def _plain(value: Value) -> Value:
    if isinstance(value, dict):
        items = tuple(value.values())
        return items if all(map(is_literal, items)) else UNTOLD
    return value if is_literal(value) else UNTOLD


def _nullable(act: Act) -> bool:
    """Whether nullable() was said of the column. After constrained() it is said of the foreign key, and lost."""
    nullable = False
    for method, given in act.modifiers:
        if method in builder.FOREIGN:
            break
        if method == "nullable":
            nullable = truth(given.get(0, given.get("value", True))) is True
    return nullable


def _default(act: Act) -> tuple[bool, Value, bool]:
    """Whether there is a default that is not NULL; its value; whether it is computed for each row."""
    found = None
    for method, given in act.modifiers:
        if method in builder.FOREIGN:
            break
        if method == "default":
            found = given
    if found is None:
        return False, None, False
    value = found.get(0, found.get("value")) if found else True  # default() is default(true)
    if isinstance(value, Raw):
        sql = shown(value.sql).strip()
        known = isinstance(value.sql, str) and sql.strip("()").lower() != "null"
        return known, sql, "(" in sql and not sql.lower().startswith("current_timestamp")
    if isinstance(value, Dynamic):
        return value.never_null, value.text, False
    if isinstance(value, dict):
        return True, value, False
    return value is not None, value, False
