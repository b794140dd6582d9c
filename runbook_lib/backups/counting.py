"""Counting: the tables of a database, how many rows each has, and a checksum of them that no order changes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runbook_lib.backups.record import Counted
from runbook_lib.backups.session import Session

_TABLES = {
    # What belongs to an extension comes with it.
    "pgsql": (
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^(pg_|information_schema$)' "
        "AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE "
        "d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')"
    ),
    "mysql": (
        "SELECT '', table_name FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')"
    ),
    "sqlite": (
        "SELECT '', name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "AND sql NOT LIKE 'CREATE VIRTUAL%'"
    ),
}
_COLUMNS = {
    "pgsql": (
        "SELECT attname, format_type(atttypid, atttypmod), attgenerated <> '' FROM pg_attribute "
        "WHERE attrelid = (%s)::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    ),
    "mysql": (
        "SELECT column_name, column_type, generation_expression <> '' FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position"
    ),
    "sqlite": "SELECT name, type, hidden IN (2, 3) FROM pragma_table_xinfo(%s) ORDER BY cid",
}
_KEYS = {
    "pgsql": (
        "SELECT a.attname FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(number, place) "
        "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number "
        "WHERE i.indrelid = (%s)::regclass AND i.indisprimary ORDER BY k.place"
    ),
    "mysql": (
        "SELECT column_name FROM information_schema.key_column_usage "
        "WHERE table_schema = DATABASE() AND table_name = %s AND constraint_name = 'PRIMARY' ORDER BY ordinal_position"
    ),
    "sqlite": "SELECT name FROM pragma_table_xinfo(%s) WHERE pk > 0 ORDER BY pk",
}

# PostgreSQL's types of which equal hashes mean equal values, to the last bit; of those below, if their length is fixed.
_EXACT = frozenset(
    {"bigint", "boolean", "bytea", "character varying", "date", "integer", "name", "oid", "smallint", "text"}
    | {"time without time zone", "timestamp with time zone", "timestamp without time zone", "uuid"}
)
_EXACT_IF_FIXED = frozenset({"character", "numeric"})
_TEXTS = frozenset({"character varying", "character", "name", "text"})
_LENGTH = re.compile(r"\(\d+(,-?\d+)?\)")
_KNOWS_HASHES = "SELECT to_regprocedure('hash_record_extended(record, bigint)') IS NOT NULL"
# Before a checksum that was made of the columns' own hashes; without it, of the row as text, as older servers can.
HASHES = "h1:"


@dataclass(frozen=True)
class Name:
    """A table's name; schema: empty where there are none, or it is the usual one."""

    schema: str
    table: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}" if self.schema not in ("", "public") else self.table


@dataclass(frozen=True)
class Columns:
    """A table's columns with their types; stored: those that are not computed; key: of the primary key."""

    types: dict[str, str]
    stored: tuple[str, ...]
    key: tuple[str, ...]


def tables(session: Session) -> dict[str, Name]:
    """The tables of the application, by how they are called in records."""
    names = [Name(_text(schema), _text(table)) for schema, table in session(_TABLES[session.kind])]
    return {str(name): name for name in sorted(names, key=str)}


def quoted(session: Session, name: Name) -> str:
    return session.quoted(name.schema, name.table)


def columns(session: Session, name: Name) -> Columns:
    """What a table is made of. PlatformError when there is no such table."""
    asked = [quoted(session, name) if session.kind == "pgsql" else name.table]
    rows = [(_text(n), _text(t), bool(computed)) for n, t, computed in session(_COLUMNS[session.kind], asked)]
    key = tuple(_text(n) for (n,) in session(_KEYS[session.kind], asked))
    return Columns({n: t for n, t, _ in rows}, tuple(n for n, _, computed in rows if not computed), key)


def counted(
    session: Session, only: Iterable[str] | None = None, like: Mapping[str, Counted] | None = None
) -> Mapping[str, Counted]:
    """Every table's rows and checksum, or those of the tables named `only`. like: what it is to be compared with; its
    checksums are made in the same way. PlatformError."""
    known = tables(session)
    wanted = known if only is None else {name: known[name] for name in only if name in known}
    by_hashes = session.kind == "pgsql" and bool(session(_KNOWS_HASHES)[0][0])
    found = {}
    for text, name in wanted.items():
        as_recorded = like is None or text not in like or like[text].checksum.startswith(HASHES)
        found[text] = count(session, name, by_hashes=by_hashes and as_recorded)
    return found


def count(session: Session, name: Name, *, by_hashes: bool = False) -> Counted:
    """One table's rows and checksum. by_hashes: of the columns' own hashes, which PostgreSQL makes several times
    faster. PlatformError when it is gone."""
    if session.kind == "sqlite":
        return _counted_here(session, name)
    expression = _row_hashes(session, name) if by_hashes else row_hash(session, name)
    ((rows, checksum),) = session(f"SELECT count(*), coalesce(sum({expression}), 0) FROM {_from(session, name)}")
    return Counted(int(rows), f"{HASHES if by_hashes else ''}{int(checksum)}")


def row_hash(session: Session, name: Name) -> str:
    """The expression of one row's checksum. PostgreSQL: of the row as text; MariaDB: of each column, so that neither
    character sets nor long values are in the way."""
    if session.kind == "pgsql":
        return 'hashtextextended("~row"::text, 0)'
    parts = (f"IFNULL(CRC32({session.quoted(column)}), '-')" for column in columns(session, name).types)
    return f"CRC32(CONCAT_WS(',', {', '.join(parts)}))"


def _row_hashes(session: Session, name: Name) -> str:
    """The same of the columns' own hashes, where these tell all values apart; of the others as text."""
    exact: list[str] = []
    others: list[str] = []
    for column, kind in columns(session, name).types.items():
        plain = _LENGTH.sub("", kind)
        # As stored, whatever the collation takes for the same.
        value = f'"~row".{session.quoted(column)}' + (' COLLATE "C"' if plain in _TEXTS else "")
        known = plain in _EXACT or (plain in _EXACT_IF_FIXED and kind != plain)
        (exact if known else others).append(value)
    if others:
        exact.append(f"ROW({', '.join(others)})::text")
    return f"hash_record_extended(ROW({', '.join(exact)}), 0)"


def row_hash_here(row: tuple[object, ...]) -> int:
    """The checksum of a row that was read."""
    return int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=8).digest(), "big")


def rows(session: Session, name: Name) -> int:
    """How many rows a table has."""
    ((found,),) = session(f"SELECT count(*) FROM {_from(session, name)}")
    return int(found)


def migrations(session: Session) -> list[str]:
    """Names in Laravel's table migrations, in the order in which they ran; none where there is no such table."""
    name = tables(session).get("migrations")
    if name is None or "migration" not in columns(session, name).types:
        return []
    found = session(f"SELECT migration FROM {quoted(session, name)} ORDER BY id")
    return [_text(migration) for (migration,) in found]


def difference(expected: Mapping[str, Counted], found: Mapping[str, Counted], *, exact: bool = True) -> list[str]:
    """What is not as it should be, a line each. exact: False where the expected numbers may be a moment off; then only
    the set of tables counts."""
    lines = [f"table {name} is missing" for name in expected if name not in found]
    lines += [f"table {name} is not in the record" for name in found if name not in expected]
    for name in expected.keys() & found.keys() if exact else ():
        was, now = expected[name], found[name]
        if was.rows != now.rows:
            lines.append(f"table {name} has {now.rows} rows, {was.rows} were recorded")
        elif was.checksum and was.checksum != now.checksum:
            lines.append(f"table {name} has {now.rows} rows as recorded, but not the same ones")
    return sorted(lines)


def _from(session: Session, name: Name) -> str:
    only = "ONLY " if session.kind == "pgsql" else ""
    alias = ' AS "~row"' if session.kind == "pgsql" else ""
    return f"{only}{quoted(session, name)}{alias}"


def _counted_here(session: Session, name: Name) -> Counted:
    found, checksum = 0, 0
    for row in session.each(f"SELECT * FROM {quoted(session, name)}"):
        found += 1
        checksum += row_hash_here(row)
    return Counted(found, str(checksum))


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else str(value)
