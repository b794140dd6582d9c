"""->change(): what changes between two definitions of a column."""

from __future__ import annotations

from runbook_lib.migrations.changes import UNTOLD, Column

# Families in which each type holds every value of those before it.
_LADDERS = (
    ("tinyInteger", "smallInteger", "mediumInteger", "integer", "bigInteger"),
    ("char", "string", "text", "mediumText", "longText"),
    ("char", "tinyText", "text", "mediumText", "longText"),
)
# Types that Laravel 11 and later write in another way than 8 to 10 for the same call: float('a', 8, 2) was DOUBLE(8, 2)
# and is FLOAT(8), point() was geography on PostgreSQL and is geometry.
_REWRITTEN = {
    "float", "double", "geometry", "geography", "geometryCollection", "lineString", "multiLineString", "multiPoint",
    "multiPolygon", "point", "polygon",
}  # fmt: skip
_SAME = {
    "foreignId": "bigInteger", "foreignUuid": "uuid", "foreignUlid": "ulid", "unsignedBigInteger": "bigInteger",
    "unsignedInteger": "integer", "unsignedMediumInteger": "mediumInteger", "unsignedSmallInteger": "smallInteger",
    "unsignedTinyInteger": "tinyInteger", "unsignedDecimal": "decimal", "unsignedFloat": "float",
    "unsignedDouble": "double", "sql varchar": "string", "sql text": "text", "sql int": "integer",
    "sql bigint": "bigInteger", "sql mediumtext": "mediumText", "sql longtext": "longText",
    "sql smallint": "smallInteger", "sql tinyint": "tinyInteger", "sql enum": "enum", "sql utinyint": "tinyInteger",
    "sql uint": "integer", "sql ubigint": "bigInteger", "sql decimal": "decimal", "sql datetime": "dateTime",
    "sql timestamp": "timestamp", "sql json": "json", "sql mediumint": "mediumInteger", "sql char": "char",
}  # fmt: skip
LENGTHS = {"string": 255, "char": 255}


def difference(before: Column, after: Column) -> list[str]:
    """The kinds of change from one to the other; "widen column" alone when older code runs on it as it is. More decimal
    places are none of these: older code reads other text."""
    kinds = [kind for kind in (_of_type(before, after), _of_null(before, after), _of_default(before, after)) if kind]
    return kinds or ["widen column"]


def _kind(column: Column) -> str:
    return _SAME.get(column.type, column.type)


def _of_type(before: Column, after: Column) -> str:
    one, other = _kind(before), _kind(after)
    if (
        before.recoded
        or after.recoded
        or before.shown != after.shown
        or (before.generated, before.increments) != (after.generated, after.increments)
    ):
        return "change type"
    if one in {"enum", "set"} and other == one:
        return _of_values(before, after)
    if {one, other} <= _REWRITTEN:
        return "change column"
    if one == other:
        narrower = _narrower(before, after, one)
        return "change type" if narrower else ""
    for ladder in _LADDERS:
        if one in ladder and other in ladder and ladder.index(one) < ladder.index(other):
            return "change type" if _signs(before, after) or _too_long(before, after) else ""
    return "change type"


def _too_long(before: Column, after: Column) -> bool:
    """A char may be longer than the string, a string than a tinyText."""
    if _kind(after) in LENGTHS:
        return _length(after) < _length(before) or _length(before) < 0
    return _kind(after) == "tinyText" and not 0 <= _length(before) <= 63


def _signs(before: Column, after: Column) -> bool:
    return not before.unsigned and after.unsigned


def _length(column: Column) -> int:
    given = column.arguments[0] if column.arguments else None
    try:
        return int(given) if given is not None else LENGTHS.get(_kind(column), 0)
    except (TypeError, ValueError):
        return -1


def _narrower(before: Column, after: Column, kind: str) -> bool:
    if kind in LENGTHS:
        return _length(after) < _length(before) or _length(before) < 0
    if kind.endswith("nteger"):
        return before.unsigned != after.unsigned
    if kind == "decimal":
        return _narrower_decimal(before, after)
    told = UNTOLD not in before.arguments + after.arguments
    return not told or before.arguments != after.arguments or before.unsigned != after.unsigned


def _narrower_decimal(before: Column, after: Column) -> bool:
    try:
        (total, places), (total_after, places_after) = (
            (int(c.arguments[0]) if c.arguments else 8, int(c.arguments[1]) if len(c.arguments) > 1 else 2)
            for c in (before, after)
        )
    except (TypeError, ValueError):
        return True
    return places_after != places or total_after - places_after < total - places or _signs(before, after)


def _of_values(before: Column, after: Column) -> str:
    old, new = _values(before), _values(after)
    if old is None or new is None or set(old) - set(new):
        return "remove enum value"
    if [value for value in new if value in old] != old:
        return "change type"  # MySQL sorts by the place in the list
    return "add enum value" if len(new) > len(old) else ""


def _values(column: Column) -> list[str] | None:
    given = column.arguments
    if column.type.startswith("sql "):
        return list(given) or None
    return list(given[0]) if given and isinstance(given[0], tuple) else None


def _of_null(before: Column, after: Column) -> str:
    if before.nullable and not after.nullable:
        return "make required"
    return "make nullable" if after.nullable and not before.nullable else ""


def _of_default(before: Column, after: Column) -> str:
    if before.updates != after.updates:
        return "change default"
    if after.generated or (before.required and after.default):
        return ""
    if before.default and not (after.default or after.nullable):
        return "remove default"
    other = before.default != after.default or before.default_value != after.default_value
    return "change default" if other else ""
