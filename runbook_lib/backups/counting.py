"""Counting: the tables of a database, how many rows each has, and a checksum of them that no order changes."""

from __future__ import annotations

import hashlib
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
        "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
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


def counted(session: Session, only: Iterable[str] | None = None) -> Mapping[str, Counted]:
    """Every table's rows and checksum, or those of the tables named `only`. PlatformError."""
    known = tables(session)
    wanted = known if only is None else {name: known[name] for name in only if name in known}
    return {text: count(session, name) for text, name in wanted.items()}


def count(session: Session, name: Name) -> Counted:
    """One table's rows and checksum. PlatformError when it is gone."""
    if session.kind == "sqlite":
        return _counted_here(session, name)
    ((rows, checksum),) = session(
        f"SELECT count(*), coalesce(sum({row_hash(session, name)}), 0) FROM {_from(session, name)}"
    )
    return Counted(int(rows), str(int(checksum)))


def row_hash(session: Session, name: Name) -> str:
    """The expression of one row's checksum. PostgreSQL: of the row as text; MariaDB: of each column, so that neither
    character sets nor long values are in the way."""
    if session.kind == "pgsql":
        return 'hashtextextended("~row"::text, 0)'
    parts = (f"IFNULL(CRC32({session.quoted(column)}), '-')" for column in columns(session, name).types)
    return f"CRC32(CONCAT_WS(',', {', '.join(parts)}))"


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
