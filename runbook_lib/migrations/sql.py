"""Raw SQL to changes, by a parser of SQL. What it does not know ends as "unread"."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from runbook_lib.command import printable
from runbook_lib.migrations.changes import Change, Column

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
        yield from _alter(statement, call)
    elif isinstance(statement, exp.Create):
        yield _create(statement, call)
    elif isinstance(statement, exp.Drop):
        yield from _drop(statement, call)
    elif isinstance(statement, exp.Set):
        yield _set(statement, call)
    elif isinstance(statement, exp.Pragma | exp.Comment | exp.Analyze | exp.Commit | exp.Transaction):
        plain = not isinstance(statement, exp.Pragma) or "writable_schema" not in call.lower()
        yield Change("session setting" if plain else "unread", "", call=call, why="" if plain else "a pragma")
    elif isinstance(statement, exp.Select | exp.Union | exp.Show | exp.Describe):
        yield from _select(statement, call)
    else:
        yield _rows(statement, call)


def _words(statement: exp.Expression) -> str:
    given = statement.args.get("expression")
    return str(getattr(given, "this", given) or "").strip()


def _table(node: Any) -> str:
    from sqlglot import exp

    table = node if isinstance(node, exp.Table) else node.find(exp.Table) if node is not None else None
    return ".".join(part.name for part in table.parts) if table is not None else ""


def _select(statement: exp.Expression, call: str) -> Iterator[Change]:
    """A SELECT reads; the functions in it may write."""
    from sqlglot import exp

    unknown = [f.name for f in statement.find_all(exp.Anonymous) if not _harmless(f)]
    if unknown:
        yield Change("unread", "", call=call, why=f"what {unknown[0]}() does is not known")
    elif statement.find(exp.Into, exp.Insert, exp.Update, exp.Delete, exp.Command) is not None:
        yield Change("unread", "", call=call, why="this SELECT writes")


def _harmless(function: exp.Expression) -> bool:
    """setval() is, where it sets a sequence behind the rows that there are."""
    from sqlglot import exp

    return function.name.lower() in {"nextval", "version", "pg_get_serial_sequence"} or (
        function.name.lower() == "setval" and function.find(exp.Max) is not None
    )


def _set(statement: exp.Expression, call: str) -> Change:
    plain = "global" not in call.lower() and "persist" not in call.lower() and _SETTINGS.search(call) is not None
    return Change(
        "session setting" if plain else "unread", "", call=call, why="" if plain else "a setting of the server"
    )


def _rows(statement: exp.Expression, call: str) -> Change:
    from sqlglot import exp

    table = _table(statement.this)
    if statement.find(exp.Command) is not None or (
        isinstance(statement, exp.Insert | exp.Update | exp.Delete) and statement.args.get("with_") is not None
    ):
        return _unread(call, "this SQL is not understood")
    if isinstance(statement, exp.Insert):
        kind = "change rows" if statement.args.get("conflict") or statement.args.get("overwrite") else "insert rows"
        return Change(kind, table, call=call)
    if isinstance(statement, exp.Update):
        names = [_assigned(assigned) for assigned in statement.expressions]
        alone = not statement.find(exp.Join)
        return Change("change rows", table, tuple(names) if alone and all(names) else (), call=call)
    if isinstance(statement, exp.Delete | exp.TruncateTable):
        return Change("delete rows", table or _table(statement), call=call)
    return Change("unread", "", call=call, why="this SQL is not understood")


def _assigned(node: exp.Expression) -> str:
    return node.this.name if node.this is not None else ""


def _create(statement: exp.Expression, call: str) -> Change:
    from sqlglot import exp

    kind = str(statement.args.get("kind") or "").upper()
    if kind == "TABLE" and not statement.args.get("replace"):
        exists = bool(statement.args.get("exists")) or statement.find(exp.TemporaryProperty) is not None
        return Change("create table", _table(statement.this), call=call, guards=(), exists=exists)
    if kind == "INDEX":
        index = statement.find(exp.Index)
        unique = bool(statement.args.get("unique"))
        columns = tuple(c.name for c in index.find_all(exp.Column)) if index is not None else ()
        table = _table(index.args.get("table")) if index is not None and index.args.get("table") else ""
        name = index.name if index is not None else ""
        plain = unique or (index is not None and _plain_index(index))
        kind = "add unique" if unique else "add index" if plain else "add expression index"
        return Change(kind, table, columns, call=call, name=name)
    if kind in {"VIEW", "SCHEMA", "TYPE", "SEQUENCE"} and not statement.args.get("replace"):
        return Change("create view", _table(statement.this), call=call)
    return Change("unread", "", call=call, why=f"CREATE {kind} may change what older code does")


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
            yield Change("drop table", _table(node), call=call, exists=bool(statement.args.get("exists")))
        elif kind == "INDEX":
            yield Change("drop unique", "", call=call, name=_table(node))
        elif kind == "VIEW":
            yield Change("drop view", _table(node), call=call)
        else:
            yield Change("unread", "", call=call, why=f"what DROP {kind} takes away is not known")
    if not tables:
        yield Change("unread", "", call=call, why="this SQL is not understood")


def _alter(statement: exp.Expression, call: str) -> Iterator[Change]:
    from sqlglot import exp

    table = _table(statement.this)
    kind = str(statement.args.get("kind") or "").upper()
    if kind == "INDEX" and all(isinstance(a, exp.AlterRename) for a in statement.args.get("actions") or [None]):
        yield Change("rename index", "", call=call, name=table)
        return
    if kind != "TABLE":
        yield Change("unread", table, call=call, why=f"ALTER {kind} is not understood")
        return
    for option in statement.args.get("options") or []:
        plain = isinstance(option, exp.AutoIncrementProperty | exp.SchemaCommentProperty) or (
            isinstance(option, exp.EngineProperty) and option.this.name.lower() == "innodb"
        )
        yield Change("change table options" if plain else "unread", table, call=call, why="" if plain else "an option")
    actions = statement.args.get("actions") or []
    for action in actions:
        yield from _action(action, table, call)
    if not actions and not statement.args.get("options"):
        yield Change("unread", table, call=call, why="this SQL is not understood")


def _action(action: Any, table: str, call: str) -> Iterator[Change]:
    from sqlglot import exp

    if isinstance(action, exp.ColumnDef):
        yield from _added(action, table, call)
    elif isinstance(action, exp.ModifyColumn):
        yield from _modified(action, table, call)
    elif isinstance(action, exp.AlterColumn):
        yield _altered(action, table, call)
    elif isinstance(action, exp.RenameColumn):
        yield Change("rename column", table, (action.this.name,), call=call, to=action.args["to"].name)
    elif isinstance(action, exp.AlterRename):
        yield Change("rename table", table, call=call, to=_table(action.this))
    elif isinstance(action, exp.AddConstraint):
        for constraint in action.expressions:
            yield _constraint(constraint, table, call)
    elif isinstance(action, exp.Drop):
        yield from _dropped(action, table, call)
    elif isinstance(action, exp.DropPrimaryKey):
        yield Change("drop primary", table, call=call)
    elif isinstance(action, exp.PrimaryKey):
        yield Change("add primary", table, tuple(c.name for c in action.expressions), call=call)
    else:
        yield Change("unread", table, call=call, why=f"{type(action).__name__} is not understood")


def _column(node: Any) -> tuple[Column, set[str]] | None:
    """A column's definition, and the names of its constraints; None when one of them is not known."""
    from sqlglot import exp

    nullable, default, value, generated, seen = True, False, None, False, set()
    for constraint in node.args.get("constraints") or []:
        kind = constraint.args.get("kind")
        seen.add(type(kind).__name__)
        if isinstance(kind, exp.NotNullColumnConstraint):
            nullable = bool(kind.args.get("allow_null"))
        elif isinstance(kind, exp.DefaultColumnConstraint):
            value = kind.this.sql()
            default = not isinstance(kind.this, exp.Null)
        elif isinstance(
            kind,
            exp.AutoIncrementColumnConstraint | exp.ComputedColumnConstraint | exp.GeneratedAsIdentityColumnConstraint,
        ):
            generated = True
    known = {
        "NotNullColumnConstraint", "DefaultColumnConstraint", "AutoIncrementColumnConstraint",
        "ComputedColumnConstraint", "GeneratedAsIdentityColumnConstraint", "CommentColumnConstraint",
        "CollateColumnConstraint", "CharacterSetColumnConstraint", "UniqueColumnConstraint",
        "PrimaryKeyColumnConstraint", "Reference", "OnUpdateColumnConstraint",
    }  # fmt: skip
    if not seen <= known:
        return None
    data_type = node.args.get("kind")
    if data_type is None:
        return None
    arguments = tuple(e.this.name if hasattr(e.this, "name") else e.name for e in data_type.expressions)
    kind_name = data_type.this.name.lower() if hasattr(data_type.this, "name") else str(data_type.this)
    column = Column(
        node.name, f"sql {kind_name}", arguments, nullable, default, value, generated=generated,
        unsigned=kind_name.startswith("u") and kind_name.endswith("int"),
        recoded=bool(seen & {"CollateColumnConstraint", "CharacterSetColumnConstraint"}),
        updates="OnUpdateColumnConstraint" in seen,
    )  # fmt: skip
    return column, seen


def _added(node: Any, table: str, call: str) -> Iterator[Change]:
    found = _column(node)
    if found is None:
        yield Change(
            "unread", table, (node.name,), call=call, why="a part of the column's definition is not understood"
        )
        return
    column, constraints = found
    kind = "add required column" if column.required else "add column"
    yield Change(kind, table, (column.name,), call=call, column=column)
    if column.type == "sql json":
        yield Change("add json column", table, (column.name,), call=call, column=column)
    if "UniqueColumnConstraint" in constraints:
        yield Change("add unique", table, (column.name,), call=call, column=column)
    if "Reference" in constraints:
        yield Change("add foreign key", table, (column.name,), call=call, column=column)


def _modified(node: Any, table: str, call: str) -> Iterator[Change]:
    found = _column(node.this)
    if found is None:
        yield Change("unread", table, call=call, why="a part of the column's definition is not understood")
        return
    column = found[0]
    old = node.args.get("rename_from")
    if old is not None and old.name.lower() != column.name.lower():
        yield Change("rename column", table, (old.name,), call=call, to=column.name)
    yield Change("change column", table, (old.name if old is not None else column.name,), call=call, column=column)


def _altered(node: Any, table: str, call: str) -> Change:
    from sqlglot import exp

    columns = (node.this.name,)
    given = {key for key, value in node.args.items() if value is not None and value is not False} - {"this"}
    if given == {"drop", "allow_null"}:
        return Change("make nullable", table, columns, call=call)
    if node.args.get("allow_null") is False and not given:
        return Change("make required", table, columns, call=call)
    if given == {"default"}:
        kind = "remove default" if isinstance(node.args["default"], exp.Null) else "change default"
        return Change(kind, table, columns, call=call)
    if given == {"drop"} and "default" in call.lower() and "identity" not in call.lower():
        return Change("remove default", table, columns, call=call)
    if "dtype" in given and given <= {"dtype", "using", "collate"}:
        return Change("change type", table, columns, call=call)
    return Change("unread", table, columns, call=call, why="this change of a column is not understood")


def _constraint(node: Any, table: str, call: str) -> Change:
    from sqlglot import exp

    inner = list(node.expressions) if isinstance(node, exp.Constraint) else [node]
    part = inner[0] if len(inner) == 1 else None
    name = node.name if isinstance(node, exp.Constraint) else ""
    columns = tuple(dict.fromkeys(c.name for c in node.find_all(exp.Column)))
    if isinstance(part, exp.ForeignKey):
        names = tuple(c.name for c in part.expressions)
        return Change("add foreign key", table, names, call=call, name=name)
    if isinstance(part, exp.UniqueColumnConstraint):
        names = columns or tuple(c.name for c in part.find_all(exp.Identifier))
        return Change("add unique", table, names, call=call, name=name or part.name)
    if isinstance(part, exp.PrimaryKey):
        return Change("add primary", table, columns or tuple(c.name for c in part.expressions), call=call, name=name)
    if isinstance(part, exp.CheckColumnConstraint):
        return Change("add check", table, columns, call=call, name=name)
    if isinstance(part, exp.IndexColumnConstraint):
        return Change("add index", table, columns, call=call, name=part.name)
    return Change("unread", table, call=call, why="this constraint is not understood")


def _dropped(node: Any, table: str, call: str) -> Iterator[Change]:
    kind = str(node.args.get("kind") or "").upper()
    kinds = {
        "COLUMN": "drop column", "INDEX": "drop unique", "KEY": "drop unique", "CONSTRAINT": "drop unique",
        "FOREIGN KEY": "drop foreign key", "PRIMARY KEY": "drop primary", "CHECK": "drop check",
    }  # fmt: skip
    found = kinds.get(kind)
    if found is None:
        yield Change("unread", table, call=call, why=f"DROP {kind} is not understood")
        return
    for target in node.args.get("tables") or [node.this]:
        name = target.name if target is not None else ""
        columns = (name,) if found == "drop column" else ()
        yield Change(found, table, columns, call=call, name=name)
