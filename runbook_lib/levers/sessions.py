"""Sessions of the database ended that hold up others or last too long: exactly those of the plan, and only while they
are still what was planned to be ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from runbook_lib.command import mask, printable
from runbook_lib.config.levers import Sessions
from runbook_lib.errors import ParameterError, PlatformError
from runbook_lib.levers.base import At, Once, Request, not_configured, shown, wrong_after
from runbook_lib.levers.session import Session, Sitting
from runbook_lib.run.plan import Snapshot, Step, Verdict

GONE_WITHIN = 10.0
_LITERALS = re.compile(r"'(?:[^']|'')*'?|\"(?:[^\"]|\"\")*\"?|\b\d[\d.]*\b")


@dataclass(frozen=True)
class EndSessions(Once):
    """value: seconds, instead of those that are configured."""

    request: Request
    what: str = "sessions of the database ended"

    def __post_init__(self) -> None:
        database = self.request.target.environment.database
        if database is None or database.kind == "sqlite":
            raise not_configured(self.request, "sessions", "it needs the table database, pgsql or mysql")

    def read(self) -> Snapshot:
        """Literals are left out of the statements: they may be anybody's data."""
        found = self._found
        if not found:
            raise PlatformError(
                f"no session holds up others or lasts longer than {self._older:g} s",
                next_step="look for another cause: triage.ipynb",
            )
        return {"sessions": [{**vars(session), "query": shown_query(session.query)} for session in found]}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        return ("what they did in an open transaction is rolled back, and their request fails",)

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return tuple(self._step(Session(**facts), at) for facts in before["sessions"])

    def effect(self, before: Snapshot) -> Verdict:
        planned = [Session(**facts) for facts in before["sessions"]]

        def look() -> str:
            left = [str(session.id) for session in planned if self._still(session)]
            return f"still at it: {', '.join(left)}" if left else ""

        return shown(wrong_after(look, GONE_WITHIN), f"{len(planned)} sessions are gone")

    def _step(self, session: Session, at: At) -> Step:
        def do() -> str:
            if self._still(session) is None:
                return "it is at something else by now, and is left alone"
            self._sitting.end(session)
            return ""

        since = f"{datetime.fromtimestamp(session.since, UTC):%H:%M:%S} UTC"
        blocks = f", {session.blocks} wait for it" if session.blocks else ""
        return Step(
            f"{at.prefix}.session-{session.id}",
            f"end session {session.id} of {printable(session.user, 40)}: {session.state} since {since}{blocks}",
            do,
            lambda: self._still(session) is None,
            shows=(session.query,),
            repeatable=True,
            no_undo="its client connects again",
        )

    def _still(self, session: Session) -> Session | None:
        """The session as it is now, while it is still to be ended."""
        now = self._sitting.to_end(self._older, self._table.spare)
        return next((other for other in now if other.is_still(session)), None)

    @cached_property
    def _found(self) -> list[Session]:
        """Read once: sessions come and go, and each is looked at again before it is ended."""
        return self._sitting.to_end(self._older, self._table.spare)

    @cached_property
    def _table(self) -> Sessions:
        return self.request.levers.sessions or Sessions()

    @property
    def _older(self) -> float:
        if not self.request.value:
            return self._table.older
        if not re.fullmatch("[1-9][0-9]{0,5}", self.request.value, re.ASCII):
            raise ParameterError(
                f"{printable(self.request.value, 40)!r} is no number of seconds",
                next_step="give whole ones, from 1 on",
            )
        return float(self.request.value)

    @cached_property
    def _sitting(self) -> Sitting:
        database = self.request.target.environment.database
        if database is not None and database.kind == "pgsql":
            from runbook_lib.levers.sessions_postgresql import PostgresqlSessions

            return PostgresqlSessions(self.request.target)
        from runbook_lib.levers.sessions_mysql import MysqlSessions

        return MysqlSessions(self.request.target)


def shown_query(query: str) -> str:
    """A statement without its literals, masked and cut."""
    return printable(_LITERALS.sub("?", mask(query)), 120)
