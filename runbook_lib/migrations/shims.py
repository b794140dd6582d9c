"""Shims: what lets older code run on the newer schema without taking the migration back.

Pure functions: they say what would be done, as data and as SQL for each database, with the way back, as far as the
text of the migrations tells. A statement that cannot be written without knowing more is left out; the note says what
is missing. `runbook_lib.migrations.shimming` makes them out for a schema that was read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from runbook_lib.migrations.changes import Change, Column
from runbook_lib.schema.quoting import listed, literal, quoted

DATABASES = ("mysql", "pgsql", "sqlite")

_MYSQL = {
    "bigInteger": "bigint", "integer": "int", "mediumInteger": "mediumint", "smallInteger": "smallint",
    "tinyInteger": "tinyint", "boolean": "tinyint(1)", "string": "varchar", "char": "char", "text": "text",
    "mediumText": "mediumtext", "longText": "longtext", "tinyText": "tinytext", "json": "json", "jsonb": "json",
    "date": "date", "dateTime": "datetime", "dateTimeTz": "datetime", "timestamp": "timestamp",
    "timestampTz": "timestamp", "time": "time", "uuid": "char(36)", "ulid": "char(26)", "float": "double",
    "double": "double", "decimal": "decimal", "binary": "blob", "year": "year", "ipAddress": "varchar(45)",
    "macAddress": "varchar(17)",
}  # fmt: skip
_PGSQL = {
    **_MYSQL, "integer": "integer", "mediumInteger": "integer", "tinyInteger": "smallint", "boolean": "boolean",
    "mediumText": "text", "longText": "text", "tinyText": "varchar(255)", "jsonb": "jsonb",
    "dateTime": "timestamp(0) without time zone", "dateTimeTz": "timestamp(0) with time zone",
    "timestamp": "timestamp(0) without time zone", "timestampTz": "timestamp(0) with time zone",
    "time": "time(0) without time zone", "uuid": "uuid", "float": "double precision", "double": "double precision",
    "binary": "bytea", "year": "integer", "ipAddress": "inet", "macAddress": "macaddr",
}  # fmt: skip
_ALIASES = {
    "foreignId": "unsignedBigInteger", "foreignIdFor": "unsignedBigInteger", "foreignUuid": "uuid",
    "foreignUlid": "ulid", "softDeletes": "timestamp",
}  # fmt: skip


@dataclass(frozen=True)
class Shim:
    """One shim. kind: what it does; columns: that it is about; name: of an index or constraint, or the new name of what
    was renamed; definition: the column's type in Laravel's words, if it is known.

    sql, undo: statements by database; a database that is missing has none. note: what to know before.
    """

    kind: str
    table: str
    columns: tuple[str, ...] = ()
    name: str = ""
    definition: str = ""
    sql: dict[str, tuple[str, ...]] = None  # type: ignore[assignment]
    undo: dict[str, tuple[str, ...]] = None  # type: ignore[assignment]
    note: str = ""

    @property
    def column(self) -> str:
        return ", ".join(self.columns)

    @property
    def facts(self) -> dict[str, Any]:
        return asdict(self)


def shims_of(change: Change, kind: str, before: Column | None = None) -> tuple[Shim, ...]:
    """The shims for a change of a kind. before: the column as it was, where older code needs it back."""
    if not change.fixed or not (change.table or change.name):
        return ()
    builders = {
        "add required column": _make_nullable, "make required": _make_nullable, "remove default": _give_default,
        "add json column": _to_jsonb, "drop column": _add_back, "drop timestamps": _add_back,
        "drop soft deletes": _add_back, "rename table": _view, "rename column": _rename_back,
        "add unique": _drop_index, "add primary": _drop_primary, "add foreign key": _drop_foreign,
        "add check": _drop_check, "drop index": _index_again, "drop fulltext": _index_again,
    }  # fmt: skip
    build = builders.get(kind)
    return tuple(build(change, before)) if build is not None else ()


def sql_type(column: Column | None, database: str) -> str:
    """The type of a column in a database's words; "" when it is not known."""
    if column is None:
        return ""
    name = _ALIASES.get(column.type, column.type)
    unsigned = column.unsigned or name.startswith("unsigned")
    name = name.removeprefix("unsigned")
    name = name[:1].lower() + name[1:]
    found = (_PGSQL if database == "pgsql" else _MYSQL).get(name, "")
    if name in {"string", "char"}:
        length = column.arguments[0] if column.arguments and isinstance(column.arguments[0], int) else 255
        return f"{found}({length})"
    if name == "decimal":
        numbers = [str(a) for a in column.arguments if isinstance(a, int)] or ["8", "2"]
        return f"decimal({', '.join(numbers)})"
    if name in {"enum", "set"} and database == "mysql":
        values = column.arguments[0] if column.arguments else None
        return f"{name}({', '.join(literal(v, database) for v in values)})" if isinstance(values, tuple) else ""
    if name == "enum":
        return "varchar(255)"
    return f"{found} unsigned" if found and unsigned and database == "mysql" and "int" in found else found


def _statements(mysql: str = "", pgsql: str = "", sqlite: str = "") -> dict[str, tuple[str, ...]]:
    given = {"mysql": mysql, "pgsql": pgsql, "sqlite": sqlite}
    return {database: (statement,) for database, statement in given.items() if statement}


def _alter(change: Change, database: str) -> str:
    return f"ALTER TABLE {quoted(change.table, database)}"


def _make_nullable(change: Change, before: Column | None) -> list[Shim]:
    found = []
    for name in change.columns:
        column = change.column if change.column is not None and change.column.name == name else None
        kind = sql_type(column, "mysql")
        my, pg = _alter(change, "mysql"), _alter(change, "pgsql")
        mine, posted = quoted(name, "mysql"), quoted(name, "pgsql")
        sql = _statements(
            f"{my} MODIFY {mine} {kind} NULL" if kind else "", f"{pg} ALTER COLUMN {posted} DROP NOT NULL"
        )
        undo = _statements(
            f"{my} MODIFY {mine} {kind} NOT NULL" if kind else "", f"{pg} ALTER COLUMN {posted} SET NOT NULL"
        )
        note = "the newer code may meet NULLs; fill them before going forward again"
        found.append(Shim("drop not null", change.table, (name,), "", _defined(column), sql, undo, note))
    return found


def _defined(column: Column | None) -> str:
    if column is None:
        return ""
    return f"{column.type}({', '.join(map(str, column.arguments))})" if column.arguments else column.type


def _give_default(change: Change, before: Column | None) -> list[Shim]:
    if before is None or not isinstance(before.default_value, str | int | float | bool):
        return []
    raw = before.type.startswith("sql ") or not isinstance(before.default_value, str)
    value = {d: str(before.default_value) if raw else literal(before.default_value, d) for d in ("mysql", "pgsql")}
    found = []
    for name in change.columns:
        sql = {d: f"{_alter(change, d)} ALTER COLUMN {quoted(name, d)} SET DEFAULT {value[d]}" for d in value}
        undo = {d: f"{_alter(change, d)} ALTER COLUMN {quoted(name, d)} DROP DEFAULT" for d in value}
        found.append(
            Shim(
                "set default", change.table, (name,), value["pgsql"], _defined(before), _statements(**sql),
                _statements(**undo), "rows that were written without it stay as they are",
            )
        )  # fmt: skip
    return found


def _to_jsonb(change: Change, before: Column | None) -> list[Shim]:
    found = []
    for name in change.columns:
        column, alter = quoted(name, "pgsql"), _alter(change, "pgsql")
        sql = _statements(pgsql=f"{alter} ALTER COLUMN {column} TYPE jsonb USING {column}::jsonb")
        undo = _statements(pgsql=f"{alter} ALTER COLUMN {column} TYPE json USING {column}::json")
        found.append(Shim("json to jsonb", change.table, (name,), "", "jsonb", sql, undo, "rewrites the table"))
    return found


def _add_back(change: Change, before: Column | None) -> list[Shim]:
    found = []
    for name in change.columns:
        timed = change.kind in {"drop timestamps", "drop soft deletes"} or name in {
            "created_at",
            "updated_at",
            "deleted_at",
        }
        column = before if before is not None and before.name == name else Column(name, "timestamp") if timed else None
        sql = {
            d: f"{_alter(change, d)} ADD COLUMN {quoted(name, d)} {sql_type(column, d)} NULL"
            for d in DATABASES
            if sql_type(column, d)
        }
        undo = {d: f"{_alter(change, d)} DROP COLUMN {quoted(name, d)}" for d in sql}
        note = "older code runs, on an empty column: its values are in the backup only"
        note += "" if sql else "; its type is not known here"
        found.append(
            Shim(
                "add column back",
                change.table,
                (name,),
                "",
                _defined(column),
                _statements(**sql),
                _statements(**undo),
                note,
            )
        )
    return found


def _view_of(name: str, table: str) -> str:
    return " ".join(("CREATE VIEW", name, "AS SELECT * FROM", table))


def _view(change: Change, before: Column | None) -> list[Shim]:
    sql = {d: _view_of(quoted(change.table, d), quoted(change.to, d)) for d in ("mysql", "pgsql")}
    undo = {d: f"DROP VIEW {quoted(change.table, d)}" for d in sql}
    sql["sqlite"], undo["sqlite"] = (
        f"ALTER TABLE {quoted(one, 'sqlite')} RENAME TO {quoted(other, 'sqlite')}"
        for one, other in ((change.to, change.table), (change.table, change.to))
    )
    note = (
        "the view takes reads and writes; TRUNCATE and ALTER under the old name fail. SQLite, whose views only read: "
    )
    note += "the table gets its old name back, and the newer code stops working at that moment"
    return [Shim("old name", change.table, (), change.to, "", _statements(**sql), _statements(**undo), note)]


def _rename_back(change: Change, before: Column | None) -> list[Shim]:
    old = change.columns[0]
    sql = {d: f"{_alter(change, d)} RENAME COLUMN {quoted(change.to, d)} TO {quoted(old, d)}" for d in DATABASES}
    undo = {d: f"{_alter(change, d)} RENAME COLUMN {quoted(old, d)} TO {quoted(change.to, d)}" for d in DATABASES}
    note = "the newer code stops working at that moment: stop it first"
    return [Shim("rename back", change.table, (old,), change.to, "", _statements(**sql), _statements(**undo), note)]


def _drop_index(change: Change, before: Column | None) -> list[Shim]:
    if not change.name:
        return []
    sql = _statements(
        f"{_alter(change, 'mysql')} DROP INDEX {quoted(change.name, 'mysql')}",
        f"{_alter(change, 'pgsql')} DROP CONSTRAINT {quoted(change.name, 'pgsql')}",
        f"DROP INDEX {quoted(change.name, 'sqlite')}",
    )
    undo = _unique_again(change)
    note = "PostgreSQL: DROP INDEX instead, when it was made as an index. Count the duplicates before the way back"
    return [Shim("drop unique", change.table, change.columns, change.name, "", sql, undo, note)]


def _listed(change: Change, database: str) -> str:
    return listed(change.columns, database)


def _unique_again(change: Change) -> dict[str, tuple[str, ...]]:
    if not change.columns:
        return {}
    return _statements(
        f"{_alter(change, 'mysql')} ADD UNIQUE {quoted(change.name, 'mysql')} ({_listed(change, 'mysql')})",
        f"{_alter(change, 'pgsql')} ADD CONSTRAINT {quoted(change.name, 'pgsql')} UNIQUE ({_listed(change, 'pgsql')})",
        f"CREATE UNIQUE INDEX {quoted(change.name, 'sqlite')} ON {quoted(change.table, 'sqlite')}"
        f" ({_listed(change, 'sqlite')})",
    )


def _drop_primary(change: Change, before: Column | None) -> list[Shim]:
    if not change.columns:
        return []
    key = f"{change.table}_pkey"
    sql = _statements(
        f"{_alter(change, 'mysql')} DROP PRIMARY KEY",
        f"{_alter(change, 'pgsql')} DROP CONSTRAINT {quoted(key, 'pgsql')}",
    )
    undo = {d: f"{_alter(change, d)} ADD PRIMARY KEY ({_listed(change, d)})" for d in ("mysql", "pgsql")}
    return [Shim("drop primary", change.table, change.columns, "", "", sql, _statements(**undo), "rewrites the table")]


def _drop_foreign(change: Change, before: Column | None) -> list[Shim]:
    if not change.name:
        return []
    sql = _statements(
        f"{_alter(change, 'mysql')} DROP FOREIGN KEY {quoted(change.name, 'mysql')}",
        f"{_alter(change, 'pgsql')} DROP CONSTRAINT {quoted(change.name, 'pgsql')}",
    )
    note = "the way back: add it again from the migration, after the orphans were counted"
    return [Shim("drop foreign key", change.table, change.columns, change.name, "", sql, {}, note)]


def _drop_check(change: Change, before: Column | None) -> list[Shim]:
    if not change.name:
        return []
    sql = _statements(
        f"{_alter(change, 'mysql')} DROP CONSTRAINT {quoted(change.name, 'mysql')}",
        f"{_alter(change, 'pgsql')} DROP CONSTRAINT {quoted(change.name, 'pgsql')}",
    )
    return [Shim("drop check", change.table, change.columns, change.name, "", sql, {}, "")]


def _index_again(change: Change, before: Column | None) -> list[Shim]:
    if not change.columns or not change.name:
        return []
    full = "FULLTEXT " if change.kind == "drop fulltext" else ""
    sql = {
        d: f"CREATE {full}INDEX {quoted(change.name, d)} ON {quoted(change.table, d)} ({_listed(change, d)})"
        for d in DATABASES
        if not full or d == "mysql"
    }
    undo = {
        d: f"DROP INDEX {quoted(change.name, d)}" + (f" ON {quoted(change.table, d)}" if d == "mysql" else "")
        for d in sql
    }
    return [
        Shim("create index", change.table, change.columns, change.name, "", _statements(**sql), _statements(**undo))
    ]
