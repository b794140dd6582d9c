"""ALTER TABLE to changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runbook_lib.migrations.changes import Change, Column

if TYPE_CHECKING:
    from sqlglot import exp

# Types of PostgreSQL without an operator class that tells equal values: DISTINCT, GROUP BY and UNION refuse them.
NOT_COMPARED = {f"sql {name}" for name in ("json", "xml", "point", "box", "line", "lseg", "path", "polygon", "circle")}


def not_compared(column: Column) -> str:
    """The kind of change that a column of such a type makes: json can be made jsonb, the others have no like."""
    return "add json column" if column.type in {"json", "sql json"} else "add uncomparable column"


def table_of(node: Any) -> str:
    from sqlglot import exp

    table = node if isinstance(node, exp.Table) else node.find(exp.Table) if node is not None else None
    return ".".join(part.name for part in table.parts) if table is not None else ""


def alter(statement: exp.Expression, call: str) -> Iterator[Change]:
    from sqlglot import exp

    table = table_of(statement.this)
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
    elif isinstance(action, exp.RenameIndex):
        yield Change("rename index", table, call=call, name=action.this.name, to=action.args["to"].name)
    elif isinstance(action, exp.AlterRename):
        yield Change("rename table", table, call=call, to=table_of(action.this))
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

    nullable, default, value, seen = True, False, None, set()
    for constraint in node.args.get("constraints") or []:
        kind = constraint.args.get("kind")
        seen.add(type(kind).__name__)
        if isinstance(kind, exp.NotNullColumnConstraint):
            nullable = bool(kind.args.get("allow_null"))
        elif isinstance(kind, exp.DefaultColumnConstraint):
            default = not isinstance(kind.this, exp.Null)
            value = kind.this.sql() if default else None
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
    kind_name = _type(data_type)
    column = Column(
        node.name, f"sql {kind_name}", arguments, nullable, default, value, volatile="(" in (value or ""),
        generated="ComputedColumnConstraint" in seen, increments=bool(seen & _NUMBERS) or "serial" in kind_name,
        unsigned=kind_name.startswith("u") and kind_name.endswith("int"),
        recoded=bool(seen & {"CollateColumnConstraint", "CharacterSetColumnConstraint"}),
        updates="OnUpdateColumnConstraint" in seen,
    )  # fmt: skip
    return column, seen


# The database numbers such a column by itself.
_NUMBERS = {"AutoIncrementColumnConstraint", "GeneratedAsIdentityColumnConstraint"}


def _type(data_type: Any) -> str:
    """The type's name; of an array that of its elements, of which it has the operators."""
    from sqlglot import exp

    if data_type.this is exp.DataType.Type.ARRAY and data_type.expressions:
        return _type(data_type.expressions[0])
    named = data_type.args.get("kind")
    return str(getattr(named or data_type.this, "name", data_type.this)).lower()


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
    if column.type in NOT_COMPARED:
        yield Change(not_compared(column), table, (column.name,), call=call, column=column)
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
        names = () if part.args.get("nulls") else names  # NULLS NOT DISTINCT: two of them are duplicates
        return Change("add unique", table, names, call=call, name=name or part.name)
    if isinstance(part, exp.PrimaryKey):
        return Change("add primary", table, columns or tuple(c.name for c in part.expressions), call=call, name=name)
    if isinstance(part, exp.CheckColumnConstraint):
        return Change("add check", table, columns, call=call, name=name)
    if isinstance(part, exp.IndexColumnConstraint):
        kind = "add expression index" if part.find(exp.Cast, exp.Div, exp.Mod, exp.JSONExtract) else "add index"
        return Change(kind, table, columns, call=call, name=part.name)
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
