"""Changing the text that made a table of SQLite, for what ALTER TABLE cannot do there.

SQLite's manual (lang_altertable.html, "Making Other Kinds Of Table Schema Changes") allows it for exactly this: a NOT
NULL, DEFAULT, CHECK or FOREIGN KEY, which change nothing about how rows are stored. Making the table anew instead would
delete the rows that refer to the old one and cascade.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.schema.quoting import literal

_QUOTES = {"'": "'", '"': '"', "`": "`", "[": "]"}
_NAME = re.compile(r"""\s*(?:"((?:[^"]|"")*)"|`([^`]*)`|\[([^\]]*)\]|([A-Za-z_]\w*))""")


def definitions(sql: str) -> list[str]:
    """The definitions of columns and constraints between the outer brackets, each as it is written."""
    found: list[str] = []
    depth = start = 0
    for at, mark in _marks(sql):
        if mark == "(":
            depth += 1
            start = at + 1 if depth == 1 else start
        elif mark == ")":
            depth -= 1
            if depth == 0:
                return [*found, sql[start:at]]
        elif depth == 1:
            found.append(sql[start:at])
            start = at + 1
    return found


def _marks(sql: str) -> Iterator[tuple[int, str]]:
    """Brackets and commas that stand outside quotes and comments."""
    at = 0
    while at < len(sql):
        mark = sql[at]
        if sql.startswith("--", at):
            at = _after(sql, "\n", at)
        elif sql.startswith("/*", at):
            at = _after(sql, "*/", at + 2)
        elif mark in _QUOTES:
            at = _after(sql, _QUOTES[mark], at + 1)
        else:
            if mark in "(),":
                yield at, mark
            at += 1


def _after(sql: str, end: str, at: int) -> int:
    found = sql.find(end, at)
    return len(sql) if found < 0 else found + len(end)


def column(sql: str, name: str) -> str:
    """The definition of a column as it is written, or nothing where it is not found for certain."""
    return _only(sql, [one for one in definitions(sql) if _name(one).lower() == name.lower()])


def foreign_key(sql: str, columns: tuple[str, ...]) -> str:
    """The constraint of a foreign key on these columns; a column's own REFERENCES is not one."""
    return _only(sql, [one for one in definitions(sql) if columns and _foreign(one) == columns])


def check(sql: str, name: str) -> str:
    """The constraint of a CHECK of this name."""
    pattern = rf"""\s*constraint\s+["`\[]?{re.escape(name)}["`\]]?\s+check\b"""
    return _only(sql, [one for one in definitions(sql) if re.match(pattern, one, re.IGNORECASE)])


def _name(definition: str) -> str:
    match = _NAME.match(definition)
    return next((group for group in match.groups() if group is not None), "") if match else ""


def _foreign(definition: str) -> tuple[str, ...]:
    match = re.match(
        r"""\s*(?:constraint\s+\S+\s+)?foreign\s+key\s*\(([^)]*)\)""", definition, re.IGNORECASE | re.DOTALL
    )
    return tuple(name.strip().strip('"`[]') for name in match[1].split(",")) if match else ()


def _only(sql: str, found: list[str]) -> str:
    """The one definition that was found, where its text stands in the table's once."""
    return found[0] if len(found) == 1 and sql.count(found[0]) == 1 else ""


def without_not_null(definition: str) -> str:
    """A column's definition that allows NULL, and says so, so that it can be told from others."""
    return re.sub(r"\bnot\s+null\b", "null", definition, count=1, flags=re.IGNORECASE)


def put_aside(definition: str) -> tuple[str, str]:
    """A constraint with the comma before it, and both as a comment, which stays readable and does nothing. Two empty
    texts where it has a comment of its own."""
    if not definition or any(mark in definition for mark in ("/*", "*/", "--")):
        return "", ""
    return f",{definition}", f" /*{definition}*/"


def replaced(table: str, old: str, new: str) -> tuple[str, ...]:
    """The statements that write `new` for `old` in the text of a table, for every connection from then on."""
    old_text, new_text, name = (literal(text, "sqlite") for text in (old, new, table))
    return (
        "BEGIN IMMEDIATE",
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET sql = replace(sql, {old_text}, {new_text}) "  # noqa: S608
        f"WHERE type = 'table' AND name = {name} AND instr(sql, {old_text}) > 0",
        # Only a real change of the schema makes connections read it again.
        "CREATE TABLE runbook_reload (a)",
        "DROP TABLE runbook_reload",
        "PRAGMA writable_schema = OFF",
        "COMMIT",
    )
