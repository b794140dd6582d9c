"""MySQL and MariaDB: the server's read_only. It holds at once, also for open sessions, and for the whole server.

Users with SUPER (MariaDB: READ_ONLY ADMIN, too) are not stopped by it; the write that is tried shows whether the
application is one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.config.levers import ReadOnly
from runbook_lib.datastores.sql import Sql, sql_of
from runbook_lib.levers import write_probe
from runbook_lib.levers.base import WRITES_STOPPED, At, Request
from runbook_lib.run.plan import Snapshot, Step, Verdict


@dataclass(frozen=True)
class ReadOnlyMysql:
    """The server's variable."""

    request: Request
    table: ReadOnly

    stays: ClassVar[bool] = True
    several: ClassVar[bool] = False
    what: ClassVar[str] = WRITES_STOPPED

    def read(self) -> Snapshot:
        return {"was": self._value()}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        return (
            "it stops every database of that server, and waits for statements that are at work",
            "users with SUPER or READ_ONLY ADMIN still write",
            "a restart of the server ends it",
        )

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return (self._set(1, at),)

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return (self._set(before["was"], at),)

    def effect(self, before: Snapshot) -> Verdict:
        verdict = write_probe.refused(self.request.target, self.table)
        if verdict.passed or not self._value():
            return verdict
        reason = "read_only is on, but the user of the application may write all the same (SUPER or READ_ONLY ADMIN)"
        return Verdict("FAIL", (reason, "name the application's own user: levers.read_only.application"))

    def undone(self, before: Snapshot) -> Verdict:
        if before["was"]:
            return Verdict("PASS", ("writes were stopped before, and still are",))
        return write_probe.accepted(self.request.target, self.table)

    def holds(self, before: Snapshot) -> bool | None:
        return bool(self._value())

    @property
    def _sql(self) -> Sql:
        return sql_of(self.request.target)

    def _value(self) -> int:
        with self._sql.transaction(writes=False) as execute:
            [[value]] = execute("SELECT @@GLOBAL.read_only")
        return int(value)

    def _set(self, value: int, at: At) -> Step:
        statement = f"SET GLOBAL read_only = {int(value)}"

        def change() -> str:
            with self._sql.transaction() as execute:
                execute(statement)
            return ""

        return Step(
            f"{at.prefix}.read-only",
            "stop writes" if value else "resume writes",
            change,
            lambda: self._value() == value,
            shows=(statement,),
            repeatable=True,
        )
