"""What changed between two readings of a schema."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.schema.tables import Described


@dataclass(frozen=True)
class Difference:
    """One thing that is not as before. what: "column NAME", "unique NAME", "table"; before, after: in words, empty
    where it was or is not there."""

    table: str
    what: str
    before: str
    after: str

    @property
    def column(self) -> str:
        """The column's name, or nothing where it is about something else."""
        kind, _, name = self.what.partition(" ")
        return name if kind == "column" else ""

    @property
    def whole(self) -> bool:
        """Whether the table as a whole came or went."""
        return self.what in ("table", "view")

    def __str__(self) -> str:
        subject = f"{self.what} {self.table}" if self.whole else f"{self.table}: {self.what}"
        if not self.before or not self.after:
            return f"{subject} {'is new' if self.after else 'is gone'}"
        return f"{subject} was {self.before}, is {self.after}"


def differences(before: Described, after: Described) -> list[Difference]:
    """What is not as before, by table. Of a table that came or went as a whole, only that is told."""
    found: list[Difference] = []
    for table in sorted({*before, *after}):
        old, new = before.get(table, {}), after.get(table, {})
        kinds = [what for what in ("table", "view") if (what in old) != (what in new)]
        changed = kinds or [what for what in sorted({*old, *new}) if old.get(what) != new.get(what)]
        found += [Difference(table, what, old.get(what, ""), new.get(what, "")) for what in changed]
    return found
