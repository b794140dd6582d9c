"""What a change means for older code here: its rule, and what the rule cannot know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.migrations import comparing
from runbook_lib.migrations.changes import Change, Column
from runbook_lib.migrations.known import ADDS, DROPS, Known
from runbook_lib.migrations.rules import RULES, Rule, Verdict

ROWS = {"insert rows", "change rows", "delete rows", "fill new columns"}
_INDEXING = {"add index", "add unique", "add primary", "add foreign key"}
_UNINDEXING = {"drop index", "drop unique", "drop primary", "drop fulltext", "drop foreign key"}


@dataclass(frozen=True)
class Judged:
    """A change under its rule. safe: why older code is not touched although the rule alone would say so."""

    change: Change
    rule: Rule
    safe: str = ""
    note: str = ""
    assumed: bool = False

    @property
    def harmless(self) -> bool:
        return bool(self.safe) or self.rule.verdict is Verdict.SAFE


def judge(change: Change, known: Known, database: str, down: Sequence[Change]) -> list[Judged]:
    """A change as one or more judged ones; what is known goes on to the next change."""
    judged = _judged(change, known, database, down)
    known.apply(change)
    return judged


def _judged(change: Change, known: Known, database: str, down: Sequence[Change]) -> list[Judged]:
    if change.kind == "add json column":
        return _json(change, known, database)
    if change.kind != "unread" and _of_new_table(change, known):
        note = "a foreign key locks its parent table for a moment" if change.kind == "add foreign key" else ""
        return [Judged(change, RULES[change.kind], f"older code does not know the table {change.table}", note)]
    if change.kind == "change column":
        return _changed(change, known, down)
    if change.kind in ROWS:
        return [_filled(change, known)]
    return [Judged(change, RULES[change.kind], _new_here(change, known))]


def _of_new_table(change: Change, known: Known) -> bool:
    return change.creates or (change.kind != "create table" and bool(change.table) and known.new_table(change))


def _json(change: Change, known: Known, database: str) -> list[Judged]:
    if database not in {"pgsql", ""} or _of_new_table(change, known):
        return []
    note = "" if database else "only on PostgreSQL; --database mysql or sqlite rules it out"
    return [Judged(change, RULES[change.kind], note=note)]


def _filled(change: Change, known: Known) -> Judged:
    if change.kind == "change rows" and known.all_new(change):
        return Judged(change, RULES["fill new columns"], "older code does not know the columns that are filled")
    return Judged(change, RULES[change.kind])


def _new_here(change: Change, known: Known) -> str:
    """Why older code is not touched by a change to something that the same release brought."""
    if change.kind in DROPS | {"rename column", "make required", "make nullable", "change type"} and known.all_new(
        change
    ):
        required = change.kind == "make required" and not _filled_by_itself(change, known)
        return "" if required else "older code does not know the column"
    if change.kind in _UNINDEXING and (change.table, change.name) in known.indexes:
        return "older code does not know the index"
    if change.kind in _INDEXING and known.all_new(change):
        return _new_index(change, known)
    return ""


def _filled_by_itself(change: Change, known: Known) -> bool:
    column = known.column(change, change.columns[0])
    return column is not None and (column.default or column.generated)


def _new_index(change: Change, known: Known) -> str:
    """Older code leaves new columns at NULL, which is unique, and refers to nothing."""
    columns = [known.column(change, name) for name in change.columns]
    empty = any(column is not None and column.nullable and not column.default for column in columns)
    numbered = all(column is not None and column.increments for column in columns)
    if change.kind == "add unique" and (empty or numbered):
        return "older code leaves the column at NULL, which is never a duplicate"
    if change.kind == "add primary" and numbered:
        return "the database numbers the column"
    if change.kind == "add foreign key" and empty and change.on_delete == "set null":
        return "older code leaves the column at NULL, and its deletes set it to NULL"
    return ""


def _changed(change: Change, known: Known, down: Sequence[Change]) -> list[Judged]:
    """->change(), against the column before: from this set, from the earlier migrations, or as down() tells it."""
    after = change.column
    if after is None:
        return [Judged(change, RULES["change column"])]
    name = change.columns[0]
    if known.all_new(change):
        if after.required:
            return [Judged(change, RULES["make required"])]
        return [Judged(change, RULES["change column"], "older code does not know the column")]
    before = known.column(change, name)
    assumed = before is None
    before = before or _as_down_says(change, down)
    if before is None:
        return [Judged(change, RULES["change column"], note="what it was before is not known")]
    note = "as down() tells what it was before" if assumed else ""
    kinds = comparing.difference(before, after)
    return [Judged(change, RULES[kind], note=note, assumed=assumed) for kind in kinds]


def _as_down_says(change: Change, down: Sequence[Change]) -> Column | None:
    for other in down:
        if other.kind == "change column" and (other.table, other.columns) == (change.table, change.columns):
            return other.column
    return None


def taken_back(changes: Sequence[Change]) -> set[int]:
    """The positions of renames that a later rename takes back, and of those that do."""
    found: set[int] = set()
    for i, one in enumerate(changes):
        if one.kind not in {"rename table", "rename column"} or one.guards or not one.fixed or i in found:
            continue
        for j in range(i + 1, len(changes)):
            other = changes[j]
            if other.kind == one.kind and not other.guards and _back(one, other):
                found |= {i, j}
                break
    return found


def _back(one: Change, other: Change) -> bool:
    if one.kind == "rename table":
        return (one.table, one.to) == (other.to, other.table)
    return one.table == other.table and (one.columns[0], one.to) == (other.to, other.columns[0])


__all__ = ["ADDS", "Judged", "judge", "taken_back"]
