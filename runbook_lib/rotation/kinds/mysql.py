"""Passwords of MySQL and MariaDB: a second user with the same grants beside the first, which is locked in the end.

A locked account goes on being the definer of views, triggers and routines; a dropped one would break them.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from runbook_lib.command import Secret, mask, printable
from runbook_lib.datastores.sql import Execute, Place, Sql, server
from runbook_lib.errors import ConfigurationError, PlatformError
from runbook_lib.rotation.kinds.base import Facts, Reply
from runbook_lib.rotation.kinds.naming import base_of, other
from runbook_lib.rotation.values import Values, generated, known

_IDENTIFIED = re.compile(r" IDENTIFIED (?:BY PASSWORD|VIA|WITH) .*?(?= REQUIRE | WITH |$)")
# Wrong password, locked account (MariaDB, MySQL), no such user on this host.
_REFUSALS = ("(1045,", "(4151,", "(3118,", "(1698,")
LOOK_EVERY = 0.2


@dataclass(frozen=True)
class MysqlPassword:
    """The user and password by which an application reaches MySQL or MariaDB. admin: who makes users; timeout, drain:
    seconds for one statement, and that sessions get to end by themselves."""

    admin: Place
    timeout: float
    drain: float

    @property
    def variables(self) -> dict[str, str]:
        return {"DB_USERNAME": "user", "DB_PASSWORD": "password"}

    @property
    def proves_before(self) -> bool:
        return True

    def facts(self, old: Values) -> Facts:
        user = old.get("user", "")
        if user == self.admin.user:
            raise ConfigurationError(
                f"{user} is the application's user and the one that would lock it out",
                next_step="name another one, which may make users, in `admin` of this secret",
            )
        fresh = other(user, base_of(user))
        with self._sql.transaction(writes=False) as execute:
            hosts = _hosts(execute, user)
            if not hosts:
                raise PlatformError(
                    f"the server has no user {printable(user, 60)}", next_step="check the variable of the user"
                )
            return {
                "server": f"{self.admin.host}:{self.admin.port}",
                "version": str(execute("SELECT version()")[0][0]),
                "old": user,
                "new": fresh,
                "hosts": hosts,
                "usable": self.try_out(old).answer,
                "new_exists": bool(_hosts(execute, fresh)),
            }

    def warnings(self, facts: Facts) -> list[str]:
        lines = []
        if facts["usable"] != "accepted":
            lines.append(f"the present password of {facts['old']} is {facts['usable']} by the server")
        if facts["new_exists"]:
            lines.append(f"the user {facts['new']} is there already; its password and grants are replaced")
        return lines

    def make(self, old: Values, facts: Facts) -> Values:
        return known({"user": facts["new"], "password": generated()})

    def introduced_by(self, facts: Facts) -> str:
        return f"user {facts['new']} beside {facts['old']}, with the same grants, at {', '.join(facts['hosts'])}"

    def introduce(self, old: Values, new: Values, facts: Facts) -> str:
        with self._sql.transaction() as execute:
            for host in facts["hosts"]:
                account = _account(facts["new"], host)
                identified = self._identified(new["password"], facts["version"])
                execute(f"CREATE USER IF NOT EXISTS {account} {identified}")
                execute(f"ALTER USER {account} {identified} ACCOUNT UNLOCK")
                execute(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {account}")
                for grant in _grants(execute, facts["old"], host):
                    execute(_for_driver(_handed_on(grant, facts["old"], facts["new"], host)))
        return ""

    def withdraw(self, old: Values, new: Values, facts: Facts) -> str:
        with self._sql.transaction() as execute:
            for host in facts["hosts"]:
                execute(f"DROP USER IF EXISTS {_account(facts['new'], host)}")
        self._end_sessions(facts["new"], 0)
        return f"the user {facts['new']} is removed"

    def try_out(self, values: Values) -> Reply:
        place = replace(self.admin, user=values["user"], password=Secret(values["password"]))
        try:
            with Sql(server(place, self.timeout), "mysql").transaction(writes=False) as execute:
                execute("SELECT 1")
        except PlatformError as error:
            refused = any(words in error.message for words in _REFUSALS)
            return Reply("refused" if refused else "unknown", printable(mask(error.message), 160))
        return Reply("accepted", f"logged in as {values['user']}")

    def lives_on(self, facts: Facts) -> str:
        return ""

    def retired_by(self, facts: Facts) -> str:
        return f"the user {facts['old']} is locked; its sessions end, after up to {self.drain:g} s"

    def retire(self, old: Values, new: Values, facts: Facts) -> str:
        self._lock(facts, "LOCK")
        ended = self._end_sessions(facts["old"], self.drain)
        return f"{ended} sessions were ended" if ended else "all its sessions had ended"

    def restore(self, old: Values, new: Values, facts: Facts) -> str:
        self._lock(facts, "UNLOCK")
        return f"{facts['old']} can log in again"

    def no_restore(self, facts: Facts) -> str:
        return ""

    def _lock(self, facts: Facts, word: str) -> None:
        with self._sql.transaction() as execute:
            for host in facts["hosts"]:
                execute(f"ALTER USER {_account(facts['old'], host)} ACCOUNT {word}")

    def _end_sessions(self, user: str, patience: float) -> int:
        deadline = time.monotonic() + patience
        while True:
            with self._sql.transaction(writes=False) as execute:
                sessions = execute("SELECT id FROM information_schema.processlist WHERE user = %s", user)
                if not sessions:
                    return 0
                if time.monotonic() >= deadline:
                    for (number,) in sessions:
                        _end(execute, int(number))
                    return len(sessions)
            time.sleep(LOOK_EVERY)

    def _identified(self, password: str, version: str) -> str:
        if "mariadb" not in version.lower():
            # MySQL takes no value made elsewhere, and keeps it out of its logs itself.
            return f"IDENTIFIED BY '{password}'"
        code = hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()  # noqa: S324 - the protocol's
        Secret(code)
        return f"IDENTIFIED BY PASSWORD '*{code}'"

    @property
    def _sql(self) -> Sql:
        return Sql(server(self.admin, self.timeout), "mysql")


def _hosts(execute: Execute, user: str) -> list[str]:
    return [str(host) for (host,) in execute("SELECT host FROM mysql.user WHERE user = %s ORDER BY host", user)]


def _grants(execute: Execute, user: str, host: str) -> Sequence[str]:
    rows = execute(f"SHOW GRANTS FOR {_account(user, host)}")
    return [_IDENTIFIED.sub("", str(grant)) for (grant,) in rows]


def _handed_on(grant: str, old: str, new: str, host: str) -> str:
    """A grant, or a default role, for another user. PlatformError when it cannot be read."""
    account = re.compile(rf"( TO | FOR )([`'\"]){re.escape(old)}\2@([`'\"]){re.escape(host)}\3")
    text, count = account.subn(lambda found: f"{found[1]}`{new}`@`{host}`", grant, count=1)
    if not count:
        raise PlatformError(
            f"a grant of {old} cannot be handed on: {printable(grant, 200)}",
            next_step="grant it by hand, or simplify it",
        )
    return text


def _account(user: str, host: str) -> str:
    def literal(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "''").replace("%", "%%") + "'"

    return f"{literal(user)}@{literal(host)}"


def _for_driver(statement: str) -> str:
    return statement.replace("%", "%%")


def _end(execute: Execute, number: int) -> None:
    try:
        execute(f"KILL CONNECTION {number}")
    except PlatformError as error:
        # It may have ended by itself.
        if "(1094," not in error.message:
            raise
