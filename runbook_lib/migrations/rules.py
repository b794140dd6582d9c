"""The rules: for each kind of change, whether older code runs on it, what taking it back costs, what it locks.

Sources: Laravel's schema grammars (laravel/framework 8 to 13) for what a call does; the manuals of MySQL 8 (Online DDL)
and PostgreSQL (ALTER TABLE, explicit locking) for locks; strong_migrations, squawk and django-migration-linter for what
breaks older code and for the safer steps. Where they leave it open, the row says what to ask.

Kept in one table so that it can be read, argued with and changed in one place; runbook_lib.migrations.judging looks at
what the row alone cannot know (is the table new, what was the column before).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Verdict(IntEnum):
    """What going back to the older code takes, from nothing to an answer that only a person has."""

    SAFE = 0
    SHIM = 1
    DOWN = 2
    LOSS = 3
    UNKNOWN = 4

    def __str__(self) -> str:
        return self.name.lower()


SAFE, SHIM, DOWN, LOSS, UNKNOWN = Verdict


@dataclass(frozen=True)
class Rule:
    """One row. verdict: with a down() that takes it back; without: when there is none.

    older: what happens to older code. cost: what taking it back costs. lossless: taking it back loses nothing.
    lock: what it blocks while it runs. advice: the safer steps. check: what to count before deciding.
    like: the kind that is taken back, and shimmed, in the same way.
    """

    kind: str
    verdict: Verdict
    without: Verdict
    older: str
    cost: str
    lossless: bool
    lock: str
    advice: str
    check: str = ""
    like: str = ""


def _rows(*rows: tuple[object, ...]) -> dict[str, Rule]:
    return {str(row[0]): Rule(*row) for row in rows}  # type: ignore[arg-type]


RULES = _rows(
    # -- tables
    (
        "create table", SAFE, SAFE, "does not know the table", "its rows are dropped", False,
        "a foreign key locks the parent table for a moment", "leave it",
    ),
    (
        "rename table", DOWN, SHIM, "queries a table that is not there", "nothing is lost", True, "brief",
        "expand and contract: a view or a copy under the old name until no code uses it",
    ),
    (
        "drop table", LOSS, LOSS, "queries a table that is not there", "it comes back empty", False, "brief",
        "stop using it, deploy, drop it a release later; now: restore it from the backup",
    ),
    (
        "drop everything", LOSS, LOSS, "finds no table", "nothing brings the rows back", False, "all",
        "restore the backup",
    ),
    (
        "change table options", SAFE, SAFE, "runs", "nothing is lost", True, "MySQL copies the table for an engine",
        "leave it",
    ),
    # -- columns
    (
        "add column", SAFE, SAFE, "does not name the column", "values written since are lost", False,
        "a volatile default rewrites the table", "leave it",
    ),
    (
        "add required column", SHIM, SHIM, "INSERTs fail: the column is NOT NULL and has no default",
        "values written since are lost", False, "PostgreSQL refuses it on a table with rows",
        "give it a default or make it nullable",
    ),
    (
        "add json column", SHIM, SHIM, "SELECT DISTINCT fails on PostgreSQL: json has no equality",
        "values written since are lost", False, "brief", "use jsonb",
    ),
    (
        "add uncomparable column", UNKNOWN, UNKNOWN,
        "SELECT DISTINCT of whole rows fails on PostgreSQL: the type has no equality",
        "values written since are lost", False, "brief", "look for DISTINCT, GROUP BY and UNION over the table", "",
        "add column",
    ),
    (
        "add soft deletes", UNKNOWN, UNKNOWN, "runs, but shows the rows that were trashed since",
        "the trashed rows come back for good", False, "brief", "decide whether trashed rows may reappear",
        "SELECT COUNT(*) FROM {table} WHERE {column} IS NOT NULL",
    ),
    (
        "add generated column", UNKNOWN, UNKNOWN, "writes of rows for which the expression fails are refused",
        "nothing is lost: its values are computed", True, "a stored column rewrites the table",
        "look whether the expression can fail: division, casts, JSON, a result that is too large or NULL", "",
        "add column",
    ),
    (
        "add computed default", UNKNOWN, UNKNOWN, "INSERTs fail where the function in the default does",
        "values written since are lost", False, "a volatile default rewrites the table",
        "look whether the function can fail, or knows nothing without what newer code sets before", "", "add column",
    ),
    (
        "add binary column", UNKNOWN, UNKNOWN,
        "does not name the column, but reads it with whole rows: as JSON, what is no text fails",
        "values written since are lost", False, "brief",
        "count the values: without them it runs; else look where rows go out as JSON",
        "SELECT COUNT(*) FROM {table} WHERE {column} IS NOT NULL", "add column",
    ),
    (
        "drop column", LOSS, LOSS, "reads and writes a column that is not there", "it comes back empty", False,
        "brief", "stop using it, deploy, drop it a release later; now: restore its values from the backup",
    ),
    (
        "drop timestamps", LOSS, LOSS, "every save fails: created_at and updated_at are not there",
        "they come back empty", False, "brief", "turn timestamps off in the model, deploy, drop them a release later",
    ),
    (
        "drop soft deletes", LOSS, LOSS, "every query of the model fails: deleted_at is not there",
        "it comes back empty: deleted rows are there again", False, "brief",
        "take SoftDeletes from the model, deploy, drop it a release later",
    ),
    (
        "rename column", DOWN, SHIM, "reads and writes a name that is not there", "nothing is lost", True, "brief",
        "expand and contract: add the new column, write both, move, drop the old one a release later",
    ),
    (
        "change column", UNKNOWN, UNKNOWN, "depends on what the column was before", "may truncate or fail", False,
        "a change of type rewrites the table: PostgreSQL blocks reads and writes, MySQL writes",
        "compare with the column in the database",
    ),
    (
        "widen column", SAFE, SAFE, "runs: every old value still fits", "longer values written since do not fit", False,
        "may rewrite the table", "leave it",
    ),
    (
        "change type", LOSS, LOSS, "writes values that may no longer fit, reads others than it expects",
        "may truncate or fail", False, "rewrites the table: PostgreSQL blocks reads and writes, MySQL writes",
        "add a column of the new type beside it, move, switch, drop the old one a release later",
    ),
    (
        "make required", SHIM, SHIM, "writes of NULL fail", "nothing is lost", True,
        "PostgreSQL scans the table under an exclusive lock",
        "a NOT VALID check, validate it, then SET NOT NULL; now: drop the NOT NULL",
    ),
    (
        "make nullable", DOWN, UNKNOWN, "may meet NULLs that it does not expect", "fails while there are NULLs", True,
        "brief", "count the NULLs first: with none of them it runs",
        "SELECT COUNT(*) FROM {table} WHERE {column} IS NULL",
    ),
    (
        "change default", DOWN, UNKNOWN, "rows that it inserts get another default", "nothing is lost", True, "brief",
        "look whether it knows the new default",
    ),
    (
        "remove default", SHIM, SHIM, "INSERTs that leave the column out fail", "nothing is lost", True, "brief",
        "keep the default until no code relies on it",
    ),
    (
        "add enum value", DOWN, UNKNOWN, "may throw on a value that it does not know", "fails while the value is used",
        True, "brief", "count the rows that use the value", "SELECT {column}, COUNT(*) FROM {table} GROUP BY {column}",
    ),
    (
        "remove enum value", LOSS, LOSS, "writes of the old value fail", "rows that had the value were changed", False,
        "may rewrite the table", "keep the value until no code writes it",
    ),
    (
        "rebuild table", UNKNOWN, UNKNOWN,
        "may miss rows: SQLite makes the table anew, and dropping the old one takes along the rows that refer to it "
        "and cascade",
        "the rows are not kept", False, "SQLite locks the whole database",
        "count the rows of the tables that refer to it, and compare with the backup", "", "change table options",
    ),
    # -- indexes and constraints
    ("add index", SAFE, SAFE, "runs", "nothing is lost", True, "PostgreSQL blocks writes", "build it concurrently"),
    (
        "add unique", DOWN, SHIM, "writes of duplicates fail", "nothing is lost", True,
        "PostgreSQL blocks writes, MySQL too without INPLACE", "build it concurrently; now: drop the index",
    ),
    (
        "add primary", DOWN, SHIM, "writes of duplicates or NULL fail", "nothing is lost", True,
        "rewrites or locks the table", "build a unique index concurrently first",
    ),
    (
        "add foreign key", DOWN, SHIM, "writes in another order fail, deletes cascade or fail",
        "cascaded rows stay lost", True, "writes to both tables are blocked", "add it NOT VALID, validate it later",
    ),
    (
        "add restricting key", DOWN, SHIM,
        "leaves the rows of the new table: while they are there, it cannot delete or change what they refer to",
        "nothing is lost", True, "a foreign key locks the parent table for a moment",
        "let the key cascade or set NULL; now: without such rows it runs, with them drop the key",
        "SELECT COUNT(*) FROM {table} WHERE {column} IS NOT NULL", "add foreign key",
    ),
    (
        "add index on text", DOWN, UNKNOWN,
        "writes of long values fail: PostgreSQL indexes no row above 2,704 bytes, and no words above 1 MB",
        "nothing is lost", True, "PostgreSQL blocks writes", "index a hash or a part of the text; now: drop the index",
        "", "add index",
    ),
    (
        "add expression index", UNKNOWN, UNKNOWN, "writes of rows for which the expression fails are refused",
        "nothing is lost", True, "PostgreSQL blocks writes",
        "look whether the expression can fail: casts, division, JSON; now: drop the index", "", "add index",
    ),
    (
        "add check", DOWN, SHIM, "writes that break the check fail", "nothing is lost", True,
        "PostgreSQL scans the table", "add it NOT VALID, validate it later",
    ),
    (
        "drop index", DOWN, SHIM, "runs, slower: a query may become too slow, FORCE INDEX fails", "nothing is lost",
        True, "brief", "build it again (concurrently) if queries are slow",
    ),
    (
        "drop unique", DOWN, UNKNOWN, "upserts may fail, duplicates get in", "fails while there are duplicates", True,
        "brief", "count the duplicates",
        "SELECT {column}, COUNT(*) FROM {table} GROUP BY {column} HAVING COUNT(*) > 1",
    ),
    (
        "drop primary", DOWN, UNKNOWN, "upserts may fail, duplicates get in", "fails while there are duplicates", True,
        "rewrites the table", "count the duplicates",
        "SELECT {column}, COUNT(*) FROM {table} GROUP BY {column} HAVING COUNT(*) > 1",
    ),
    (
        "drop fulltext", DOWN, SHIM, "searches with MATCH fail", "nothing is lost", True, "brief", "build it again",
    ),
    ("drop foreign key", SAFE, SAFE, "runs", "fails while there are orphans", True, "brief", "count the orphans"),
    (
        "drop cascading key", DOWN, UNKNOWN,
        "may leave it to the key to delete rows or to set them to NULL: what belonged to a deleted row stays",
        "fails while there are orphans", True, "brief",
        "count the orphans, then add the key again as it was before older code runs",
        "SELECT COUNT(*) FROM {table} WHERE {column} IS NOT NULL", "drop foreign key",
    ),
    ("drop check", SAFE, SAFE, "runs", "fails while rows break the check", True, "brief", "leave it"),
    ("rename index", SAFE, SAFE, "runs, unless a query names the index", "nothing is lost", True, "brief", "leave it"),
    # -- rows
    (
        "insert rows", DOWN, UNKNOWN, "meets rows that it does not know", "the rows are deleted again", True, "brief",
        "look at who reads them: it may run on them, or they may have to be deleted",
    ),
    (
        "change rows", LOSS, LOSS, "reads other values than before", "the values before are not kept", False,
        "a long transaction on many rows", "keep the old values in a table first; now: restore them from the backup",
    ),
    (
        "fill new columns", SAFE, SAFE, "does not know the columns that are filled", "the values are lost", False,
        "a long transaction on many rows", "leave it",
    ),
    (
        "delete rows", LOSS, LOSS, "misses rows", "the rows are not kept", False, "a long transaction on many rows",
        "keep the rows in a table first; now: restore them from the backup",
    ),
    # -- views, routines, what is not understood
    ("create view", SAFE, SAFE, "does not know the view", "nothing is lost", True, "none", "leave it"),
    (
        "drop view", DOWN, UNKNOWN, "queries a view that is not there", "nothing is lost", True, "none",
        "create the view again",
    ),
    ("session setting", SAFE, SAFE, "runs", "nothing is lost", True, "none", "leave it"),
    (
        "unread", UNKNOWN, UNKNOWN, "nobody can tell from the text", "nobody can tell from the text", False, "unknown",
        "read it, or compare the real schema",
    ),
)  # fmt: skip
