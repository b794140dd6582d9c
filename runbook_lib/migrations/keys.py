"""Foreign keys: what they refer to, which rows they take along, what became of them in earlier migrations."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.migrations.changes import Change


def parents_of(change: Change) -> tuple[str, ...]:
    """The table that a foreign key refers to, or the names it may have: constrained() takes it from the column."""
    if change.on or len(change.columns) != 1:
        return (change.on,) if change.on else ()
    stem, _, ending = change.columns[0].rpartition("_")
    return (f"{stem}s", f"{stem}es", f"{stem[:-1]}ies") if stem and ending == "id" else ()


def swept(changes: Sequence[Change]) -> set[tuple[str, str]]:
    """The tables with a key that cascades from a table that is not created among these changes, or from such a one."""
    created = {(c.connection, c.table) for c in changes if c.kind == "create table"}
    keys = [
        ((c.connection, c.table), {(c.connection, parent) for parent in parents_of(c)} & created)
        for c in changes
        if c.kind == "add foreign key" and c.on_delete == "cascade"
    ]
    found = {table for table, parents in keys if not parents}
    while more := {table for table, parents in keys if parents & found} - found:
        found |= more
    return found


def key_after(changes: Sequence[Change], dropped: Change) -> Change | None:
    """The foreign key that is dropped after these changes of earlier migrations; None when that is not certain."""
    table, found = dropped.table, None
    for change in changes:
        unread = change.kind == "unread" and (change.table in {"", table})
        if unread or (change.kind == "rename table" and table in {change.table, change.to}):
            found = None
        if change.table != table:
            continue
        if change.kind in {"create table", "drop table", "rename column", "rename index"}:
            found = None
        elif change.kind == "add foreign key" and _same_key(change, dropped):
            found = change if change.certain else None
        elif change.kind == "drop foreign key" and _same_key(change, dropped):
            found = None
    return found


def _same_key(one: Change, other: Change) -> bool:
    return bool(one.name and one.name == other.name) or bool(one.columns and one.columns == other.columns)


def refers(changes: Sequence[Change], table: str) -> bool:
    """Whether a foreign key may refer to a table. Only a history that has its beginning can say no."""
    created = False
    for change in changes:
        created = created or (change.kind == "create table" and change.table == table)
        if created and change.kind == "unread":
            return True
        if change.kind == "rename table" and table in {change.table, change.to}:
            return True
        if change.kind == "add foreign key" and change.table != table and _may_refer(change, table):
            return True
    return not created


def _may_refer(key: Change, table: str) -> bool:
    """A plural, however irregular, begins with the letter of its singular."""
    if key.on.replace("_", "").isalnum():
        return key.on == table
    by_column = not key.on and "->constrained(" in key.call and key.call.startswith("foreign") and len(key.columns) == 1
    if not by_column or key.call.startswith("foreignIdFor"):
        return True
    return key.columns[0][:1].lower() == table[:1].lower()
