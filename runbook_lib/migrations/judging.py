"""What a change means for older code here: its rule, and what the rule cannot know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.migrations import bounds, comparing
from runbook_lib.migrations.changes import Change, Column
from runbook_lib.migrations.keys import parents_of
from runbook_lib.migrations.known import ADDS, DROPS, Known
from runbook_lib.migrations.rules import RULES, Rule, Verdict

ROWS = {"insert rows", "change rows", "delete rows", "fill new columns"}
_INDEXING = {"add index", "add unique", "add primary", "add foreign key"}
_KEYS = {"drop foreign key", "add foreign key"}
_UNINDEXING = {"drop index", "drop unique", "drop primary", "drop fulltext", "drop foreign key"}


@dataclass(frozen=True)
class Judged:
    """A change under its rule. safe: why older code is not touched although the rule alone would say so.

    undone: down() would make it as it was, where it takes the change back at all.
    """

    change: Change
    rule: Rule
    safe: str = ""
    note: str = ""
    assumed: bool = False
    undone: bool = True

    @property
    def harmless(self) -> bool:
        return bool(self.safe) or self.rule.verdict is Verdict.SAFE


def judge(change: Change, known: Known, database: str, down: Sequence[Change]) -> list[Judged]:
    """A change as one or more judged ones; what is known goes on to the next change."""
    database = "" if change.connection else change.kind_of_database(database)
    judged = _judged(change, known, database, down)
    judged += _rebuilt(change, known, database, judged)
    known.apply(change)
    return judged


def _judged(change: Change, known: Known, database: str, down: Sequence[Change]) -> list[Judged]:
    if change.kind in {"add json column", "add uncomparable column"}:
        return _json(change, known, database)
    if change.kind != "unread" and _of_new_table(change, known):
        if change.kind == "add foreign key" and _restricts(change, known):
            return [Judged(change, RULES["add restricting key"])]
        note = "a foreign key locks its parent table for a moment" if change.kind == "add foreign key" else ""
        return [Judged(change, RULES[change.kind], f"older code does not know the table {change.table}", note)]
    if change.kind == "change column":
        return _changed(change, known, database, down)
    if change.kind in ROWS:
        return [_filled(change, known)]
    if change.kind == "drop unique" and _checks_enum(change, known):
        return [Judged(change, RULES["drop check"])]
    if change.kind == "drop foreign key":
        return [_key_dropped(change, known, down)]
    if change.kind == "add column":
        return [Judged(change, RULES[_added(change, known, database)])]
    if change.kind == "add index" and database in {"pgsql", ""} and not bounds.fits(change, known):
        note = "" if database else "only on PostgreSQL; --database mysql or sqlite rules it out"
        return [Judged(change, RULES["add index on text"], note=note)]
    return [Judged(change, RULES[change.kind], _new_here(change, known))]


def brings(change: Change, known: Known) -> tuple[str, ...]:
    """The names at which older code may meet a change that is safe else: columns that are new in its tables, tables
    beside them, what a new key refers to or one that is gone, the old name of an index."""
    if change.kind == "create table":
        return (change.table,) if change.table else ()
    if change.kind == "add foreign key" and known.kept_by(change):
        return parents_of(change)
    if change.kind == "rename index":
        return (change.name,)
    if change.kind == "drop foreign key":
        key = known.dropped_key(change)
        return parents_of(key) if key is not None else ()
    if _of_new_table(change, known):
        return ()
    if change.kind in ADDS or (change.kind == "add unique" and known.all_new(change)):
        return change.columns
    renamed = change.kind == "rename column" and known.all_new(change)
    return (change.to,) if renamed else ()


def _checks_enum(change: Change, known: Known) -> bool:
    """PostgreSQL's own name of the check that Laravel makes for an enum."""
    name = change.name.removeprefix(f"{change.table}_").removesuffix("_check")
    column = known.column(change, name) if change.name == f"{change.table}_{name}_check" else None
    return column is not None and column.type == "enum"


def _restricts(change: Change, known: Known) -> bool:
    """Whether rows of a new table keep older code from deleting its own."""
    columns = [change.column] if change.column else [known.column(change, name) for name in change.columns]
    nullable = bool(columns) and all(column is not None and column.nullable for column in columns)
    emptied = change.on_delete == "set null" and nullable
    keeps = change.fixes or (change.on_delete != "cascade" and not emptied)
    return keeps and known.kept_by(change)


def _key_dropped(change: Change, known: Known, down: Sequence[Change]) -> Judged:
    """Only a key that is known to do nothing on delete is not missed. Where its column goes, that is the loss."""
    if safe := _new_here(change, known):
        return Judged(change, RULES[change.kind], safe)
    key = known.dropped_key(change)
    if (key is not None and key.on_delete in {"no action", "restrict"}) or known.leaves(
        change, change.columns or (key.columns if key is not None else ())
    ):
        return Judged(change, RULES[change.kind])
    note = "what it does on delete is not known" if key is None else f"its rule was: on delete {key.on_delete}"
    again = key is not None and any(
        other.kind == "add foreign key"
        and (other.table, other.columns, other.on_delete) == (key.table, key.columns, key.on_delete)
        for other in down
    )
    return Judged(change, RULES["drop cascading key"], note=note, undone=again)


def _added(change: Change, known: Known, database: str) -> str:
    """The rule of a column that older code need not name: it may be there for soft deletes, be computed, or no text."""
    if [name.lower() for name in change.columns] == ["deleted_at"]:
        return "add soft deletes"
    if not bounds.always_computed(change, known, database):
        return "add generated column"
    if not bounds.always_defaults(change.column):
        return "add computed default"
    return change.kind if bounds.is_text(change.column, database) else "add binary column"


def _rebuilt(change: Change, known: Known, database: str, judged: Sequence[Judged]) -> list[Judged]:
    """On SQLite some changes make the table anew; where rows are lost anyway, that is said already.

    Laravel 8 to 10 do so for a changed column, with foreign keys in force; they add no key to a table that is there,
    and refuse to drop one. Laravel 11 and later put foreign keys out of force meanwhile, which a transaction prevents.
    """
    if change.kind != "change column" and not (change.kind in _KEYS and change.within):
        return []
    if database not in {"sqlite", ""} or _of_new_table(change, known) or (known.rebuilds_quietly and not change.within):
        return []
    lost = known.leaves(change, change.columns) or any(j.rule.verdict is Verdict.LOSS and not j.safe for j in judged)
    if lost or not known.may_be_referred(change):
        return []
    note = "" if database else "only on SQLite; --database mysql or pgsql rules it out"
    return [Judged(change.of(change.kind, columns=()), RULES["rebuild table"], note=note)]


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
    empty = any(c is not None and c.nullable and not c.default and not c.generated for c in columns)
    numbered = all(column is not None and column.increments for column in columns)
    if change.kind == "add unique" and (empty or numbered) and "nullsNotDistinct" not in change.call:
        return "older code leaves the column at NULL, which is never a duplicate"
    if change.kind == "add primary" and numbered:
        return "the database numbers the column"
    if change.kind == "add foreign key" and empty and change.on_delete == "set null":
        return "older code leaves the column at NULL, and its deletes set it to NULL"
    return ""


def _changed(change: Change, known: Known, database: str, down: Sequence[Change]) -> list[Judged]:
    """->change(), against the column before: from this set, from the earlier migrations, or as down() tells it."""
    after = change.column
    if after is None:
        return [Judged(change, RULES["change column"])]
    name = change.columns[0]
    if known.all_new(change):
        if after.required:
            return [Judged(change, RULES["make required"])]
        if not bounds.always_computed(change, known, database):
            return [Judged(change, RULES["add generated column"])]
        return [Judged(change, RULES["change column"], "older code does not know the column")]
    before = known.column(change, name)
    assumed = before is None
    before = before or _as_down_says(change, down)
    if before is None:
        return [Judged(change, RULES["change column"], note="what it was before is not known")]
    note = "as down() tells what it was before" if assumed else ""
    if before.arguments and not after.arguments and after.type in comparing.LENGTHS:
        after = after._replace(arguments=(known.usual_length(),))
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


__all__ = ["ADDS", "Judged", "brings", "judge", "taken_back"]
