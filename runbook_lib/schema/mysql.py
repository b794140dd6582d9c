"""The information schema of MySQL and MariaDB: the tables of the connection's database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from runbook_lib.schema.quoting import listed, literal, quoted
from runbook_lib.schema.tables import Column, Part, Row, Tables, assembled

_KEYS = """
SELECT k.constraint_schema, k.constraint_name, k.table_name, MAX(k.referenced_table_name) AS other,
  GROUP_CONCAT(k.column_name ORDER BY k.ordinal_position SEPARATOR ',') AS names,
  GROUP_CONCAT(k.referenced_column_name ORDER BY k.ordinal_position SEPARATOR ',') AS others
  FROM information_schema.key_column_usage k WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL
  GROUP BY k.constraint_schema, k.constraint_name, k.table_name
"""

QUERY = f"""
SELECT 'table' AS what, t.table_name AS tab, t.table_type AS name, VERSION() AS a, '' AS b, '' AS c, '' AS d, '' AS e,
  '' AS f FROM information_schema.tables t WHERE t.table_schema = DATABASE()
UNION ALL
SELECT 'column', c.table_name, c.column_name, c.column_type, c.is_nullable, c.column_default, c.extra,
  CONCAT('CHARACTER SET ', c.character_set_name, ' COLLATE ', c.collation_name),
  CONCAT(COALESCE(c.generation_expression, ''), '\\n', c.column_comment)
  FROM information_schema.columns c WHERE c.table_schema = DATABASE()
UNION ALL
SELECT 'index', s.table_name, s.index_name, MIN(s.non_unique), MIN(s.index_type),
  GROUP_CONCAT(s.column_name ORDER BY s.seq_in_index SEPARATOR ','),
  GROUP_CONCAT(COALESCE(s.sub_part, 0) ORDER BY s.seq_in_index SEPARATOR ','), '', ''
  FROM information_schema.statistics s WHERE s.table_schema = DATABASE() GROUP BY s.table_name, s.index_name
UNION ALL
SELECT 'foreign', k.table_name, k.constraint_name, k.names, k.other, k.others, r.delete_rule, r.update_rule, ''
  FROM ({_KEYS}) k JOIN information_schema.referential_constraints r
  ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
UNION ALL
SELECT 'check', t.table_name, t.constraint_name, h.check_clause, '', '', '', '', ''
  FROM information_schema.table_constraints t JOIN information_schema.check_constraints h
  ON h.constraint_schema = t.constraint_schema AND h.constraint_name = t.constraint_name
  WHERE t.table_schema = DATABASE() AND t.constraint_type = 'CHECK'
"""  # noqa: S608


def read(rows: Sequence[Row]) -> Tables:
    """The tables that the rows of QUERY tell."""
    tables: dict[str, dict[str, Any]] = {}
    columns: dict[str, list[Column]] = defaultdict(list)
    parts: dict[str, dict[str, Part]] = defaultdict(dict)
    for row in rows:
        name = str(row["tab"])
        if row["what"] == "table":
            tables[name] = {"view": "VIEW" in str(row["name"])}
        elif row["what"] == "column":
            columns[name].append(_column(row, mariadb="mariadb" in str(rows[0]["a"]).lower()))
        else:
            part = {"index": _index, "foreign": _foreign, "check": _check}[str(row["what"])](row)
            # MariaDB's checks are told once for each table that has one of that name.
            parts[name].setdefault(f"{part.kind} {part.name}", part)
    return assembled(tables, columns, {name: list(found.values()) for name, found in parts.items()})


def _column(row: Row, *, mariadb: bool) -> Column:
    expression, _, comment = str(row["f"]).partition("\n")
    extra = str(row["d"] or "")
    more = " ".join(word for word in extra.split() if word.upper() != "DEFAULT_GENERATED")
    if expression:
        kind = "STORED" if "STORED" in extra.upper() or "PERSISTENT" in extra.upper() else "VIRTUAL"
        more = f"GENERATED ALWAYS AS ({expression}) {kind}"
    default = _default(row["c"], expression_="DEFAULT_GENERATED" in extra, mariadb=mariadb)
    nullable = row["b"] == "YES"
    return Column(row["name"], row["a"], nullable, default, more, str(row["e"] or ""), comment)


def _default(value: Any, *, expression_: bool, mariadb: bool) -> str | None:
    """MariaDB tells the default as SQL, MySQL 8 as the value itself unless it is an expression."""
    if value is None or (mariadb and value == "NULL"):
        return None
    return str(value) if mariadb or expression_ or str(value).startswith("b'") else literal(value, "mysql")


def definition(column: Column, *, nullable: bool) -> str:
    """A column's definition for MODIFY, with everything that would else be dropped."""
    generated = column.more.startswith("GENERATED")
    words = [
        column.type,
        column.collation,
        column.more if generated else "",
        "" if generated else "NULL" if nullable else "NOT NULL",
        "" if column.default is None else f"DEFAULT {column.default}",
        "" if generated else column.more,
        f"COMMENT {literal(column.comment, 'mysql')}" if column.comment else "",
    ]
    return " ".join(filter(None, words))


def _index(row: Row) -> Part:
    names = tuple(str(row["c"]).split(",")) if row["c"] else ()
    lengths = str(row["d"]).split(",")
    columns = ", ".join(
        quoted(name, "mysql") + (f"({length})" if length != "0" else "")
        for name, length in zip(names, lengths, strict=False)
    )
    if row["name"] == "PRIMARY":
        return Part("primary", "PRIMARY", names, f"PRIMARY KEY ({columns})")
    unique = str(row["a"]) == "0"
    kind = "UNIQUE " if unique else f"{row['b']} " if row["b"] in ("FULLTEXT", "SPATIAL") else ""
    made = f"CREATE {kind}INDEX {quoted(row['name'], 'mysql')} ON {quoted(row['tab'], 'mysql')} ({columns})"
    return Part("unique" if unique else "index", row["name"], names, made)


def _foreign(row: Row) -> Part:
    names, others = tuple(str(row["a"]).split(",")), str(row["c"]).split(",")
    made = (
        f"FOREIGN KEY ({listed(names, 'mysql')}) REFERENCES {quoted(row['b'], 'mysql')} ({listed(others, 'mysql')}) "
        f"ON DELETE {row['d']} ON UPDATE {row['e']}"
    )
    return Part("foreign", row["name"], names, made)


def _check(row: Row) -> Part:
    return Part("check", row["name"], (), f"CHECK ({row['a']})")
