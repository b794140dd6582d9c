"""SQLite's own tables: each table with the text that made it, and the pragmas that read it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from runbook_lib.schema.quoting import listed, quoted
from runbook_lib.schema.tables import Column, Part, PartKind, Row, Tables, assembled

QUERY = """
WITH m AS (
  SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view') AND substr(name, 1, 7) <> 'sqlite_'
)
SELECT 'table' AS what, m.name AS tab, m.type AS name, m.sql AS a, '' AS b, '' AS c, '' AS d FROM m
UNION ALL
SELECT 'column', m.name, p.name, p.type, p."notnull", p.dflt_value, p.pk || ' ' || p.hidden
  FROM m, pragma_table_xinfo(m.name) p
UNION ALL
SELECT 'index', m.name, l.name, i.sql, l."unique", l.origin,
  (SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno))
  FROM m, pragma_index_list(m.name) l LEFT JOIN sqlite_master i ON i.type = 'index' AND i.name = l.name
  WHERE m.type = 'table'
UNION ALL
SELECT 'foreign', m.name, '', group_concat(f."from"), max(f."table"), group_concat(f."to"),
  max(f.on_delete) || ' ON UPDATE ' || max(f.on_update)
  FROM m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table' GROUP BY m.name, f.id
"""

_ORIGINS: dict[str, PartKind] = {"pk": "primary", "u": "unique"}


def read(rows: Sequence[Row]) -> Tables:
    """The tables that the rows of QUERY tell. A type is its affinity: SQLite tells no other apart."""
    tables: dict[str, dict[str, Any]] = {}
    columns: dict[str, list[Column]] = defaultdict(list)
    parts: dict[str, list[Part]] = defaultdict(list)
    for row in rows:
        name = str(row["tab"])
        if row["what"] == "table":
            tables[name] = {"view": row["name"] == "view", "sql": str(row["a"] or "")}
        elif row["what"] == "column":
            columns[name].append(_column(row))
        else:
            parts[name].append(_index(row) if row["what"] == "index" else _foreign(row))
    return assembled(tables, columns, parts)


def _column(row: Row) -> Column:
    key, hidden = str(row["d"]).split()
    more = "generated" if hidden in ("2", "3") else "primary key" if key != "0" else ""
    default = None if row["c"] is None else str(row["c"])
    return Column(row["name"], affinity(str(row["a"])), str(row["b"]) == "0", default, more)


def affinity(declared: str) -> str:
    """What a declared type comes to, by SQLite's own rules."""
    for pattern, found in (
        ("INT", "integer"),
        ("CHAR|CLOB|TEXT", "text"),
        ("BLOB", "blob"),
        ("REAL|FLOA|DOUB", "real"),
    ):
        if re.search(pattern, declared.upper()):
            return found
    return "numeric" if declared else "blob"


def _index(row: Row) -> Part:
    names = tuple(str(row["d"]).split(",")) if row["d"] else ()
    made = str(row["a"] or "")
    kind = _ORIGINS.get(str(row["c"])) or ("unique" if str(row["b"]) == "1" else "index")
    # One that the table's own text brings has a name that SQLite made up.
    return Part(kind, row["name"] if made else "", names, made)


def _foreign(row: Row) -> Part:
    names, others = tuple(str(row["a"]).split(",")), str(row["c"] or "").split(",")
    made = (
        f"FOREIGN KEY ({listed(names, 'sqlite')}) REFERENCES {quoted(row['b'], 'sqlite')} "
        f"({listed(others, 'sqlite')}) ON DELETE {row['d']}"
    )
    return Part("foreign", "", names, made)
