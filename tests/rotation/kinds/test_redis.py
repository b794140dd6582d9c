"""Passwords of a real Redis: two at a time, one in the end, and the same after a restart."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from runbook_lib.command import Secret
from runbook_lib.datastores.redis import connect
from runbook_lib.errors import ConfigurationError, PlatformError
from runbook_lib.rotation.kinds.redis import RedisPassword
from tests.real.databases import free_port, missing
from tests.real.engine import unavailable

pytestmark = [pytest.mark.real, pytest.mark.slow]

OLD = {"password": "old-s3cr3t"}
SHOP = {"user": "shop", "password": "old-s3cr3t"}


class Server:
    """A Redis with a configuration of its own, that can be started again."""

    def __init__(self, folder: Path, lines: str, from_file: bool = True) -> None:
        self.port, self.folder = free_port(), folder
        self.file = folder / "redis.conf"
        text = f"port {self.port}\nbind 127.0.0.1\ndir {folder}\nsave ''\n{lines}\n"
        self.file.write_text(text)
        words = text.replace("''", "").split("\n")
        self.argv = ["redis-server", str(self.file)] if from_file else ["redis-server", "-"]
        self.given = "\n".join(words) if not from_file else None
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *self.argv], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        assert self.process.stdin
        self.process.stdin.write(self.given or "")
        self.process.stdin.close()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                connect(Secret(f"redis://127.0.0.1:{self.port}/0")).ping()
                return
            except (redis.exceptions.AuthenticationError, redis.exceptions.ResponseError):
                return
            except redis.exceptions.ConnectionError:
                time.sleep(0.02)
        raise RuntimeError("redis-server did not come up")

    def restart(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def kind(self, user: str = "", drain: float = 0) -> RedisPassword:
        name = f"{user}:{OLD['password']}" if user else f":{OLD['password']}"
        return RedisPassword(Secret(f"redis://{name}@127.0.0.1:{self.port}/0"), 5, drain)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if reason := missing("redis"):
        unavailable(reason)
    return tmp_path


@pytest.fixture(params=["requirepass", "aclfile"])
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[Server]:
    if request.param == "aclfile":
        (folder / "users.acl").write_text(f"user default on ~* &* +@all >{OLD['password']}\n")
        server = Server(folder, f"aclfile {folder}/users.acl")
    else:
        server = Server(folder, f"requirepass {OLD['password']}")
    yield server
    server.stop()


def rotate(kind: RedisPassword, old: dict[str, str]) -> dict[str, str]:
    facts = kind.facts(old)
    new = kind.make(old, facts)
    kind.introduce(old, new, facts)
    assert kind.try_out(old).answer == kind.try_out(new).answer == "accepted"
    kind.retire(old, new, facts)
    assert (kind.try_out(old).answer, kind.try_out(new).answer) == ("refused", "accepted")
    return new


def test_a_restart_changes_nothing_in_the_end(server: Server) -> None:
    kind = server.kind()
    new = rotate(kind, OLD)
    server.restart()
    assert (kind.try_out(OLD).answer, kind.try_out(new).answer) == ("refused", "accepted")


def test_a_restart_in_between_leaves_both_valid(server: Server) -> None:
    kind = server.kind()
    facts = kind.facts(OLD)
    new = kind.make(OLD, facts)
    kind.introduce(OLD, new, facts)
    server.restart()
    assert kind.try_out(OLD).answer == kind.try_out(new).answer == "accepted"


def test_withdrawn_it_is_dead_and_the_old_one_lives(server: Server) -> None:
    kind = server.kind()
    facts = kind.facts(OLD)
    new = kind.make(OLD, facts)
    kind.introduce(OLD, new, facts)
    kind.withdraw(OLD, new, facts)
    kind.withdraw(OLD, new, facts)
    assert (kind.try_out(new).answer, kind.try_out(OLD).answer) == ("refused", "accepted")


def test_retired_twice_and_restored(server: Server) -> None:
    kind = server.kind()
    facts = kind.facts(OLD)
    new = kind.make(OLD, facts)
    kind.introduce(OLD, new, facts)
    kind.retire(OLD, new, facts)
    kind.retire(OLD, new, facts)
    kind.restore(OLD, new, facts)
    assert kind.try_out(OLD).answer == kind.try_out(new).answer == "accepted"


def test_old_connections_end_and_new_ones_stay(server: Server) -> None:
    kind = server.kind(drain=0.4)
    facts = kind.facts(OLD)
    new = kind.make(OLD, facts)
    kind.introduce(OLD, new, facts)
    before = redis.Redis(port=server.port, password=OLD["password"], single_connection_client=True)
    before.ping()
    assert kind.retire(OLD, new, facts) == "1 connections were ended"
    with pytest.raises(redis.exceptions.RedisError):
        before.execute_command("PING")
    assert redis.Redis(port=server.port, password=new["password"]).ping()


def test_a_user_of_its_own_keeps_its_rights(folder: Path) -> None:
    server = Server(folder, "user shop on ~shop:* +@read +@connection >old-s3cr3t\nrequirepass old-s3cr3t")
    try:
        kind = server.kind()
        new = rotate(kind, SHOP)
        client = redis.Redis(port=server.port, username="shop", password=new["password"])
        assert client.get("shop:1") is None
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.set("shop:1", "x")
        assert kind.try_out({"user": "default", "password": OLD["password"]}).answer == "accepted"
    finally:
        server.stop()


def test_without_a_file_it_is_said_that_it_does_not_last(folder: Path) -> None:
    server = Server(folder, f"requirepass {OLD['password']}", from_file=False)
    try:
        kind = server.kind()
        assert any("no file to keep it in" in line for line in kind.warnings(kind.facts(OLD)))
        rotate(kind, OLD)
    finally:
        server.stop()


def test_what_cannot_work_is_refused_before_anything(folder: Path) -> None:
    server = Server(folder, "")
    try:
        kind = RedisPassword(Secret(f"redis://127.0.0.1:{server.port}/0"), 5, 0)
        with pytest.raises(ConfigurationError, match="Redis asks default for no password"):
            kind.facts(OLD)
        with pytest.raises(PlatformError, match="Redis has no user nobody"):
            kind.facts({"user": "nobody", "password": "x"})
    finally:
        server.stop()


def test_a_dead_password_is_said_and_no_server_is_no_refusal(server: Server) -> None:
    kind = server.kind()
    said = kind.warnings(kind.facts({"password": "wrong"}))
    assert said[0] == "the present password of default is refused by Redis"
    assert RedisPassword(Secret("redis://127.0.0.1:9/0"), 1, 0).try_out(OLD).answer == "unknown"
