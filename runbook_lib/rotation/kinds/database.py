"""Passwords of database servers: a second user beside the first, which is shut out in the end. What each server calls
that is in the modules of the servers."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from runbook_lib.command import Secret, mask, printable, quantity
from runbook_lib.config import DatabaseKind
from runbook_lib.datastores.sql import Execute, Place, Sql, server
from runbook_lib.errors import ConfigurationError, PlatformError
from runbook_lib.rotation.kinds.base import Facts, Reply
from runbook_lib.rotation.values import Values, generated, known

LOOK_EVERY = 0.2


@dataclass(frozen=True)
class DatabasePassword(ABC):
    """The user and password by which an application reaches a database. admin: who makes users; timeout, drain: seconds
    for one statement, and that sessions get to end by themselves. dialect, refusals: of the server, and what its errors
    have in them when it lets nobody in."""

    admin: Place
    timeout: float
    drain: float

    dialect: ClassVar[DatabaseKind]
    refusals: ClassVar[tuple[str, ...]]

    # -- of each server -----------------------------------------------------------------------------------------------

    @abstractmethod
    def _let_in(self, execute: Execute, facts: Facts, may: bool) -> None:
        """Let the old user log in, or no longer."""

    @abstractmethod
    def _sessions(self, execute: Execute, user: str) -> Sequence[int]:
        """The numbers of a user's sessions."""

    @abstractmethod
    def _end(self, execute: Execute, session: int) -> None:
        """End one session, which may have ended by itself."""

    def _shut_out(self, user: str) -> bool:
        """Whether the server, asked by the one who makes users, says that this one may not log in."""
        return False

    # -- of all -------------------------------------------------------------------------------------------------------

    @property
    def variables(self) -> dict[str, str]:
        return {"DB_USERNAME": "user", "DB_PASSWORD": "password"}

    @property
    def proves_before(self) -> bool:
        return True

    def make(self, old: Values, facts: Facts) -> Values:
        return known({"user": facts["new"], "password": generated()})

    def try_out(self, values: Values) -> Reply:
        place = replace(self.admin, user=values["user"], password=Secret(values["password"]))
        try:
            with Sql(server(place, self.timeout), self.dialect).transaction(writes=False) as execute:
                execute("SELECT 1")
        except PlatformError as error:
            refused = any(words in error.message for words in self.refusals) or self._shut_out(values["user"])
            return Reply("refused" if refused else "unknown", printable(mask(error.message), 160))
        return Reply("accepted", f"logged in as {values['user']}")

    def lives_on(self, facts: Facts) -> str:
        return ""

    def retire(self, old: Values, new: Values, facts: Facts) -> str:
        with self._sql.transaction() as execute:
            self._let_in(execute, facts, may=False)
        ended = self._end_sessions(facts["old"], self.drain)
        return f"ended {quantity(ended, 'session')}" if ended else "all its sessions had ended"

    def restore(self, old: Values, new: Values, facts: Facts) -> str:
        with self._sql.transaction() as execute:
            self._let_in(execute, facts, may=True)
        return f"{facts['old']} can log in again"

    def no_restore(self, facts: Facts) -> str:
        return ""

    def _end_sessions(self, user: str, patience: float) -> int:
        deadline = time.monotonic() + patience
        while True:
            with self._sql.transaction() as execute:
                sessions = self._sessions(execute, user)
                if not sessions:
                    return 0
                if time.monotonic() >= deadline:
                    for session in sessions:
                        self._end(execute, session)
                    return len(sessions)
            time.sleep(LOOK_EVERY)

    def _refuse_own(self, user: str) -> None:
        if user == self.admin.user:
            raise ConfigurationError(
                f"{user} is the application's user and the one that would lock it out",
                next_step="name another one, which may make users, in `admin` of this secret",
            )

    def _not_usable(self, facts: Facts) -> list[str]:
        if facts["usable"] == "accepted":
            return []
        return [f"the present password of {facts['old']} is {facts['usable']} by the server"]

    @property
    def _sql(self) -> Sql:
        return Sql(server(self.admin, self.timeout), self.dialect)
