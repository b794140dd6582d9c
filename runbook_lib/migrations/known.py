"""What is known of the tables while a set of migrations is walked through: what is new, what the old columns were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from runbook_lib.migrations.changes import Change, Column
from runbook_lib.migrations.keys import parents_of

ADDS = {"add column", "add required column", "add json column", "add soft deletes"}
DROPS = {"drop column", "drop timestamps", "drop soft deletes"}
CHANGES = {
    "change column", "change type", "widen column", "make required", "make nullable", "change default",
    "remove default",
}  # fmt: skip


@dataclass
class Known:
    """Older code knows none of the new tables, columns and indexes.

    again: the tables that are created somewhere in the set; a name that is taken again can have no view.
    leaving: the columns that are dropped somewhere in it. doubtful: those that may have been changed.
    swept: the tables of the set whose rows go when older code deletes rows of its own.
    rebuilds_quietly: on SQLite, a table is made anew with foreign keys out of force.
    usual_length: of a string for which none is given; 0 when it is not known.
    before, key, referred: ask the history for a column as it was before the set, for a foreign key that is dropped
    (None when it does not say), and whether other tables may refer to a table.
    """

    before: Callable[[str, str], Column | None] = lambda table, column: None
    key: Callable[[Change], Change | None] = lambda dropped: None
    referred: Callable[[str], bool] = lambda table: True
    usual_length: Callable[[], int] = lambda: 0
    rebuilds_quietly: bool = False
    tables: set[str] = field(default_factory=set)
    columns: dict[tuple[str, str], Column] = field(default_factory=dict)
    changed: dict[tuple[str, str], Column] = field(default_factory=dict)
    indexes: set[tuple[str, str]] = field(default_factory=set)
    again: set[tuple[str, str]] = field(default_factory=set)
    swept: set[tuple[str, str]] = field(default_factory=set)
    leaving: set[tuple[str, str, str]] = field(default_factory=set)
    doubtful: set[tuple[str, str]] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    gone_columns: set[tuple[str, str]] = field(default_factory=set)

    def new_table(self, change: Change) -> bool:
        return change.fixed and self._key(change) in self.tables

    def new_column(self, change: Change, column: str) -> bool:
        return change.fixed and (self._key(change), column) in self.columns

    def all_new(self, change: Change) -> bool:
        """The change concerns new columns only."""
        return bool(change.columns) and all(self.new_column(change, column) for column in change.columns)

    def column(self, change: Change, name: str) -> Column | None:
        """A column as it is before this change, if that is known."""
        key = (self._key(change), name)
        if key in self.doubtful:
            return None
        found = self.columns.get(key) or self.changed.get(key)
        return found or (self.before(change.table, name) if change.fixed and not change.connection else None)

    def dropped_key(self, change: Change) -> Change | None:
        """The foreign key that a change drops, if it is known."""
        return self.key(change) if change.fixed and change.table and not change.connection else None

    def leaves(self, change: Change, columns: Sequence[str]) -> bool:
        """Whether the columns are dropped as well."""
        return bool(columns) and all((change.connection, change.table, column) in self.leaving for column in columns)

    def may_be_referred(self, change: Change) -> bool:
        """Whether rows of tables that older code knows may refer to those of the table."""
        return not change.fixed or bool(change.connection) or self.referred(change.table)

    def kept_by(self, change: Change) -> bool:
        """Whether the rows that a new foreign key refers to may be deleted by older code."""
        parents = parents_of(change)
        if change.table in parents and change.fixed:
            return (change.connection, change.table) in self.swept
        new = [parent for parent in parents if self._key(change, parent) in self.tables]
        return not new or (change.connection, new[0]) in self.swept

    @staticmethod
    def _key(change: Change, table: str | None = None) -> str:
        name = change.table if table is None else table
        return f"{change.connection}/{name}" if change.connection else name

    def apply(self, change: Change) -> None:
        """Note what a change did. Only what is certain makes something new."""
        table = self._key(change)
        certain = change.certain
        if change.kind == "create table":
            if certain and not change.exists and table not in self.gone:
                self.tables.add(table)
        elif change.kind == "change table options" and change.call.startswith("temporary("):
            self.tables.discard(table)  # gone with the session: what is called so afterwards is another table
        elif change.kind == "drop table":
            self._drop_table(table)
        elif change.kind == "rename table":
            self._rename_table(table, self._key(change, change.to), certain)
        elif change.kind in ADDS:
            self._add(change, table, certain)
        elif change.kind in DROPS:
            for column in change.columns:
                if self.columns.pop((table, column), None) is None:
                    self.gone_columns.add((table, column))
        elif change.kind == "rename column":
            self._rename_column(change, table, certain)
        elif change.kind in CHANGES and not certain:
            self.doubtful |= {(table, column) for column in change.columns}
        elif change.kind in CHANGES and change.column is not None:
            self.doubtful.discard((table, change.column.name))
            held = self.columns if (table, change.column.name) in self.columns else self.changed
            held[table, change.column.name] = change.column
        elif change.kind in {"add index", "add unique", "add primary", "add foreign key"} and certain and change.name:
            self.indexes.add((table, change.name))

    def _drop_table(self, table: str) -> None:
        if table in self.tables:
            self.tables.discard(table)
        else:
            self.gone.add(table)

    def _rename_table(self, old: str, new: str, certain: bool) -> None:
        if old in self.tables:
            self.tables.discard(old)
            if certain and new not in self.gone:
                self.tables.add(new)
        else:
            self.gone.add(old)
        for key in [key for key in self.columns if key[0] == old]:
            self.columns[new, key[1]] = self.columns.pop(key)

    def _add(self, change: Change, table: str, certain: bool) -> None:
        for name in change.columns:
            if certain and table not in self.gone and (table, name) not in self.gone_columns:
                self.columns[table, name] = change.column or Column(name, nullable=True)

    def _rename_column(self, change: Change, table: str, certain: bool) -> None:
        held = self.columns.pop((table, change.columns[0]), None)
        if held is None:
            self.gone_columns.add((table, change.columns[0]))
        elif certain and (table, change.to) not in self.gone_columns:
            self.columns[table, change.to] = held


def replayed(changes: Sequence[Change], table: str, column: str) -> Column | None:
    """A column after these changes of earlier migrations; None when that is not certain."""
    found: Column | None = None
    name = table
    named = False
    for change in changes:
        if change.kind == "unread" and (change.table == name or column in change.call):
            found, named = None, True
        if change.kind == "rename table" and change.to == table:
            # The table had another name before: its columns are looked for under that.
            found = replayed([c for c in changes if c is not change and c.table == change.table], change.table, column)
        if change.table != name:
            continue
        found = _step(change, column, found, named)
        named = named or column in {*change.columns, change.to}
    return found


def _step(change: Change, column: str, found: Column | None, named: bool) -> Column | None:
    """named: something was said of the column before. If not, and it is there afterwards, a try has made it."""
    if change.kind in {"create table", "drop table"}:
        return None
    if change.kind == "rename column":
        return None if column in {change.columns[0], change.to} else found
    if column not in change.columns or change.kind not in ADDS | DROPS | CHANGES:
        return found
    first = not named and change.kind in ADDS
    if not (change.certain_or_failed if first else change.certain) or change.kind in DROPS:
        return None
    if change.column is not None and change.column.name == column and change.kind in ADDS | CHANGES:
        return None if change.kind in CHANGES and _may_keep(change, found) else change.column
    return None if change.kind in CHANGES else found


def _may_keep(change: Change, found: Column | None) -> bool:
    """Whether ->change() left something unsaid: Laravel 8 to 10 kept it as it was, 11 and later take it away."""
    after = change.column
    if after is None or after.type.startswith("sql "):
        return False
    if found is None:
        return True
    lost_null = found.nullable and not after.nullable and "nullable(" not in change.call
    lost_default = found.default and not after.default and "default(" not in change.call
    return lost_null or lost_default or (found.unsigned and not after.unsigned)
