"""What always fits: values in an index of PostgreSQL, in a generated column, in a default, in JSON."""

from __future__ import annotations

import re

from runbook_lib.migrations.changes import Change, Column
from runbook_lib.migrations.known import Known
from runbook_lib.migrations.reading.raw import unknown_function

# A row of a B-tree takes a third of a page, 2,704 bytes, a tsvector 1 MB; a character takes up to four bytes.
_CHARACTERS, _CHARACTERS_OF_WORDS = 660, 2**18
_SHORT = {
    "date", "dateTime", "dateTimeTz", "time", "timeTz", "timestamp", "timestampTz", "year", "boolean", "uuid", "ulid",
    "decimal", "float", "double", "ipAddress", "macAddress", "enum", "foreignId", "foreignIdFor", "foreignUuid",
    "foreignUlid", "sql int", "sql bigint", "sql smallint", "sql tinyint", "sql mediumint", "sql uint", "sql ubigint",
    "sql date", "sql datetime", "sql timestamp", "sql timestamptz", "sql boolean", "sql uuid", "sql decimal",
    "sql serial", "sql bigserial",
}  # fmt: skip
_LENGTHS = {"string": 255, "char": 255, "tinyText": 255}
_TEXTS = {"text": 65_535 // 4, "mediumText": 2**22, "longText": 2**30}
_OTHER_INDEX = re.compile(
    r"^(spatialIndex|vectorIndex)\(|->(spatialIndex|vectorIndex)\(|\b(add|create)\s+(fulltext|spatial)\b", re.IGNORECASE
)
_OF_WORDS = re.compile(r"^fulltext\(|->fulltext\(", re.IGNORECASE)
_OTHER_METHOD = re.compile(r"\busing\s+(gin|gist|spgist|hash)\b|->algorithm\('?(gin|gist|hash)'?\)", re.I)
_PART = re.compile(r"\s*(?:([A-Za-z_]\w*)|`(\w+)`|\"(\w+)\"|'([^'\\]*)')\s*")
_ARITHMETIC = re.compile(r"(?!.*\w\s*\()[\w\s.+*/%()-]+", re.DOTALL)


def fits(change: Change, known: Known) -> bool:
    """Whether every value that older code writes to the columns of a new index fits in it, on PostgreSQL."""
    if _OTHER_INDEX.search(change.call) or _OTHER_METHOD.search(change.call):
        return True
    columns = [known.column(change, name) for name in change.columns]
    if known.all_new(change) and all(column is not None and not column.generated for column in columns):
        return True
    lengths = [_length(column) for column in columns]
    known_all = bool(lengths) and all(length is not None for length in lengths)
    room = _CHARACTERS_OF_WORDS if _OF_WORDS.search(change.call) else _CHARACTERS
    return known_all and sum(length or 0 for length in lengths) <= room


def _length(column: Column | None) -> int | None:
    """The characters that a column takes at most; None when they are not bounded or not known."""
    if column is None:
        return None
    if column.type in _SHORT or column.type.endswith("nteger"):
        return 8
    given = column.arguments[0] if column.arguments else _LENGTHS.get(column.type)
    bounded = column.type in _LENGTHS or column.type in {"sql varchar", "sql char"}
    return int(str(given)) if bounded and str(given).isdigit() else None


_NO_TEXT = {
    "binary", "sql varbinary", "sql binary", "sql bit", "sql blob", "sql tinyblob", "sql mediumblob", "sql longblob",
    "sql bytea",
}  # fmt: skip
_GEOMETRY = {
    "geography", "geometry", "geometryCollection", "lineString", "multiLineString", "multiPoint", "multiPolygon",
    "multiPolygonZ", "point", "polygon", "vector", "sql geometry", "sql point", "sql vector",
}  # fmt: skip


def is_text(column: Column | None, database: str) -> bool:
    """Whether whole rows with a new column can go out as JSON. MySQL gives geometry and vectors as bytes."""
    kind = column.type if column is not None else ""
    return kind not in _NO_TEXT and (kind not in _GEOMETRY or database not in {"mysql", ""})


def always_defaults(column: Column | None) -> bool:
    """Whether no function in a default is unknown: what it needs may be missing where older code inserts."""
    return column is None or not column.volatile or not unknown_function(column.default_value)


def always_computed(change: Change, known: Known, database: str) -> bool:
    """Whether a new column is not generated from the row, or from an expression that has a result for every row."""
    column = change.column
    if column is None or not column.generated:
        return True
    if column.type.startswith("sql "):
        return False
    if not column.expression:
        return True
    # SQLite has no errors of arithmetic: what is too large becomes REAL, what is divided by nothing NULL.
    plain = database == "sqlite" and (column.nullable or "nullable(" not in change.call)
    if plain and _ARITHMETIC.fullmatch(column.expression):
        return True
    return _joins(change, column, known, database)


def _joins(change: Change, column: Column, known: Known, database: str) -> bool:
    """Known columns and words one after another, in a column that takes them all, and NULL if one of them is."""
    parts = _parts(column.expression, database)
    room = _TEXTS.get(column.type) or _length(column) if column.type in _TEXTS.keys() | _LENGTHS.keys() else None
    if parts is None or room is None or column.recoded:
        return False
    for name, words in parts:
        source = known.column(change, name) if name else Column("", "string", (len(words),))
        length = _length(source)
        if source is None or length is None or source.type not in _LENGTHS or source.recoded:
            return False
        if source.nullable and not column.nullable:
            return False
        room -= length
    return room >= 0


def _parts(expression: str, database: str) -> list[tuple[str, str]] | None:
    """The columns and words of a concatenation; None when it is anything else. || is OR on MySQL."""
    text = expression.strip()
    called = re.fullmatch(r"concat\s*\((.*)\)", text, re.IGNORECASE | re.DOTALL)
    pieces = called[1].split(",") if called else text.split("||") if database in {"pgsql", "sqlite"} else [text]
    found = [_PART.fullmatch(piece) for piece in pieces]
    return [(m[1] or m[2] or m[3] or "", m[4] or "") for m in found if m] if all(found) else None
