"""PostgreSQL's catalogue: the tables of the schema in which the connection works."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from runbook_lib.schema.tables import Column, Part, PartKind, Row, Tables, assembled

_HERE = "c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind IN ('r', 'p', 'v', 'm')"
_NAMES = (
    "(SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest({keys}) WITH ORDINALITY AS k(number, place) "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number)"
)

QUERY = f"""
SELECT 'table' AS what, c.relname::text AS tab, c.relkind::text AS name, '' AS a, '' AS b, '' AS c, '' AS d
  FROM pg_class c WHERE {_HERE}
UNION ALL
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
  CASE WHEN a.attnotnull THEN 'not null' ELSE '' END, pg_get_expr(d.adbin, d.adrelid),
  a.attidentity::text || a.attgenerated::text
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE {_HERE}
UNION ALL
SELECT 'part', c.relname, o.conname, o.contype::text, pg_get_constraintdef(o.oid), {_NAMES.format(keys="o.conkey")}, ''
  FROM pg_class c JOIN pg_constraint o ON o.conrelid = c.oid AND o.contype IN ('p', 'u', 'f', 'c') WHERE {_HERE}
UNION ALL
SELECT 'part', c.relname, i.relname, CASE WHEN x.indisunique THEN 'ui' ELSE 'i' END, pg_get_indexdef(i.oid),
  {_NAMES.format(keys="x.indkey::int2[]")}, ''
  FROM pg_class c JOIN pg_index x ON x.indrelid = c.oid AND x.indisvalid JOIN pg_class i ON i.oid = x.indexrelid
  WHERE {_HERE} AND NOT EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = i.oid AND o.contype IN ('p', 'u'))
"""  # noqa: S608

_KINDS: dict[str, PartKind] = {
    "p": "primary", "u": "unique", "ui": "unique", "i": "index", "f": "foreign", "c": "check",
}  # fmt: skip


def read(rows: Sequence[Row]) -> Tables:
    """The tables that the rows of QUERY tell."""
    tables: dict[str, dict[str, Any]] = {}
    columns: dict[str, list[Column]] = defaultdict(list)
    parts: dict[str, list[Part]] = defaultdict(list)
    for row in rows:
        name = str(row["tab"])
        if row["what"] == "table":
            tables[name] = {"view": row["name"] in ("v", "m")}
        elif row["what"] == "column":
            columns[name].append(_column(row))
        else:
            names = tuple(str(row["c"]).split(",")) if row["c"] else ()
            parts[name].append(Part(_KINDS[row["a"]], row["name"], names, row["b"]))
    return assembled(tables, columns, parts)


def _column(row: Row) -> Column:
    generated = {"a": "identity always", "d": "identity", "s": "generated"}.get(row["d"], "")
    return Column(row["name"], row["a"], row["b"] != "not null", row["c"], generated)
