"""Single tables: what differs between a table and one restored beside it, and the rows of the one put into the other.

Both are looked at through one connection; in PostgreSQL, which has none to two databases, one of them is copied over.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.backups.counting import Columns, Name, columns, tables
from runbook_lib.backups.engine import Engine
from runbook_lib.backups.session import Row, Session
from runbook_lib.backups.side_effects import lead_sequences, refuse_triggers, without_triggers
from runbook_lib.command import printable
from runbook_lib.errors import BackupError

SAMPLES = 5


@dataclass(frozen=True)
class Pair:
    """A table as it is now and as it was, both quoted, through one connection."""

    ask: Session
    name: Name
    now: str
    before: str
    columns: Columns


@dataclass(frozen=True)
class Sample:
    """A row that was changed. key: of it; columns: those that differ, with the values of before and of now."""

    key: Row
    columns: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Difference:
    """What became of a table's rows since: how many were changed, deleted, added."""

    table: str
    changed: int
    deleted: int
    added: int

    def __str__(self) -> str:
        return f"{self.changed} changed, {self.deleted} deleted, {self.added} added"

    @property
    def none(self) -> bool:
        return not (self.changed or self.deleted or self.added)


def chosen(engine: Engine, wanted: Sequence[str], known: Sequence[str]) -> list[str]:
    """The tables to restore, checked. known: those of the backup. BackupError for one that is not there, or has no
    primary key, without which rows cannot be told apart."""
    with engine.session() as ask:
        live = tables(ask)
        for table in wanted:
            if table not in known or table not in live:
                where = "in the backup" if table not in known else "in the database any more"
                raise BackupError(
                    f"there is no table {printable(table, 80)!r} {where}",
                    next_step=f"there are {', '.join(sorted(set(known) & set(live))[:20])}; or restore all of it",
                )
            if not columns(ask, live[table]).key:
                raise BackupError(
                    f"table {table} has no primary key: its rows cannot be put back one by one",
                    next_step="restore the whole database",
                )
            refuse_triggers(ask, live[table])
    return list(wanted)


def refuse_other_columns(engine: Engine, restored: str, chosen: Sequence[str]) -> None:
    """BackupError where a table has not the columns any more that it has in the database `restored`."""
    with engine.session() as ask, engine.session(restored) as other:
        live, before = tables(ask), tables(other)
        for table in chosen:
            differ = set(columns(ask, live[table]).stored) ^ set(columns(other, before[table]).stored)
            if differ:
                raise BackupError(
                    f"table {table} has other columns than in the backup: {printable(', '.join(sorted(differ)), 200)}",
                    next_step="choose a backup of this schema, or restore the whole database",
                )


@contextlib.contextmanager
def facing(engine: Engine, restored: str, table: str, *, writes: bool) -> Iterator[Pair]:
    """A table of the live database and the one of the database `restored`. writes: whether the live one is to be
    changed. PlatformError, BackupError."""
    if engine.kind == "pgsql":
        with _copied(engine, restored, table, writes=writes) as pair:
            yield pair
        return
    with engine.session() as ask:
        if engine.kind == "sqlite":
            with engine.session(restored) as other:
                ((_, _, file), *_) = other("PRAGMA database_list")
            ask("ATTACH %s AS restored", [file.decode()])
            restored, live = "restored", "main"
        else:
            live = engine.name
        name = tables(ask)[table]
        now, before = ask.quoted(live, name.table), ask.quoted(restored, name.table)
        yield Pair(ask, name, now, before, columns(ask, name))


@contextlib.contextmanager
def kept_pair(engine: Engine, table: str, kept: str) -> Iterator[Pair]:
    """A live table and the copy of it that was kept beside it."""
    with engine.session() as ask:
        name = tables(ask)[table]
        now, before = ask.quoted(name.schema, name.table), ask.quoted(name.schema, kept)
        yield Pair(ask, name, now, before, columns(ask, name))


def compare(pair: Pair) -> Difference:
    """What differs. PlatformError where the two do not have the same columns."""
    ask = pair.ask
    ((changed, deleted),) = ask(
        f"SELECT coalesce(sum(CASE WHEN {_absent(pair, 'l')} THEN 0 ELSE 1 END), 0), "
        f"coalesce(sum(CASE WHEN {_absent(pair, 'l')} THEN 1 ELSE 0 END), 0) FROM {_differing(pair)}"
    )
    ((added,),) = ask(f"SELECT count(*) FROM {pair.now} l WHERE {_missing(pair, pair.before)}")
    return Difference(str(pair.name), int(changed), int(deleted), int(added))


def samples(pair: Pair) -> list[Sample]:
    """Some changed rows."""
    ask, key, names = pair.ask, pair.columns.key, pair.columns.stored
    shown = [f"s.{ask.quoted(column)}" for column in key]
    for column in names:
        flag = f"CASE WHEN {_same(pair, column)} THEN 0 ELSE 1 END"
        shown += [flag, f"s.{ask.quoted(column)}", f"l.{ask.quoted(column)}"]
    found = ask(f"SELECT {', '.join(shown)} FROM {_differing(pair)} AND NOT {_absent(pair, 'l')} LIMIT {SAMPLES}")
    return [Sample(row[: len(key)], _changed(names, row[len(key) :])) for row in found]


def _changed(names: Sequence[str], values: Row) -> dict[str, tuple[Any, Any]]:
    threes = zip(names, values[::3], values[1::3], values[2::3], strict=True)
    return {name: (before, now) for name, differs, before, now in threes if differs}


def keep(engine: Engine, table: str, kept: str) -> None:
    """Copy a table beside itself, complete or not at all; nothing when it is there."""
    with engine.session() as ask:
        name = tables(ask)[table]
        if str(Name(name.schema, kept)) in tables(ask):
            return
        source, destination = ask.quoted(name.schema, name.table), ask.quoted(name.schema, kept)
        if ask.kind != "mysql":
            ask(f"CREATE TABLE {destination} AS SELECT * FROM {source}")
            return
        unfinished = ask.quoted(f"{kept}_"[-64:])
        stored = _list(ask, columns(ask, name).stored)
        ask(f"CREATE OR REPLACE TABLE {unfinished} LIKE {source}")
        ask(f"INSERT INTO {unfinished} ({stored}) SELECT {stored} FROM {source}")
        ask(f"RENAME TABLE {unfinished} TO {destination}")


def forget(engine: Engine, table: str, kept: str) -> None:
    """Remove the copy that was kept."""
    with engine.session() as ask:
        schema = tables(ask)[table].schema if table in tables(ask) else ""
        ask(f"DROP TABLE IF EXISTS {ask.quoted(schema, kept)}")


def put_back(pair: Pair, *, remove: bool) -> None:
    """Make the rows of the live table those of before, within the caller's transaction; its triggers do not see it.
    remove: rows that were added since, too. What refers to them is the database's to check: PlatformError, and nothing
    has changed."""
    ask = pair.ask
    with without_triggers(ask, pair.name):
        if remove:
            which = "DELETE l FROM" if ask.kind == "mysql" else "DELETE FROM"
            ask(f"{which} {pair.now} AS l WHERE {_missing(pair, pair.before)}")
        if ask.kind == "mysql":
            _put_back_mysql(pair)
        else:
            _put_back(pair)
    if ask.kind == "pgsql":
        lead_sequences(ask, pair.name)


def _put_back(pair: Pair) -> None:
    ask, stored, key = pair.ask, pair.columns.stored, pair.columns.key
    wanted = ", ".join(f"s.{ask.quoted(column)}" for column in stored)
    overriding = " OVERRIDING SYSTEM VALUE" if ask.kind == "pgsql" else ""
    values = [column for column in stored if column not in key]
    ask(
        f"INSERT INTO {pair.now} ({_list(ask, stored)}){overriding} "
        f"SELECT {wanted} FROM {_differing(pair)} {_conflict(ask, key, values)}"
    )


def _put_back_mysql(pair: Pair) -> None:
    # ON DUPLICATE KEY would take a row that has another unique value in common for the same one.
    ask, stored = pair.ask, pair.columns.stored
    sets = ", ".join(f"l.{ask.quoted(column)} = s.{ask.quoted(column)}" for column in stored)
    same = " AND ".join(_same(pair, column) for column in stored)
    ask(f"UPDATE {pair.now} l JOIN {pair.before} s ON {_joined(pair)} SET {sets} WHERE NOT ({same})")
    wanted = ", ".join(f"s.{ask.quoted(column)}" for column in stored)
    gone = f"{_differing(pair)} AND {_absent(pair, 'l')}"
    ask(f"INSERT INTO {pair.now} ({_list(ask, stored)}) SELECT {wanted} FROM {gone}")


# -- within ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _copied(engine: Engine, restored: str, table: str, *, writes: bool) -> Iterator[Pair]:
    """In PostgreSQL: the restored table copied into the live database; only to look, the live one into the other."""
    with engine.session() as live, engine.session(restored) as other:
        source, ask = (other, live) if writes else (live, other)
        name = tables(source)[table]
        here = ask.quoted(name.schema, name.table)
        stored = columns(ask, name).stored
        with ask.transaction():
            copied = ask.quoted("pg_temp", "runbook_copy")
            ask(f"CREATE TEMPORARY TABLE runbook_copy (LIKE {here}) ON COMMIT PRESERVE ROWS")
            for column in stored:
                ask(f"ALTER TABLE {copied} ALTER COLUMN {ask.quoted(column)} DROP NOT NULL")
            listed = _list(ask, stored)
            source.copy(
                f"COPY (SELECT {listed} FROM {source.quoted(name.schema, name.table)}) TO STDOUT",
                ask,
                f"COPY {copied} ({listed}) FROM STDIN",
            )
            ask(f"ANALYZE {copied}")
        now, before = (here, copied) if writes else (copied, here)
        yield Pair(ask, name, now, before, columns(ask, name))


def _list(ask: Session, names: Sequence[str]) -> str:
    return ", ".join(ask.quoted(name) for name in names)


def _same(pair: Pair, column: str) -> str:
    """That a column of both rows (l: now, s: before) has the same value, bit by bit and NULL included."""
    name = pair.ask.quoted(column)
    if pair.ask.kind == "pgsql":
        # Not every type has an equality; all have a text.
        return f"l.{name}::text IS NOT DISTINCT FROM s.{name}::text"
    if pair.ask.kind == "mysql":
        return f"(CAST(l.{name} AS BINARY) <=> CAST(s.{name} AS BINARY))"
    return f"quote(l.{name}) IS quote(s.{name})"


def _joined(pair: Pair) -> str:
    return " AND ".join(f"l.{pair.ask.quoted(column)} = s.{pair.ask.quoted(column)}" for column in pair.columns.key)


def _absent(pair: Pair, alias: str) -> str:
    return f"{alias}.{pair.ask.quoted(pair.columns.key[0])} IS NULL"


def _differing(pair: Pair) -> str:
    """Rows of before (s) that are now (l) others, or none."""
    same = " AND ".join(_same(pair, column) for column in pair.columns.stored)
    return f"{pair.before} s LEFT JOIN {pair.now} l ON {_joined(pair)} WHERE ({_absent(pair, 'l')} OR NOT ({same}))"


def _missing(pair: Pair, elsewhere: str) -> str:
    return f"NOT EXISTS (SELECT 1 FROM {elsewhere} s WHERE {_joined(pair)})"


def _conflict(ask: Session, key: Sequence[str], values: Sequence[str]) -> str:
    """What becomes of a row that is there under the same key."""
    if not values:
        return f"ON CONFLICT ({_list(ask, key)}) DO NOTHING"
    sets = ", ".join(f"{ask.quoted(column)} = excluded.{ask.quoted(column)}" for column in values)
    return f"ON CONFLICT ({_list(ask, key)}) DO UPDATE SET {sets}"
