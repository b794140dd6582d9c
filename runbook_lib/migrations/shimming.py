"""A shim made out for a schema that was read: the statements, the way back, and whether it holds.

Pure: what is returned is plain data that a plan is built from. What the real schema says goes before what the text of
the migrations lets one expect: names of constraints, full definitions of columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.command import printable
from runbook_lib.errors import PlatformError
from runbook_lib.migrations.shims import Shim
from runbook_lib.schema import sqlite_text
from runbook_lib.schema.mysql import definition
from runbook_lib.schema.quoting import listed, quoted
from runbook_lib.schema.tables import Column, Part, PartKind, Table, Tables

_PARTS: dict[str, tuple[PartKind, ...]] = {
    "drop unique": ("unique",), "drop primary": ("primary",), "drop foreign key": ("foreign",),
    "drop check": ("check",), "create index": ("index", "unique"),
}  # fmt: skip


@dataclass(frozen=True)
class Work:
    """What carries out one shim. kind, table, columns, name: of the shim, which `holds` looks for.

    title: what it does, for a reader. sql: statements, in order on one connection; undo: that take it back. blocks: a
    SELECT that counts rows which keep it from being taken back, and what those are. stops: the newer code stops working
    with it.
    """

    kind: str
    table: str
    columns: tuple[str, ...]
    name: str
    title: str
    sql: tuple[str, ...]
    undo: tuple[str, ...]
    blocks: tuple[str, str] = ("", "")
    stops: bool = False

    @property
    def facts(self) -> dict[str, Any]:
        """Plain data, as it comes back from a record."""
        lists = {name: list(getattr(self, name)) for name in ("columns", "sql", "undo", "blocks")}
        return {**vars(self), **lists}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Work:
        lists = {name: tuple(facts[name]) for name in ("columns", "sql", "undo", "blocks")}
        return cls(**{**facts, **lists})

    def holds(self, tables: Tables) -> bool:
        """Whether its effect is there."""
        return holds(self.kind, self.table, self.columns, self.name, tables)


def made_out(shim: Shim, tables: Tables, database: str) -> Work | None:
    """What carries out a shim on these tables; None when its effect is there already. PlatformError, which says why,
    where it cannot be done."""
    if holds(shim.kind, shim.table, shim.columns, shim.name, tables):
        return None
    build = _BUILDERS.get(shim.kind)
    table = tables.get(shim.name if shim.kind == "old name" else shim.table)
    if build is None or table is None:
        raise _cannot(shim, f"there is no table {shim.name or shim.table}" if build else "nobody knows how")
    return build(shim, table, database)


def holds(kind: str, name: str, columns: tuple[str, ...], other: str, tables: Tables) -> bool:
    """Whether the effect of a shim is there."""
    table = tables.get(name)
    if table is None or kind == "old name":
        return table is not None and kind == "old name"
    if kind in _PARTS:
        return (table.part(_PARTS[kind], other, columns) is not None) == (kind == "create index")
    column = table.columns.get(columns[0]) if columns else None
    return column is not None and {
        "drop not null": column.nullable,
        "set default": column.default is not None,
        "json to jsonb": column.type == "jsonb",
        "add column back": True,
        "rename back": True,
    }.get(kind, False)


def _cannot(shim: Shim, why: str) -> PlatformError:
    return PlatformError(
        f"the shim {shim.kind} on {printable(shim.table, 80)} cannot be made: {why}",
        next_step="take the migrations back, or leave the schema ahead and say why",
    )


def _work(shim: Shim, title: str, sql: tuple[str, ...] | str, undo: tuple[str, ...] | str, **more: Any) -> Work:
    forth, back = ((one,) if isinstance(one, str) else one for one in (sql, undo))
    return Work(shim.kind, shim.table, shim.columns, shim.name, title, forth, back, **more)


def _alter(shim: Shim, database: str) -> str:
    return f"ALTER TABLE {quoted(shim.table, database)}"


def _column(shim: Shim, table: Table, name: str = "") -> Column:
    column = table.columns.get(name or shim.columns[0])
    if column is None:
        raise _cannot(shim, f"the table has no column {name or shim.columns[0]}")
    return column


def _written(shim: Shim, title: str, database: str, **more: Any) -> Work:
    """As the text of the migrations says."""
    if not shim.sql.get(database) or not shim.undo.get(database):
        raise _cannot(shim, shim.note or f"there is no statement for it on {database}")
    return _work(shim, title, shim.sql[database], shim.undo[database], **more)


def _drop_not_null(shim: Shim, table: Table, database: str) -> Work:
    column, name = _column(shim, table), quoted(shim.columns[0], database)
    title = f"allow NULL in {shim.table}.{column.name}"
    rows = f"SELECT COUNT(*) AS found FROM {quoted(shim.table, database)} WHERE {name} IS NULL"  # noqa: S608
    blocks = (rows, f"rows have no {shim.table}.{column.name}")
    if database == "pgsql":
        return _work(
            shim,
            title,
            f"{_alter(shim, database)} ALTER COLUMN {name} DROP NOT NULL",
            f"{_alter(shim, database)} ALTER COLUMN {name} SET NOT NULL",
            blocks=blocks,
        )
    if database == "mysql":
        checks = "".join(f" {p.definition}" for p in table.parts if p.kind == "check" and p.name == column.name)
        sql, undo = (
            f"{_alter(shim, database)} MODIFY {name} {definition(column, nullable=nullable)}{checks}"
            for nullable in (True, False)
        )
        return _work(shim, title, sql, undo, blocks=blocks)
    old = sqlite_text.column(table.sql, column.name)
    return _rewritten(shim, title, old, sqlite_text.without_not_null(old), blocks)


def _rewritten(shim: Shim, title: str, old: str, new: str, blocks: tuple[str, str] = ("", "")) -> Work:
    if not old or old == new:
        raise _cannot(shim, "the text that made the table does not tell where to change it")
    sql, undo = sqlite_text.replaced(shim.table, old, new), sqlite_text.replaced(shim.table, new, old)
    return _work(shim, title, sql, undo, blocks=blocks)


def _set_default(shim: Shim, table: Table, database: str) -> Work:
    column = _column(shim, table)
    title = f"give {shim.table}.{column.name} its default back"
    if database != "sqlite":
        return _written(shim, title, database)
    old = sqlite_text.column(table.sql, column.name)
    return _rewritten(shim, title, old, f"{old.rstrip()} default {shim.name}" if old and shim.name else "")


def _to_jsonb(shim: Shim, table: Table, database: str) -> Work:
    return _written(shim, f"make {shim.table}.{_column(shim, table).name} jsonb", database)


def _add_back(shim: Shim, table: Table, database: str) -> Work:
    return _written(shim, f"add {shim.table}.{shim.columns[0]} again, empty", database)


def _old_name(shim: Shim, table: Table, database: str) -> Work:
    if database == "sqlite":
        return _written(shim, f"call the table {shim.name} {shim.table} again", database, stops=True)
    return _written(shim, f"a view {shim.table} of {shim.name}", database)


def _rename_back(shim: Shim, table: Table, database: str) -> Work:
    _column(shim, table, shim.name)
    return _written(shim, f"call {shim.table}.{shim.name} {shim.columns[0]} again", database, stops=True)


def _drop_part(shim: Shim, table: Table, database: str) -> Work:
    part = table.part(_PARTS[shim.kind], shim.name, shim.columns)
    if part is None:
        raise _cannot(shim, f"the table has none of the name {shim.name}")
    title = f"drop the {part.kind} {part.name or ', '.join(part.columns)} of {shim.table}"
    if database == "sqlite" and not part.is_index:
        return _aside(shim, table, part, title)
    if database == "mysql" and part.kind in ("primary", "unique"):
        return _drop_key(shim, table, part, title)
    if part.is_index:
        return _work(shim, title, f"DROP INDEX {quoted(part.name, database)}", part.definition)
    name = quoted(part.name, database)
    return _work(
        shim,
        title,
        f"{_alter(shim, database)} DROP CONSTRAINT {name}",
        f"{_alter(shim, database)} ADD CONSTRAINT {name} {part.definition}",
    )


def _drop_key(shim: Shim, table: Table, part: Part, title: str) -> Work:
    """MySQL: unique and primary keys are indexes; a column that counts up needs one."""
    if any("auto_increment" in table.columns[name].more.lower() for name in part.columns if name in table.columns):
        raise _cannot(shim, f"{', '.join(part.columns)} counts up and needs its key")
    if part.kind == "primary":
        add = f"{_alter(shim, 'mysql')} ADD {part.definition}"
        return _work(shim, title, f"{_alter(shim, 'mysql')} DROP PRIMARY KEY", add)
    drop = f"DROP INDEX {quoted(part.name, 'mysql')} ON {quoted(shim.table, 'mysql')}"
    return _work(shim, title, drop, part.definition)


def _aside(shim: Shim, table: Table, part: Part, title: str) -> Work:
    """SQLite: a constraint in the table's own text, which nothing checks when it comes back: so it is counted first."""
    text, blocks = "", ("", "")
    if part.kind == "foreign":
        text = sqlite_text.foreign_key(table.sql, part.columns)
        found = f"SELECT COUNT(*) AS found FROM pragma_foreign_key_check('{shim.table}')"  # noqa: S608
        blocks = (found, f"rows of {shim.table} refer to nothing")
    elif part.kind == "check":
        text = sqlite_text.check(table.sql, part.name)
    return _rewritten(shim, title, *sqlite_text.put_aside(text), blocks)


def _index_again(shim: Shim, table: Table, database: str) -> Work:
    title = f"build the index {shim.name} of {shim.table} again"
    if database != "pgsql":
        return _written(shim, title, database)
    name = quoted(shim.name, "pgsql")
    on = f"{quoted(shim.table, 'pgsql')} ({listed(shim.columns, 'pgsql')})"
    # Building it blocks no writes; an attempt that was cut off leaves an index that is not valid.
    drop = f"DROP INDEX IF EXISTS {name}"
    return _work(shim, title, (drop, f"CREATE INDEX CONCURRENTLY {name} ON {on}"), drop)


_BUILDERS: dict[str, Callable[[Shim, Table, str], Work]] = {
    "drop not null": _drop_not_null, "set default": _set_default, "json to jsonb": _to_jsonb,
    "add column back": _add_back, "old name": _old_name, "rename back": _rename_back, "drop unique": _drop_part,
    "drop primary": _drop_part, "drop foreign key": _drop_part, "drop check": _drop_part, "create index": _index_again,
}  # fmt: skip
