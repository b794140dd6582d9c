"""Calls that reach the database: Schema, $table, DB, queries and models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_lib.migrations.reading.acts import Arguments, Expected
from runbook_lib.migrations.reading.harmless import FUNCTIONS, READS, RUNNING, WRITES
from runbook_lib.migrations.reading.raw import unknown_function
from runbook_lib.migrations.reading.syntax import text
from runbook_lib.migrations.reading.values import (
    Blueprint,
    ByDriver,
    Closure,
    Connection,
    Definition,
    Dynamic,
    Query,
    Raw,
    SchemaBuilder,
    Value,
    is_literal,
    shown,
)
from runbook_lib.migrations.words import words

if TYPE_CHECKING:
    from tree_sitter import Node

    from runbook_lib.migrations.reading.reader import Reader

BASES = {"Migration", "Illuminate\\Database\\Migrations\\Migration"}

_SCHEMA_READS = words(
    """
    hasTable hasView hasColumn hasColumns hasIndex getColumnListing getColumnType getColumns getIndexes
    getIndexListing getForeignKeys getTables getTableListing getViews getTypes getAllTables getAllViews getSchemas
    getCurrentSchemaName getCurrentSchemaListing parseSchemaAndTable
    """
)
# Settings of the builder for the statements that follow; no column of an old table changes by them.
_SCHEMA_SETTINGS = words(
    """
    enableForeignKeyConstraints disableForeignKeyConstraints defaultStringLength defaultTimePrecision
    morphUsingUuids morphUsingUlids defaultMorphKeyType useNativeSchemaOperationsIfPossible
    ensureVectorExtensionExists ensureExtensionExists
    """
)
_SCHEMA_CHANGES = words(
    """
    drop dropIfExists dropColumns rename dropAllTables dropAllViews dropAllTypes dropDatabaseIfExists createDatabase
    """
)
_SCHEMA_GUARDS = {
    "whenTableHasColumn": "has", "whenTableDoesntHaveColumn": "lacks",
    "whenTableHasIndex": "has", "whenTableDoesntHaveIndex": "lacks",
}  # fmt: skip
_CONNECTION_READS = words(
    """
    select selectOne scalar selectFromWriteConnection selectResultSets cursor getDatabaseName getName getConfig
    getTablePrefix getDoctrineColumn getServerVersion isMaria getQueryGrammar getSchemaGrammar enableQueryLog
    disableQueryLog flushQueryLog getQueryLog beginTransaction commit rollBack transactionLevel getDefaultConnection
    escape reconnect purge disconnect
    """
)
_SQL = words(
    """
    statement unprepared update delete insert affectingStatement select selectOne scalar cursor
    selectFromWriteConnection selectResultSets
    """
)
# What else is looked for by its name.
METHODS = frozenset(
    {
        *_SCHEMA_READS, *_SCHEMA_SETTINGS, *_SCHEMA_CHANGES, *_SCHEMA_GUARDS, *_CONNECTION_READS, *_SQL, "create",
        "table", "createIfNotExists", "withoutForeignKeyConstraints", "connection", "getConnection", "transaction",
        "getDriverName", "getTablePrefix", "getSchemaBuilder", "raw", "listen", "getPdo", "getReadPdo",
    }
)  # fmt: skip


def call(reader: Reader, node: Node, owner: Value, method: str, arguments: Arguments) -> Value:
    """A method of Schema, DB, a query or a model."""
    if isinstance(owner, SchemaBuilder):
        return _schema(reader, node, owner, method, arguments)
    if isinstance(owner, Connection):
        return _connection(reader, node, owner, method, arguments)
    return _query(reader, node, owner, method, arguments)


def _schema(reader: Reader, node: Node, owner: SchemaBuilder, method: str, arguments: Arguments) -> Value:
    table = arguments.get(0, arguments.get("table"))
    if method in {"create", "table", "createIfNotExists"}:
        return _blueprint_closure(reader, node, owner, method, arguments)
    if method in _SCHEMA_CHANGES:
        reader.act("schema", method, table, arguments, node, connection=owner.connection)
        return None
    if method in _SCHEMA_READS:
        return Dynamic(text(node)[:200], "pure", expected=_expected(reader, owner, method, arguments))
    if method in _SCHEMA_SETTINGS:
        if method == "defaultStringLength":
            reader.usual_length = arguments.get(0, arguments.get("length"))
        return None
    if method in _SCHEMA_GUARDS:
        return _guarded_table(reader, node, owner, method, arguments)
    if method == "withoutForeignKeyConstraints":
        return reader.call(node, arguments.get(0))
    if method in {"connection", "setConnection"}:
        return SchemaBuilder(arguments.get(0, ""))
    if method == "getConnection":
        return Connection(owner.connection)
    return reader.unread(node, f"Schema::{method}() is not known")


def _expected(reader: Reader, owner: SchemaBuilder, method: str, arguments: Arguments) -> bool | None:
    """What hasTable, hasColumn and hasColumns answer."""
    if owner.connection or method not in {"hasTable", "hasColumn", "hasColumns"}:
        return None
    table = arguments.get(0, arguments.get("table"))
    if method == "hasTable":
        return reader.there(table)
    asked = arguments.get(1, arguments.get("column", arguments.get("columns")))
    return reader.there(table, list(asked.values()) if isinstance(asked, dict) else [asked])


def _blueprint_closure(reader: Reader, node: Node, owner: SchemaBuilder, method: str, arguments: Arguments) -> Value:
    table = arguments.get(0, arguments.get("table"))
    callback = arguments.get(1, arguments.get("callback"))
    creates = method != "table"
    if creates:
        reader.act("schema", "create", table, {0: table}, node, connection=owner.connection)
    if not isinstance(callback, Closure):
        return reader.unread(node, "the closure is not written here")
    before = len(reader.acts)
    reader.call(node, callback, Blueprint(table, creates))
    for act in reader.acts[before:]:
        if act.verb == "blueprint" and not act.connection:
            act.connection = owner.connection
    return None


def _guarded_table(reader: Reader, node: Node, owner: SchemaBuilder, method: str, arguments: Arguments) -> Value:
    table = arguments.get(0, arguments.get("table"))
    callback = arguments.get(2, arguments.get("callback"))
    asked = arguments.get(1, arguments.get("column", arguments.get("index")))
    words = f"if {shown(table)} {_SCHEMA_GUARDS[method]} {shown(asked)}"
    known = reader.there(table, [asked]) if method.endswith("Column") and not owner.connection else None
    with reader.guarded(Expected(words) if known is (_SCHEMA_GUARDS[method] == "has") else words):
        reader.call(node, callback, Blueprint(table, False))
    return None


def blueprint(reader: Reader, node: Node, owner: Blueprint, method: str, arguments: Arguments) -> Value:
    """A method of $table: a column, a command, or a few that only group others."""
    if method in {"after"}:
        return reader.call(node, arguments.get(1, arguments.get("callback")), owner)
    if method == "getTable":
        return owner.table
    if method in {"getColumns", "getCommands", "getConnection", "hasColumn"}:
        return Dynamic(text(node)[:80], "pure")
    if method in {"string", "char"} and reader.usual_length is not None and {1, "length"}.isdisjoint(arguments):
        arguments = {**arguments, 1: reader.usual_length}
    act = reader.act("blueprint", method, owner.table, arguments, node, creates=owner.creates)
    return Definition(act)


def _connection(reader: Reader, node: Node, owner: Connection, method: str, arguments: Arguments) -> Value:
    first = arguments.get(0)
    if method == "table":
        return Query(Dynamic(f"{shown(first)} on {shown(owner.name)}") if owner.name else first)
    if method in {"raw"}:
        return Raw(first)
    if method in {"connection", "setDefaultConnection"}:
        return Connection(arguments.get(0, "")) if method == "connection" else reader.unread(node, "another connection")
    if method in {"transaction", "beginTransaction"}:
        reader.within = True  # and after it, to be sure
    if method in {"transaction", "withoutPretending", "pretend", "afterCommit", "withoutTablePrefix"}:
        return reader.call(node, first, owner)
    if method == "getDriverName":
        own = owner.name is None or owner.name == ""
        return reader.driver if own else Dynamic("the other database's driver", "pure", fixed=True)
    if method == "getTablePrefix":
        return ""  # tables are named here without the prefix
    if method == "getSchemaBuilder":
        return SchemaBuilder(owner.name)
    if method in _SQL:
        _statement(reader, node, owner, method, _sql(first))
        return Dynamic(text(node)[:200], "rows")
    if method == "listen":
        with reader.guarded("for each query that follows"):
            reader.call(node, first, Dynamic("a query", "pure"))
        return None
    if method == "query":
        return Query(None)
    if method in {"getPdo", "getReadPdo", "getRawPdo"}:
        return Dynamic("the PDO", "pdo")
    if method in {"getDoctrineSchemaManager", "getDoctrineConnection"}:
        return Dynamic("Doctrine's manager", "doctrine")
    if method in _CONNECTION_READS:
        return Dynamic(text(node)[:200], "pure")
    return reader.unread(node, f"DB::{method}() is not known")


def _statement(reader: Reader, node: Node, owner: Connection, method: str, sql: Value) -> None:
    """SQL that differs between drivers is as many statements."""
    if not isinstance(sql, ByDriver):
        reader.act("sql", method, None, {0: sql}, node, connection=owner.name)
        return
    held = {driver: sql.on(driver) for driver in sorted(reader.drivers)}
    for said in dict.fromkeys(map(shown, held.values())):
        chosen = {driver: value for driver, value in held.items() if shown(value) == said}
        with reader.on(chosen):
            reader.act("sql", method, None, {0: next(iter(chosen.values()))}, node, connection=owner.name)


def pdo(reader: Reader, node: Node, method: str, arguments: Arguments) -> Value:
    if method in {"exec", "query", "prepare"}:
        reader.act("sql", method, None, {0: arguments.get(0)}, node)
        return Dynamic(text(node)[:200], "pure")
    if method in {"setAttribute", "getAttribute", "quote", "inTransaction", "lastInsertId", "errorInfo"}:
        return Dynamic(text(node)[:200], "pure")
    return reader.unread(node, f"PDO::{method}() is not known")


def _sql(value: Value) -> Value:
    return value.sql if isinstance(value, Raw) else value


def _query(reader: Reader, node: Node, owner: Query, method: str, arguments: Arguments) -> Value:
    """A query is built and read freely; what writes is an act. Closures run for each row, or build the query."""
    if method in {"updateOrInsert", "update", "insert"} and owner.table is None and not owner.model:
        return reader.unread(node, "the query's table is not known")
    if called := next(filter(None, map(unknown_function, _pieces(method, arguments))), ""):
        reader.unread(node, f"what {called}() does in the database is not known")
    kind = WRITES.get(method)
    if kind:
        _write(reader, node, owner, kind, method, arguments)
        _closures(reader, method, arguments, owner)
        return Dynamic(text(node)[:200], "rows")
    if method == "from":
        owner.table = arguments.get(0)
        return owner
    owner.joined = owner.joined or "join" in method.lower()
    if method == "fromSub":
        return Query(None, "a query")
    if method == "getTable":
        return Dynamic(f"the table of {owner.model}", "pure", fixed=True)
    if method in {"getKeyName", "getConnectionName", "getForeignKey"}:
        return Dynamic(f"{method}() of {owner.model}", "pure", fixed=True)
    if method in RUNNING and not _runs_closures(arguments):
        return reader.unread(node, "which function is called is known only when it runs")
    if method in READS or method in WRITES or method in {"firstOrNew"}:
        _closures(reader, method, arguments, owner)
        return owner if method in _BUILDS or method.startswith(("where", "orWhere")) else _rows(node, owner)
    if not arguments and owner.model and _written_to(node):
        return Query(None, f"{owner.model}->{method}()")  # a relation: what is written is said of it
    return reader.unread(node, f"{method}() is not known")


def _written_to(node: Node) -> bool:
    """Whether the query that a call gives ends in a write."""
    caller = node.parent
    while (
        caller is not None and caller.type == "member_call_expression" and caller.child_by_field_name("object") == node
    ):
        name = caller.child_by_field_name("name")
        method = text(name) if name is not None else ""
        if WRITES.get(method):
            return True
        if method not in READS:
            return False
        node, caller = caller, caller.parent
    return False


def _pieces(method: str, arguments: Arguments) -> list[Value]:
    """The SQL in the arguments of a query's method."""
    given = list(arguments.values())
    given += [item for value in given if isinstance(value, dict) for item in value.values()]
    found = [value.sql for value in given if isinstance(value, Raw)]
    return [*found, arguments.get(0)] if method.endswith("Raw") else found


_BUILDS = words(
    """
    query select selectRaw addSelect distinct join leftJoin rightJoin crossJoin orderBy orderByDesc latest oldest
    limit take skip offset groupBy having havingRaw with without withTrashed onlyTrashed withoutGlobalScope
    withoutGlobalScopes newQuery newModelQuery on toBase getQuery when unless from lockForUpdate sharedLock tap
    clone has orHas orderByRaw union unionAll joinSub leftJoinSub fromSub reorder inRandomOrder setConnection
    """
)


def _rows(node: Node, owner: Query) -> Dynamic:
    return Dynamic(owner.model or text(node)[:80], "rows")


def _write(reader: Reader, node: Node, owner: Query, kind: str, method: str, arguments: Arguments) -> None:
    given = arguments.get(0)
    if method in {"increment", "decrement"}:
        columns: Value = {0: given} if isinstance(given, str) and len(arguments) < 3 else None
    elif method == "update" and isinstance(given, dict) and all(isinstance(key, str) for key in given):
        columns = dict(enumerate(given))
    else:
        columns = None
    reader.act("rows", kind, _written(owner, columns), {"columns": columns, "model": owner.model, "call": method}, node)


def _written(owner: Query, columns: Value) -> Value:
    """The table that is written to. Where others are joined, MySQL writes to whichever has the column."""
    own = isinstance(columns, dict) and all(name.startswith(f"{owner.table}.") for name in columns.values())
    joined = owner.joined and owner.table is not None and not own
    return Dynamic(f"{shown(owner.table)}, joined") if joined else owner.table


def _runs_closures(arguments: Arguments) -> bool:
    """What each(), map() and the like are given is read here, or a harmless function, or a number of rows."""
    return all(
        isinstance(value, Closure | int | float | type(None))
        or (isinstance(value, str) and (position or value.lower() in FUNCTIONS))
        or (isinstance(value, Dynamic) and value.kind == "pure")
        for position, value in enumerate(arguments.values())
    )


def _closures(reader: Reader, method: str, arguments: Arguments, owner: Query) -> None:
    builds = method in _BUILDS or method.startswith(("where", "orWhere", "has"))
    values = list(arguments.values())
    values += [item for value in values if isinstance(value, dict) for item in value.values()]
    for value in values:
        if not isinstance(value, Closure):
            continue
        given: Value = Query(owner.table, owner.model or "a query") if builds else _rows(value.node, owner)
        given = owner if method in {"when", "unless", "tap"} else given
        with reader.guarded(*([] if method in {"tap"} else [f"for what {method}() gives"])):
            reader.call(value.node, value, given, Dynamic("the key", "pure"))


def literal_sql(value: Value) -> str | None:
    """The text of a statement when all of it is known."""
    value = _sql(value)
    return value if is_literal(value) and isinstance(value, str) else None
