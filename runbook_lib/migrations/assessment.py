"""The answer: operations, migrations and the whole, each with its verdict and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from runbook_lib.command import quantity
from runbook_lib.display import Table
from runbook_lib.migrations.reversing import Reversal
from runbook_lib.migrations.rules import Verdict
from runbook_lib.migrations.shims import Shim


@dataclass(frozen=True)
class Reference:
    """A place where the older release names something that is gone."""

    name: str
    file: str
    line: int
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Operation(NamedTuple):
    """One thing that up() does.

    subject: table, or table.column. call: how it is written. why: what it means for older code. cost: of taking it
    back. check: SQL whose count decides. guards: the conditions under which it happened. brings: the names that are new
    to a table, or to a database, that older code knows.
    """

    kind: str
    verdict: Verdict
    line: int
    subject: str
    call: str
    why: str
    cost: str
    lock: str
    advice: str
    check: str = ""
    guards: tuple[str, ...] = ()
    shims: tuple[Shim, ...] = ()
    references: tuple[Reference, ...] = ()
    brings: tuple[str, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "verdict": str(self.verdict), "line": self.line, "subject": self.subject,
            "call": self.call, "why": self.why, "cost": self.cost, "lock": self.lock, "advice": self.advice,
            "check": self.check, "guards": list(self.guards), "shims": [shim.facts for shim in self.shims],
            "references": [vars(reference) for reference in self.references],
        }  # fmt: skip


@dataclass(frozen=True)
class MigrationAssessment:
    """One migration. reversible: what its down() does. notes: what holds for all of it."""

    name: str
    verdict: Verdict
    operations: tuple[Operation, ...]
    reversible: Reversal
    notes: tuple[str, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "name": self.name, "verdict": str(self.verdict),
            "operations": [operation.facts for operation in self.operations],
            "down": self.reversible.facts, "notes": list(self.notes),
        }  # fmt: skip


@dataclass(frozen=True)
class Assessment:
    """The whole set. way: what to do, in the order of decisions: leave it, shim, down, restore or ask. unseen: what
    could not be looked at."""

    migrations: tuple[MigrationAssessment, ...]
    database: str = ""
    unseen: tuple[str, ...] = ()
    way: str = ""

    @property
    def verdict(self) -> Verdict:
        return max((migration.verdict for migration in self.migrations), default=Verdict.SAFE)

    @property
    def shims(self) -> tuple[Shim, ...]:
        """The shims that older code needs, in order."""
        return tuple(
            shim for m in self.migrations for o in m.operations if o.verdict is Verdict.SHIM for shim in o.shims
        )

    def of(self, verdict: Verdict) -> list[MigrationAssessment]:
        return [migration for migration in self.migrations if migration.verdict is verdict]

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "verdict": str(self.verdict), "way": self.way, "database": self.database,
            "unseen": list(self.unseen),
            "migrations": [migration.facts for migration in self.migrations],
        }  # fmt: skip

    def table(self) -> Table:
        """One row a migration; the operations that decided in it."""
        rows = [
            (migration.name, str(migration.verdict), _deciding(migration.operations, migration.verdict),
             f"{migration.reversible.can} ({migration.reversible.state})")
            for migration in self.migrations
        ]  # fmt: skip
        title = f"Migrations that the older code would meet: {len(self.migrations)}, {self.verdict}"
        return Table(title, ("migration", "verdict", "because", "down() takes it back"), rows, (self.way,))


def _deciding(operations: Sequence[Operation], verdict: Verdict) -> str:
    found = [operation for operation in operations if operation.verdict is verdict]
    if verdict is Verdict.SAFE or not found:
        return f"{quantity(len(operations), 'operation')}, none touches older code" if operations else ""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{found[0].kind} {found[0].subject}, line {found[0].line}: {found[0].why}{more}"
