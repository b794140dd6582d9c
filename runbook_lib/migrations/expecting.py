"""What the schema must look like once migrations were taken back, held against what it looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.migrations.known import ADDS, DROPS
from runbook_lib.schema.difference import Difference, differences
from runbook_lib.schema.tables import Described


@dataclass(frozen=True)
class Expected:
    """One change that is to be taken back. kind: of the change; table, columns: that it is about. certain: it stands
    under no condition, and its names are known."""

    kind: str
    table: str
    columns: tuple[str, ...]
    certain: bool

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Expected:
        """From an operation's kind, subject and guards, as the assessment tells them."""
        table, _, columns = str(facts["subject"]).partition(" ")[0].partition(".")
        names = str(facts["subject"]).partition(".")[2]
        listed = tuple(name.strip() for name in names.split(",")) if columns else ()
        return cls(facts["kind"], table, listed, not facts["guards"] and table != "?")

    @property
    def renames(self) -> bool:
        return self.kind in ("rename table", "rename column")

    def covers(self, difference: Difference) -> bool:
        """Whether a difference may come of it."""
        if self.kind == "rename table" and difference.whole:
            return True
        if self.table != difference.table:
            return False
        if self.kind.endswith("table") or not difference.column:
            return True
        return difference.column in self.columns or (self.renames and not difference.after)

    def contradiction(self, after: Described) -> str:
        """What of it is still to be seen, in words, or nothing."""
        if not self.certain:
            return ""
        table = after.get(self.table)
        if self.kind == "create table":
            return f"the table {self.table} is still there" if table is not None else ""
        if self.kind in ("drop table", "rename table") and table is None:
            return f"the table {self.table} is not there again"
        there = [name for name in self.columns if f"column {name}" in (table or {})]
        if self.kind in ADDS and there:
            return f"{self.table}.{', '.join(there)} is still there"
        if (self.kind in DROPS or self.kind == "rename column") and len(there) < len(self.columns):
            return f"{self.table}.{', '.join(n for n in self.columns if n not in there)} is not there again"
        return ""


@dataclass(frozen=True)
class Comparison:
    """Two readings of a schema held against what was expected. as_expected: how many differences were; other: those
    that nobody expected; contradictions: what was expected and is not so."""

    as_expected: int
    other: tuple[str, ...]
    contradictions: tuple[str, ...]

    def __str__(self) -> str:
        words = [f"differences as expected: {self.as_expected}"]
        words += [f"not expected: {'; '.join(self.other[:5])}"] if self.other else []
        words += [f"{len(self.other) - 5} more"] if len(self.other) > 5 else []
        return ", ".join(words)


def compared(expected: Sequence[Expected], before: Described, after: Described) -> Comparison:
    """Hold what changed between two readings against what was to be taken back."""
    # A table that was created and is gone takes its own changes along.
    created = {one.table for one in expected if one.kind == "create table" and one.certain}
    apart = [one for one in expected if one.kind == "create table" or one.table not in created]
    found = differences(before, after)
    covered = [difference for difference in found if any(one.covers(difference) for one in expected)]
    contradictions = [one.contradiction(after) for one in apart]
    return Comparison(
        len(covered),
        tuple(str(difference) for difference in found if difference not in covered),
        tuple(dict.fromkeys(filter(None, contradictions))),
    )
