"""Passwords of PostgreSQL: a second role beside the first, which acts as the owner of everything from its first moment.

New roles are members of the owner and take its part at each login (ALTER ROLE ... SET role), so that what they make
belongs to the owner, too. Passwords go to the server as SCRAM verifiers: no log of it ever has one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.command import Secret, mask, printable
from runbook_lib.datastores.sql import Execute, Place, Sql, server
from runbook_lib.errors import ConfigurationError, PlatformError
from runbook_lib.rotation.kinds.base import Facts, Reply
from runbook_lib.rotation.kinds.naming import other
from runbook_lib.rotation.values import Values, generated, known

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
_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid()"
_REFUSALS = ("authentication failed", "is not permitted to log in", "does not exist", "no password supplied")
LOOK_EVERY = 0.2


@dataclass(frozen=True)
class PostgresPassword:
    """The user and password by which an application reaches PostgreSQL. admin: who makes roles; timeout, drain:
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
                next_step="name another one, which may make roles, in `admin` of this secret",
            )
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
        lines = []
        if facts["usable"] != "accepted":
            lines.append(f"the present password of {facts['old']} is {facts['usable']} by the server")
        if facts["any_password"]:
            lines.append(f"the server lets {facts['old']} in with any password: mend pg_hba.conf")
        if facts["new_can_log_in"]:
            lines.append(f"{facts['new']} can log in at present; its password is replaced")
        return lines

    def make(self, old: Values, facts: Facts) -> Values:
        return known({"user": facts["new"], "password": generated()})

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

    def try_out(self, values: Values) -> Reply:
        place = replace(self.admin, user=values["user"], password=Secret(values["password"]))
        try:
            with Sql(server(place, self.timeout), "pgsql").transaction(writes=False) as execute:
                execute("SELECT 1")
        except PlatformError as error:
            refused = any(words in error.message for words in _REFUSALS) or self._locked(values["user"])
            return Reply("refused" if refused else "unknown", printable(mask(error.message), 160))
        return Reply("accepted", f"logged in as {values['user']}")

    def _locked(self, user: str) -> bool:
        """Whether the role may not log in; the server tells why in its own language."""
        try:
            with self._sql.transaction(writes=False) as execute:
                return execute(_ROLE, user)[:1] == [] or not execute(_ROLE, user)[0][0]
        except PlatformError:
            return False

    def lives_on(self, facts: Facts) -> str:
        return ""

    def retired_by(self, facts: Facts) -> str:
        return f"{facts['old']} can no longer log in; its sessions end, after up to {self.drain:g} s"

    def retire(self, old: Values, new: Values, facts: Facts) -> str:
        with self._sql.transaction() as execute:
            execute(f"ALTER ROLE {quoted(facts['old'])} NOLOGIN")
        ended = self._end_sessions(facts["old"], self.drain)
        return f"{ended} sessions were ended" if ended else "all its sessions had ended"

    def restore(self, old: Values, new: Values, facts: Facts) -> str:
        with self._sql.transaction() as execute:
            execute(f"ALTER ROLE {quoted(facts['old'])} LOGIN")
        return f"{facts['old']} can log in again"

    def no_restore(self, facts: Facts) -> str:
        return ""

    def _end_sessions(self, role: str, patience: float) -> int:
        deadline = time.monotonic() + patience
        while True:
            with self._sql.transaction() as execute:
                if not execute(_SESSIONS, role):
                    return 0
                if time.monotonic() >= deadline:
                    return len(execute(_END, role))
            time.sleep(LOOK_EVERY)

    def _verifier(self, user: str, password: str) -> str:
        connection: Any = self._sql.connect()
        try:
            verifier: bytes = connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256")
        finally:
            connection.close()
        text = verifier.decode().replace("'", "''")
        Secret(text)
        return text

    @property
    def _sql(self) -> Sql:
        return Sql(server(self.admin, self.timeout), "pgsql")


def quoted(name: str) -> str:
    """A name as SQL has it; percent signs doubled for the driver."""
    return '"' + name.replace('"', '""').replace("%", "%%") + '"'
