"""The cache and queue of practice, with the client that operators use, beside a real Redis."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from runbook_lib.command import Secret
from runbook_lib.datastores.redis import connect
from runbook_lib.laravel.redis_queues import RedisQueues
from runbook_lib.practice import server, store


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("store")
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    process = subprocess.Popen([sys.executable, "-I", "-S", store.__file__, str(folder), str(port)])
    deadline = time.monotonic() + 10
    while not server.pongs(port) and time.monotonic() < deadline:
        time.sleep(0.02)
    yield connect(Secret(f"redis://127.0.0.1:{port}/0?protocol=2"), 3)
    process.terminate()
    process.wait()


@pytest.fixture(autouse=True)
def _empty(client: Any) -> None:
    client.flushdb()


def commands(client: Any) -> list[Any]:
    """Answers that must be the same wherever they come from."""
    return [
        client.set("a", "1"),
        client.get("a"),
        client.set("a", "2", nx=True),
        client.set("a", "3", ex=100),
        client.ttl("a"),
        client.set("a", "4", keepttl=True),
        client.ttl("a"),
        client.incrby("n", 5),
        client.mget("a", "none"),
        client.rpush("q", "x", "y", "z"),
        client.lpush("q", "w"),
        client.llen("q"),
        client.lindex("q", -1),
        client.lindex("q", 9),
        client.lrange("q", 1, -2),
        client.lrem("q", 1, "y"),
        client.lpop("q"),
        client.zadd("s", {"one": 1, "two": 2.5}),
        client.zcount("s", "-inf", 2),
        client.zrange("s", 0, -1, withscores=True),
        client.zrangebyscore("s", "-inf", 2),
        client.zscore("s", "two"),
        client.zscore("s", "none"),
        client.zrem("s", "one", "none"),
        client.zcard("s"),
        client.type("q"),
        client.type("s"),
        client.type("none"),
        sorted(client.scan_iter(match="[qs]")),
        client.exists("a", "q", "none"),
        client.delete("a", "none"),
        client.expire("none", 5),
    ]


def test_it_answers(client: Any) -> None:
    assert commands(client)[1] == b"1"
    assert client.info()["role"] == "master"


@pytest.mark.real
def test_it_answers_as_redis_does(client: Any, redis_server: Any) -> None:
    real = redis.Redis(host="127.0.0.1", port=redis_server.port, protocol=2)
    real.flushdb()
    assert commands(client) == commands(real)
    real.flushdb()


def test_an_expired_key_is_gone(client: Any) -> None:
    client.set("a", "1", px=20)
    time.sleep(0.05)
    assert client.get("a") is None
    assert client.keys("*") == []


@pytest.mark.parametrize("words", [("EVAL", "return 1", "0"), ("GET",), ("SET", "a"), ("EXPIRE", "a", "soon")])
def test_what_it_does_not_know_is_refused_and_the_connection_goes_on(client: Any, words: tuple[str, ...]) -> None:
    client.set("a", "1")
    with pytest.raises(redis.ResponseError):
        client.execute_command(*words)
    assert client.ping()


def test_a_key_of_another_kind_is_refused(client: Any) -> None:
    client.rpush("q", "x")
    with pytest.raises(redis.ResponseError, match="wrong kind of value"):
        client.get("q")


def test_the_depth_of_a_queue_is_read_as_from_redis(client: Any) -> None:
    client.rpush("shop_queues:default", '{"createdAt": 100}', "{}")
    client.zadd("shop_queues:default:reserved", {"{}": time.time() + 90})
    depth = RedisQueues(client, "shop_").depths()["default"]
    assert (depth.waiting, depth.reserved, depth.oldest) == (2, 1, 100.0)


def test_it_ends_when_its_folder_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    process = subprocess.Popen([sys.executable, "-I", "-S", store.__file__, str(folder), "0"])
    time.sleep(0.3)
    folder.rmdir()
    assert process.wait(timeout=10) == 0
