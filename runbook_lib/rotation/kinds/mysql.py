"""Passwords of MySQL and MariaDB: a second user with the same grants beside the first, which is locked in the end.

A locked account goes on being the definer of views, triggers and routines; a dropped one would break them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.command import Secret, printable
from runbook_lib.datastores.sql import Execute
from runbook_lib.errors import PlatformError
from runbook_lib.rotation.kinds.base import Facts
from runbook_lib.rotation.kinds.database import DatabasePassword
from runbook_lib.rotation.kinds.naming import base_of, other
from runbook_lib.rotation.values import Values

_IDENTIFIED = re.compile(r" IDENTIFIED (?:BY PASSWORD|VIA|WITH) .*?(?= REQUIRE | WITH |$)")


@dataclass(frozen=True)
class MysqlPassword(DatabasePassword):
    """The user and password by which an application reaches MySQL or MariaDB."""

    dialect = "mysql"
    # Wrong password, locked account (MariaDB, MySQL), no such user on this host.
    refusals = ("(1045,", "(4151,", "(3118,", "(1698,")

    def facts(self, old: Values) -> Facts:
        user = old.get("user", "")
        self._refuse_own(user)
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
        lines = self._not_usable(facts)
        if facts["new_exists"]:
            lines.append(f"the user {facts['new']} is there already; its password and grants are replaced")
        return lines

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

    def retired_by(self, facts: Facts) -> str:
        return f"the user {facts['old']} is locked; its sessions end, after up to {self.drain:g} s"

    def _let_in(self, execute: Execute, facts: Facts, may: bool) -> None:
        for host in facts["hosts"]:
            execute(f"ALTER USER {_account(facts['old'], host)} ACCOUNT {'UNLOCK' if may else 'LOCK'}")

    def _sessions(self, execute: Execute, user: str) -> Sequence[int]:
        rows = execute("SELECT id FROM information_schema.processlist WHERE user = %s", user)
        return [int(number) for (number,) in rows]

    def _end(self, execute: Execute, session: int) -> None:
        try:
            execute(f"KILL CONNECTION {session}")
        except PlatformError as error:
            # It may have ended by itself.
            if "(1094," not in error.message:
                raise

    def _identified(self, password: str, version: str) -> str:
        if "mariadb" not in version.lower():
            # MySQL takes no value made elsewhere, and keeps it out of its logs itself.
            return f"IDENTIFIED BY '{password}'"
        code = hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()  # noqa: S324 - the protocol's
        Secret(code)
        return f"IDENTIFIED BY PASSWORD '*{code}'"


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
