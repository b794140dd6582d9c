"""Writes stopped and resumed, proven by trying to write as the application does.

`read_only` gives a lever whose steps fit into any plan: `pull` stops writes, `undo` resumes them, `effect` and `undone`
try to write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.config.levers import ReadOnly
from runbook_lib.errors import ConfigurationError
from runbook_lib.levers import commands
from runbook_lib.levers.base import WRITES_STOPPED, At, Lever, Request, no_value, not_configured, shown
from runbook_lib.run.plan import Snapshot, Step, Verdict


def read_only(request: Request) -> Lever:
    """The lever of an environment: its own commands where there are some, else its database's switch.
    ConfigurationError where there is neither."""
    no_value(request)
    table = request.levers.read_only or ReadOnly()
    if table.run:
        return ReadOnlyByCommand(request, table)
    database = request.target.environment.database
    if database is None:
        raise ConfigurationError(
            f"read_only has no lever in {request.target.label}: it has neither a table database nor commands",
            next_step="add the table database, or levers.read_only with run, undo and refused, to runbooks.toml",
        )
    if database.kind == "pgsql":
        from runbook_lib.levers.read_only_postgresql import ReadOnlyPostgresql

        return ReadOnlyPostgresql(request, table)
    if database.kind == "mysql":
        from runbook_lib.levers.read_only_mysql import ReadOnlyMysql

        return ReadOnlyMysql(request, table)
    raise not_configured(request, "read_only", "SQLite has no switch for all who write")


@dataclass(frozen=True)
class ReadOnlyByCommand:
    """Three commands of your own: one stops writes, one resumes them, one tries to write."""

    request: Request
    table: ReadOnly

    stays: ClassVar[bool] = True
    several: ClassVar[bool] = False
    what: ClassVar[str] = WRITES_STOPPED

    def read(self) -> Snapshot:
        at = commands.places(self.request.target, self.table.where)
        return {"places": at, "refused": self._are_refused(at)}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        return ("writes are refused already: taking it back resumes them all the same",) if before["refused"] else ()

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return self._steps("stop-writes", self.table.run, before, at, refused=True)

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return self._steps("resume-writes", self.table.undo, before, at, refused=False)

    def effect(self, before: Snapshot) -> Verdict:
        wrong = commands.objection(self.request.target, self.table.where, before["places"], self.table.refused)
        return shown(wrong, "a write was tried and refused")

    def undone(self, before: Snapshot) -> Verdict:
        refused = self._are_refused(before["places"])
        return shown("a write was tried and refused" if refused else "", "a write was tried and went through")

    def holds(self, before: Snapshot) -> bool | None:
        return self._are_refused(before["places"])

    def _are_refused(self, at: list[str]) -> bool:
        return commands.says_yes(self.request.target, self.table.where, at, self.table.refused)

    def _steps(self, name: str, argv: list[str], before: Snapshot, at: At, *, refused: bool) -> tuple[Step, ...]:
        return tuple(
            commands.steps(
                self.request.target,
                self.table.where,
                before["places"],
                at,
                name,
                argv,
                holds=lambda place: self._are_refused([place]) is refused,
            )
        )
