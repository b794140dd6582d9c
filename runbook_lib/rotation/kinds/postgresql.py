"""Passwords of PostgreSQL: a second role beside the first, which acts as the owner of everything from its first moment.

New roles are members of the owner and take its part at each login (ALTER ROLE ... SET role), so that what they make
belongs to the owner, too. Passwords go to the server as SCRAM verifiers: no log of it ever has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.command import Secret, printable
from runbook_lib.datastores.sql import Execute
from runbook_lib.errors import PlatformError
from runbook_lib.rotation.kinds.base import Facts
from runbook_lib.rotation.kinds.database import DatabasePassword
from runbook_lib.rotation.kinds.naming import other
from runbook_lib.rotation.values import Values, generated

# Role, whether it may log in, the role that it takes at login, its limit of connections.
_ROLE = """
SELECT rolcanlogin, rolconnlimit, coalesce((SELECT substr(setting, 6) FROM unnest(rolconfig) AS setting
WHERE setting LIKE 'role=%%'), '') FROM pg_roles WHERE rolname = %s
"""
_MAY = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
_SETTINGS = """
SELECT coalesce(d.datname, ''), split_part(s, '=', 1), substr(s, position('=' in s) + 1)
FROM pg_db_role_setting r LEFT JOIN pg_database d ON d.oid = r.setdatabase, unnest(r.setconfig) AS s
WHERE r.setrole = (SELECT oid FROM pg_roles WHERE rolname = %s) ORDER BY 1, 2
"""
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid()"


@dataclass(frozen=True)
class PostgresPassword(DatabasePassword):
    """The user and password by which an application reaches PostgreSQL."""

    dialect = "pgsql"
    refusals = ("authentication failed", "is not permitted to log in", "does not exist", "no password supplied")

    def facts(self, old: Values) -> Facts:
        user = old.get("user", "")
        self._refuse_own(user)
        with self._sql.transaction(writes=False) as execute:
            role = execute(_ROLE, user)
            if not role:
                raise PlatformError(
                    f"PostgreSQL has no role {printable(user, 60)}", next_step="check the variable of the user"
                )
            if execute(_MAY) != [(True,)]:
                raise PlatformError(
                    f"{self.admin.user} may not make roles", next_step="name one that may in `admin` of this secret"
                )
            _, limit, taken = role[0]
            owner = taken or user
            fresh = other(user, owner)
            return {
                "server": f"{self.admin.host}:{self.admin.port}",
                "old": user,
                "owner": owner,
                "new": fresh,
                "limit": limit,
                "usable": self.try_out(old).answer,
                "any_password": self.try_out({"user": user, "password": generated()}).answer == "accepted",
                "new_can_log_in": bool((execute(_ROLE, fresh) or [(False,)])[0][0]),
            }

    def warnings(self, facts: Facts) -> list[str]:
        lines = self._not_usable(facts)
        if facts["any_password"]:
            lines.append(f"the server lets {facts['old']} in with any password: mend pg_hba.conf")
        if facts["new_can_log_in"]:
            lines.append(f"{facts['new']} can log in at present; its password is replaced")
        return lines

    def introduced_by(self, facts: Facts) -> str:
        return f"role {facts['new']} beside {facts['old']}, acting as {facts['owner']}"

    def introduce(self, old: Values, new: Values, facts: Facts) -> str:
        with self._sql.transaction() as execute:
            role, owner = quoted(facts["new"]), quoted(facts["owner"])
            if not execute(_ROLE, facts["new"]):
                execute(f"CREATE ROLE {role}")
            verifier = self._verifier(new["user"], new["password"])
            limit = int(facts["limit"])
            execute(
                f"ALTER ROLE {role} LOGIN INHERIT CONNECTION LIMIT {limit} VALID UNTIL 'infinity' PASSWORD '{verifier}'"
            )
            execute(f"GRANT {owner} TO {role}")
            self._copy_settings(execute, facts["old"], role)
            execute(f"ALTER ROLE {role} SET role = {owner}")
        return ""

    def _copy_settings(self, execute: Execute, old: str, role: str) -> None:
        execute(f"ALTER ROLE {role} RESET ALL")
        for database, name, value in execute(_SETTINGS, old):
            if name != "role":
                where = f" IN DATABASE {quoted(database)}" if database else ""
                execute("SELECT set_config(%s, %s, true)", name, value)
                execute(f"ALTER ROLE {role}{where} SET {quoted(name)} FROM CURRENT")

    def withdraw(self, old: Values, new: Values, facts: Facts) -> str:
        with self._sql.transaction() as execute:
            if execute(_ROLE, facts["new"]):
                execute(f"ALTER ROLE {quoted(facts['new'])} NOLOGIN PASSWORD NULL")
        self._end_sessions(facts["new"], 0)
        return f"{facts['new']} cannot log in any more"

    def retired_by(self, facts: Facts) -> str:
        return f"{facts['old']} can no longer log in; its sessions end, after up to {self.drain:g} s"

    def _let_in(self, execute: Execute, facts: Facts, may: bool) -> None:
        execute(f"ALTER ROLE {quoted(facts['old'])} {'LOGIN' if may else 'NOLOGIN'}")

    def _sessions(self, execute: Execute, user: str) -> Sequence[int]:
        return [int(number) for (number,) in execute(_SESSIONS, user)]

    def _end(self, execute: Execute, session: int) -> None:
        execute("SELECT pg_terminate_backend(%s)", session)

    def _shut_out(self, user: str) -> bool:
        # The server tells whoever logs in why not in its own language.
        try:
            with self._sql.transaction(writes=False) as execute:
                role = execute(_ROLE, user)
        except PlatformError:
            return False
        return not role or not role[0][0]

    def _verifier(self, user: str, password: str) -> str:
        connection: Any = self._sql.connect()
        try:
            verifier: bytes = connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256")
        finally:
            connection.close()
        text = verifier.decode().replace("'", "''")
        Secret(text)
        return text


def quoted(name: str) -> str:
    """A name as SQL has it; percent signs doubled for the driver."""
    return '"' + name.replace('"', '""').replace("%", "%%") + '"'
