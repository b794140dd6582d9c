"""Passwords of Redis 6 and later: a user may have several at a time. The same user keeps its rights; what the server
read at its start (its configuration, or its file of users) is written anew, so that a restart changes nothing."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from runbook_lib.command import Secret, mask, printable
from runbook_lib.datastores.redis import connect, talking
from runbook_lib.errors import ConfigurationError, PlatformError
from runbook_lib.rotation.kinds.base import Facts, Reply
from runbook_lib.rotation.places.env_file import renewed
from runbook_lib.rotation.values import Values, generated, known

DEFAULT = "default"
_REFUSALS = ("wrongpass", "invalid password", "invalid username-password", "noauth", "without any password")
LOOK_EVERY = 0.2


@dataclass(frozen=True)
class RedisPassword:
    """The password by which an application reaches Redis. admin: url of who may change users; timeout, drain: seconds
    for one answer, and that connections of the old password get to end by themselves."""

    admin: Secret
    timeout: float
    drain: float

    @property
    def variables(self) -> dict[str, str]:
        return {"REDIS_PASSWORD": "password"}

    @property
    def proves_before(self) -> bool:
        return True

    def facts(self, old: Values) -> Facts:
        user = old.get("user") or DEFAULT
        with self._client() as client:
            about = _user(client, user)
            if "nopass" in about["flags"]:
                raise ConfigurationError(
                    f"Redis asks {user} for no password: there is none to change",
                    next_step="set one first, in Redis and in the application",
                )
            return {
                "user": user,
                "passwords": len(about["passwords"]),
                "lasting": _lasting(client),
                "usable": self.try_out({**old, "user": user}).answer,
                "admin_is_user": self._admin_user == user,
            }

    def warnings(self, facts: Facts) -> list[str]:
        lines = []
        if facts["usable"] != "accepted":
            lines.append(f"the present password of {facts['user']} is {facts['usable']} by Redis")
        if not facts["lasting"]:
            lines.append("Redis has no file to keep it in: after a restart of Redis its own configuration holds again")
        if facts["passwords"] > 1:
            lines.append(f"{facts['user']} has {facts['passwords']} passwords; all but the new one end")
        if facts["admin_is_user"]:
            lines.append("this machine reaches Redis by the same password: give it the new one afterwards (redis.url)")
        return lines

    def make(self, old: Values, facts: Facts) -> Values:
        return known({"user": facts["user"], "password": generated()})

    def introduced_by(self, facts: Facts) -> str:
        return f"a second password of {facts['user']}"

    def introduce(self, old: Values, new: Values, facts: Facts) -> str:
        with self._client() as client:
            client.execute_command("ACL", "SETUSER", facts["user"], f"#{_code(new)}")
            return _keep(client, facts)

    def withdraw(self, old: Values, new: Values, facts: Facts) -> str:
        with self._client() as client:
            if _code(new) in _user(client, facts["user"])["passwords"]:
                client.execute_command("ACL", "SETUSER", facts["user"], f"!{_code(new)}")
            return _keep(client, facts)

    def try_out(self, values: Values) -> Reply:
        from redis.exceptions import RedisError

        user = values.get("user") or DEFAULT
        url = Secret(renewed(self.admin.reveal(), {"user": user, "password": values["password"]}))
        try:
            with connect(url, self.timeout) as client:
                client.ping()
        except RedisError as error:
            said = mask(str(error))
            refused = any(words in said.lower() for words in _REFUSALS)
            # NOPERM comes after the password was accepted.
            accepted = "no permissions" in said.lower()
            return Reply("refused" if refused else "accepted" if accepted else "unknown", printable(said, 160))
        return Reply("accepted", f"logged in as {user}")

    def lives_on(self, facts: Facts) -> str:
        return ""

    def retired_by(self, facts: Facts) -> str:
        return (
            f"every other password of {facts['user']} ends, and what is connected by it, after up to {self.drain:g} s"
        )

    def retire(self, old: Values, new: Values, facts: Facts) -> str:
        with self._client(new if facts["admin_is_user"] else None) as client:
            before = _connections(client, facts["user"])
            client.execute_command("ACL", "SETUSER", facts["user"], "resetpass", f"#{_code(new)}")
            remark = _keep(client, facts)
            ended = self._end(client, before)
        return remark or f"{ended} connections were ended"

    def restore(self, old: Values, new: Values, facts: Facts) -> str:
        with self._client(new if facts["admin_is_user"] else None) as client:
            client.execute_command("ACL", "SETUSER", facts["user"], f"#{_code(old)}")
            return _keep(client, facts)

    def no_restore(self, facts: Facts) -> str:
        return ""

    def _end(self, client: Any, before: set[str]) -> int:
        """End the connections that are older than the last act, once they had their time."""
        deadline = time.monotonic() + self.drain
        while before and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
            before &= {str(one["id"]) for one in client.client_list()}
        return sum(int(client.execute_command("CLIENT", "KILL", "ID", one)) for one in before)

    @property
    def _admin_user(self) -> str:
        return unquote(urlsplit(self.admin.reveal()).username or "") or DEFAULT

    @contextmanager
    def _client(self, values: Values | None = None) -> Iterator[Any]:
        """A client of who may change users; values: by which that is reached once the old password is dead, too."""
        url = self.admin
        if values is not None:
            url = Secret(renewed(url.reveal(), {"user": self._admin_user, "password": values["password"]}))
        with talking(), connect(url, self.timeout) as client:
            yield client


def _code(values: Values) -> str:
    code = hashlib.sha256(values["password"].encode()).hexdigest()
    Secret(code)
    return code


def _user(client: Any, user: str) -> dict[str, Any]:
    answer = client.execute_command("ACL", "GETUSER", user)
    if answer is None:
        raise PlatformError(f"Redis has no user {printable(user, 60)}", next_step="check redis.url and the variables")
    pairs = answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
    return {_text(name): [_text(item) for item in value] for name, value in pairs.items() if isinstance(value, list)}


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _lasting(client: Any) -> str:
    """The command by which Redis keeps its users, empty where it has no file."""
    if _text(client.config_get("aclfile").get("aclfile", "")):
        return "ACL SAVE"
    return "CONFIG REWRITE" if client.info("server").get("config_file") else ""


def _keep(client: Any, facts: Facts) -> str:
    if facts["lasting"]:
        client.execute_command(*facts["lasting"].split())
        return ""
    return "not kept in a file: Redis has none"


def _connections(client: Any, user: str) -> set[str]:
    """The connections of a user but this one."""
    own = str(client.client_id())
    return {str(one["id"]) for one in client.client_list() if one.get("user") == user} - {own}
