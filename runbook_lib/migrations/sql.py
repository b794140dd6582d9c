"""Raw SQL to changes, by a parser of SQL. What it does not know ends as "unread"."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from runbook_lib.command import printable
from runbook_lib.migrations.altering import alter, table_of
from runbook_lib.migrations.changes import Change
from runbook_lib.migrations.reading.raw import computes

if TYPE_CHECKING:
    from sqlglot import exp

_DIALECTS = {
    "mysql": ("mysql",),
    "mariadb": ("mysql",),
    "pgsql": ("postgres",),
    "sqlite": ("sqlite",),
    "": ("mysql", "postgres", "sqlite"),
}
LIMIT = 200_000

# Statements that the parser takes for a command it does not know, matched as a whole: nothing hides in them.
_NAME = r"[`\"\[]?([\w.$-]+)[`\"\]]?"
_PLAIN = (
    (re.compile(rf"RENAME\s+TABLE\s+{_NAME}\s+TO\s+{_NAME}", re.I), "rename table"),
    (re.compile(r"CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?[\w\"-]+", re.I), "session setting"),
    (re.compile(r"(?:UN)?LOCK\s+TABLES?(?:\s+[\w`, ]+)?", re.I), "session setting"),
    (re.compile(r"(?:BEGIN|START\s+TRANSACTION|COMMIT)(?:\s+WORK)?", re.I), "session setting"),
    (re.compile(r"(?:ANALYZE|OPTIMIZE|VACUUM|REINDEX)(?:\s+[\w`\" ]+)?", re.I), "session setting"),
    (re.compile(rf"CREATE\s+(?:FULLTEXT|SPATIAL)\s+INDEX\s+{_NAME}\s+ON\s+{_NAME}\s*\([\w\s`,()]+\)", re.I), "index"),
)  # fmt: skip
_SETTINGS = re.compile(
    r"(?:foreign_key_checks|sql_mode|unique_checks|sql_require_primary_key|names|time_zone|lock_timeout|"
    r"statement_timeout|innodb_strict_mode|group_concat_max_len|constraints|sql_safe_updates|explicit_defaults_for_timestamp)",
    re.I,
)


@cache
def _parser() -> Any:
    import sqlglot

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of each command that it does not know
    return sqlglot


def statements(text: str, database: str) -> list[Change]:
    """The changes that a text of SQL makes."""
    if not text.strip():
        return []
    if len(text) > LIMIT:
        return [_unread(text, f"the SQL has more than {LIMIT:,} characters")]
    if "/*!" in text or "/*M!" in text:
        return [_unread(text, "MySQL runs what is in the comment")]
    parsed = _parsed(text, database)
    if parsed is None:
        return _known_words(text)
    found: list[Change] = []
    for statement in parsed:
        if statement is not None:
            found += _of(statement, database, text)
    return found


def _unread(text: str, why: str) -> Change:
    return Change("unread", "", call=printable(" ".join(text.split()), 160), why=why)


def _parsed(text: str, database: str) -> list[Any] | None:
    """The statements, in the first dialect that knows all of them."""
    sqlglot = _parser()
    best = None
    for dialect in _DIALECTS.get(database, _DIALECTS[""]):
        try:
            parsed = sqlglot.parse(text, dialect=dialect)
        except (sqlglot.errors.SqlglotError, RecursionError, ValueError):
            continue
        if not any(isinstance(statement, sqlglot.exp.Command) for statement in parsed):
            return list(parsed)
        best = best or list(parsed)
    return best


_RECODED = (
    re.compile(
        rf"ALTER\s+TABLE\s+{_NAME}\s+(?:CONVERT\s+TO\s+)(?:CHARACTER\s+SET|CHARSET)\s*=?\s*\w+(?:\s+COLLATE\s*=?\s*\w+)?",
        re.I,
    ),
    re.compile(
        rf"ALTER\s+(?:DATABASE|SCHEMA)(?:\s+{_NAME})?\s+(?:DEFAULT\s+)?(?:CHARACTER\s+SET|CHARSET)\s*=?\s*\w+"
        r"(?:\s+COLLATE\s*=?\s*\w+)?",
        re.I,
    ),
)


def _known_words(text: str) -> list[Change]:
    """A statement that the parser does not know, recognised as a whole."""
    words = text.strip().rstrip(";").strip()
    if match := _RECODED[0].fullmatch(words):
        return [Change("change type", match[1], call=words)]
    if _RECODED[1].fullmatch(words):  # what is new gets it, what is there keeps its own
        return [Change("change table options", "", call=words)]
    for pattern, kind in _PLAIN:
        match = pattern.fullmatch(words)
        if match and kind == "rename table":
            return [Change(kind, match[1], to=match[2], call=words)]
        if match and kind == "index":
            return [Change("add index", match[2], name=match[1], call=words)]
        if match:
            return [Change(kind, "", call=words)]
    return [_unread(text, "this SQL is not understood")]


def _of(statement: exp.Expression, database: str, text: str) -> Iterator[Change]:
    from sqlglot import exp

    call = printable(" ".join(text.split()), 160)
    if isinstance(statement, exp.Command):
        yield from _known_words(f"{statement.this} {_words(statement)}")
    elif isinstance(statement, exp.Alter):
        yield from alter(statement, call)
    elif isinstance(statement, exp.Create):
        yield _create(statement, call)
    elif isinstance(statement, exp.Drop):
        yield from _drop(statement, call)
    elif isinstance(statement, exp.Set):
        yield _set(statement, call)
    elif isinstance(statement, exp.Pragma | exp.Comment | exp.Analyze | exp.Commit | exp.Transaction):
        plain = not isinstance(statement, exp.Pragma) or "writable_schema" not in statement.sql().lower()
        yield Change("session setting" if plain else "unread", "", call=call, why="" if plain else "a pragma")
    elif isinstance(statement, exp.Select | exp.Union | exp.Show | exp.Describe):
        yield from _select(statement, call)
    else:
        yield from _rows(statement, call)


def _words(statement: exp.Expression) -> str:
    given = statement.args.get("expression")
    return str(getattr(given, "this", given) or "").strip()


def _select(statement: exp.Expression, call: str) -> Iterator[Change]:
    """A SELECT reads; the functions in it may write."""
    from sqlglot import exp

    unknown = [f.name for f in statement.find_all(exp.Anonymous) if not _harmless(f)]
    if unknown:
        yield Change("unread", "", call=call, why=f"what {unknown[0]}() does is not known")
    elif statement.find(exp.Into, exp.Insert, exp.Update, exp.Delete, exp.Command) is not None:
        yield Change("unread", "", call=call, why="this SELECT writes")


def _harmless(function: exp.Expression) -> bool:
    """setval() is, where it sets a sequence behind the rows that there are: with false, it gives that number itself."""
    from sqlglot import exp

    if function.name.lower() == "setval":
        behind = len(function.expressions) == 2 or function.find(exp.Add) is not None
        return behind and function.find(exp.Max) is not None and function.find(exp.Sub) is None
    return function.name.lower() in {"nextval", "version", "pg_get_serial_sequence"}


def _set(statement: exp.Expression, call: str) -> Change:
    said = statement.sql().lower()
    plain = "global" not in said and "persist" not in said and _SETTINGS.search(said) is not None
    return Change(
        "session setting" if plain else "unread", "", call=call, why="" if plain else "a setting of the server"
    )


def _rows(statement: exp.Expression, call: str) -> Iterator[Change]:
    from sqlglot import exp

    table = _written(statement)
    writing = (exp.Command, exp.Insert, exp.Update, exp.Delete, exp.Merge)
    if any(node is not statement for node in statement.find_all(*writing)):
        yield _unread(call, "this SQL is not understood")
    elif called := next((f.name for f in statement.find_all(exp.Anonymous) if not computes(f.name)), ""):
        yield _unread(call, f"what {called}() does is not known")
    elif isinstance(statement, exp.Insert):
        kind = "change rows" if statement.args.get("conflict") or statement.args.get("overwrite") else "insert rows"
        yield Change(kind, table_of(statement.this), call=call)
    elif isinstance(statement, exp.Update):
        names = [_assigned(assigned) for assigned in statement.expressions]
        yield Change("change rows", table, tuple(names) if table and all(names) else (), call=call)
    elif isinstance(statement, exp.Delete):
        yield Change("delete rows", table, call=call)
    elif isinstance(statement, exp.TruncateTable):
        cascades = statement.args.get("option") == "CASCADE"
        for named in statement.expressions:
            yield Change("delete rows", "" if cascades else table_of(named), call=call)
    else:
        yield _unread(call, "this SQL is not understood")


def _written(statement: exp.Expression) -> str:
    """The table that an UPDATE or DELETE writes to; "" where it names several, of which it may write to any."""
    from sqlglot import exp

    one = statement.this
    alone = isinstance(one, exp.Table) and not one.args.get("joins") and not statement.args.get("tables")
    return table_of(one) if alone else ""


def _assigned(node: exp.Expression) -> str:
    return node.this.name if node.this is not None else ""


def _create(statement: exp.Expression, call: str) -> Change:
    from sqlglot import exp

    kind = str(statement.args.get("kind") or "").upper()
    if statement.find(exp.InheritsProperty, exp.PartitionedOfProperty) is not None:
        return Change("unread", "", call=call, why="its rows are rows of another table, too")
    if kind == "TABLE" and not statement.args.get("replace"):
        exists = bool(statement.args.get("exists")) or statement.find(exp.TemporaryProperty) is not None
        return Change("create table", table_of(statement.this), call=call, guards=(), exists=exists)
    if kind == "INDEX":
        index = statement.find(exp.Index)
        unique = bool(statement.args.get("unique"))
        columns = _columns_of(index) if index is not None else ()
        table = table_of(index.args.get("table")) if index is not None and index.args.get("table") else ""
        name = index.name if index is not None else ""
        plain = index is not None and _plain_index(index)
        if unique and index is not None and not (plain and set(columns) <= _indexed(index)):
            columns = ()  # of NULL an expression may make a value, and what WHERE names is not compared
        kind = "add unique" if unique else "add index" if plain else "add expression index"
        return Change(kind, table, columns, call=call, name=name)
    if kind in {"VIEW", "SCHEMA", "TYPE", "SEQUENCE"} and not statement.args.get("replace"):
        return Change("create view", table_of(statement.this), call=call)
    return Change("unread", "", call=call, why=f"CREATE {kind} may change what older code does")


def _columns_of(index: exp.Expression) -> tuple[str, ...]:
    """The columns that an index names, also those that it only carries along: they count for its size."""
    from sqlglot import exp

    params = index.args.get("params")
    carried = (params.args.get("include") or []) if params is not None else []
    return tuple(column.name for column in (*index.find_all(exp.Column), *carried))


def _indexed(index: exp.Expression) -> set[str]:
    """The columns of an index, without those that only its WHERE names."""
    from sqlglot import exp

    params = index.args.get("params")
    parts = (params.args.get("columns") or []) if params is not None else []
    return {column.name for part in parts for column in part.find_all(exp.Column)}


def _plain_index(index: exp.Expression) -> bool:
    """It is of columns, of parts of them or of letters made alike, and its WHERE computes nothing: it cannot fail."""
    from sqlglot import exp

    params = index.args.get("params")
    computing = (exp.Cast, exp.Div, exp.Mod, exp.Func)
    where = params.args.get("where") if params is not None else None
    if where is not None and any(not isinstance(f, exp.And | exp.Or) for f in where.find_all(*computing)):
        return False
    for part in (params.args.get("columns") or []) if params is not None else []:
        inner = part.this if isinstance(part, exp.Ordered) else part
        inner = (
            inner.this if isinstance(inner, exp.Opclass | exp.Paren | exp.Lower | exp.Upper | exp.Collate) else inner
        )
        prefix = isinstance(inner, exp.Anonymous) and all(isinstance(e, exp.Literal) for e in inner.expressions)
        if not (isinstance(inner, exp.Column | exp.Identifier) or prefix):
            return False
    return True


def _drop(statement: exp.Expression, call: str) -> Iterator[Change]:
    kind = str(statement.args.get("kind") or "").upper()
    tables = statement.args.get("tables") or []
    for node in tables:
        if kind == "TABLE" and not statement.args.get("temporary"):
            yield Change("drop table", table_of(node), call=call, exists=bool(statement.args.get("exists")))
        elif kind == "INDEX":
            yield Change("drop unique", "", call=call, name=table_of(node))
        elif kind == "VIEW":
            yield Change("drop view", table_of(node), call=call)
        else:
            yield Change("unread", "", call=call, why=f"what DROP {kind} takes away is not known")
    if not tables:
        yield Change("unread", "", call=call, why="this SQL is not understood")
