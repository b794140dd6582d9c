"""PostgreSQL: transactions are read-only unless they say otherwise, for a database or for one role in it.

Only sessions that begin afterwards are stopped: those that are open keep what they began with, and so do they when
writes are resumed. They are ended where `levers.read_only.sessions` says so, else they are named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from runbook_lib.config.levers import ReadOnly
from runbook_lib.datastores.sql import Execute, Place, Sql, sql_of
from runbook_lib.errors import ConfigurationError
from runbook_lib.levers import write_probe
from runbook_lib.levers.base import WRITES_STOPPED, At, Request
from runbook_lib.run.plan import Snapshot, Step, Verdict

_SETTING = (
    "SELECT split_part(setting, '=', 2) FROM pg_db_role_setting, unnest(setconfig) AS setting "
    "WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND setrole = COALESCE((SELECT oid FROM pg_roles WHERE rolname = %s), 0) "
    "AND setting LIKE 'default_transaction_read_only=%%'"
)
# Sessions of the application that began before a moment: not ours, not the server's own, no superuser at maintenance.
_OLDER = (
    "FROM pg_stat_activity AS a JOIN pg_roles AS r ON r.rolname = a.usename WHERE a.datname = current_database() "
    "AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND a.application_name <> 'runbook' "
    "AND (%s = '' OR a.usename = %s) AND (NOT r.rolsuper OR a.usename = %s) "
    "AND a.backend_start < to_timestamp(%s)"
)
_NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"


@dataclass(frozen=True)
class ReadOnlyPostgresql:
    """The default of new sessions."""

    request: Request
    table: ReadOnly

    stays: ClassVar[bool] = True
    several: ClassVar[bool] = False
    what: ClassVar[str] = WRITES_STOPPED

    def read(self) -> Snapshot:
        """The setting before, and who writes; a superuser who is the application is counted, too."""
        with self._sql.transaction(writes=False) as execute:
            was = self._setting(execute)
        return {"was": was, "database": self._place.name}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        sessions = (
            "open sessions of the application are ended: what they do at that moment fails"
            if self._ends
            else "open sessions keep on writing until they end; levers.read_only.sessions = terminate ends them"
        )
        return (sessions, "who sets the transaction's mode himself still writes")

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return (self._set("on", at), *self._ended(at))

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return (self._set(before["was"], at), *self._ended(at))

    def effect(self, before: Snapshot) -> Verdict:
        verdict = write_probe.refused(self.request.target, self.table)
        if not verdict.passed:
            return verdict
        left = self._left()
        words = f"up to {left} open sessions keep on writing until they end" if left else "no open session can write"
        return Verdict("PASS", (*verdict.reasons, words), {"open sessions": left})

    def undone(self, before: Snapshot) -> Verdict:
        if before["was"] == "on":
            return Verdict("PASS", ("writes were stopped before, and still are",))
        verdict = write_probe.accepted(self.request.target, self.table)
        left = self._left()
        words = (f"up to {left} open sessions stay read-only until they end",) if verdict.passed and left else ()
        return Verdict(verdict.result, (*verdict.reasons, *words), {"open sessions": left})

    def holds(self, before: Snapshot) -> bool | None:
        return write_probe.is_refused(self.request.target, self.table)

    # -- the setting --------------------------------------------------------------------------------------------

    @property
    def _sql(self) -> Sql:
        return sql_of(self.request.target)

    @cached_property
    def _place(self) -> Place:
        database = self.request.target.environment.database
        if database is None or database.url is None:
            raise ConfigurationError(f"{self.request.target.label} has no table database", next_step="add it")
        return Place.of(database.url.resolve(self.request.target.root), database.kind)

    def _setting(self, execute: Execute) -> str | None:
        rows = execute(_SETTING, self.table.role)
        return str(rows[0][0]) if rows else None

    def _set(self, value: str | None, at: At) -> Step:
        whose = f"ROLE {_quoted(self.table.role)} IN DATABASE" if self.table.role else "DATABASE"
        change = f"SET default_transaction_read_only = {'on' if value == 'on' else 'off'}" if value else ""
        statement = f"ALTER {whose} {_quoted(self._place.name)} {change or 'RESET default_transaction_read_only'}"

        def alter() -> str:
            with self._sql.transaction() as execute:
                # This session may itself be one that began read-only.
                execute("SET TRANSACTION READ WRITE")
                execute(statement)
                [[now]] = execute(_NOW)
            return f"sessions from {now:.0f} on"

        def done() -> bool:
            with self._sql.transaction(writes=False) as execute:
                return self._setting(execute) == value

        return Step(f"{at.prefix}.setting", "stop writes" if value == "on" else "restore the setting", alter, done,
                    shows=(statement,), repeatable=True)  # fmt: skip

    # -- open sessions ------------------------------------------------------------------------------------------

    @property
    def _ends(self) -> bool:
        return self.table.sessions == "terminate"

    def _ended(self, at: At) -> Iterator[Step]:
        if self._ends:
            yield Step(
                f"{at.prefix}.sessions",
                "end the application's open sessions",
                self._terminate,
                lambda: None,
                shows=("SELECT pg_terminate_backend(pid) ... of the application's sessions",),
                repeatable=True,
                no_undo="the application connects again",
            )

    def _terminate(self) -> str:
        with self._sql.transaction() as execute:
            [[now]] = execute(_NOW)
            ended = execute(f"SELECT pg_terminate_backend(a.pid) {_OLDER}", *self._whose(now))
        return f"{sum(bool(row[0]) for row in ended)} sessions ended"

    def _left(self) -> int:
        """How many sessions may have begun before the setting was as it is now: all that are open, unless they were
        ended. The moment itself is written down nowhere."""
        if self._ends:
            return 0
        with self._sql.transaction(writes=False) as execute:
            [[now]] = execute(_NOW)
            [[count]] = execute(f"SELECT count(*) {_OLDER}", *self._whose(now))
        return int(count)

    def _whose(self, until: float) -> tuple[str, str, str, float]:
        application = write_probe.application_user(self.request.target, self.table)
        return self.table.role, self.table.role, self.table.role or application, until


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
