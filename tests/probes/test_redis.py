"""What Redis says of itself, on a real server."""

from __future__ import annotations

import socket
import time

import pytest

from runbook_lib.command import Secret
from runbook_lib.datastores.redis import connect
from runbook_lib.probes.redis import RedisState, state
from tests.real.databases import RedisServer

pytestmark = pytest.mark.real


def look(port: int, timeout: float = 2) -> RedisState:
    return state(connect(Secret(f"redis://127.0.0.1:{port}/0"), timeout))


def test_a_healthy_one(redis_server: RedisServer) -> None:
    seen = look(redis_server.port)
    assert seen.reachable
    assert seen.version in seen.saw
    assert seen.used > 0
    assert not seen.refuses
    assert not seen.full
    assert 0 < seen.seconds < 1


def test_one_without_memory_that_throws_nothing_away(redis_server: RedisServer) -> None:
    import redis

    with redis.Redis(port=redis_server.port) as client:
        client.config_set("maxmemory", "1")
        try:
            seen = look(redis_server.port)
        finally:
            client.config_set("maxmemory", "0")
    assert seen.full
    assert seen.policy == "noeviction"


def test_one_that_is_a_replica_of_nobody(redis_server: RedisServer) -> None:
    import redis

    with redis.Redis(port=redis_server.port) as client:
        client.replicaof("127.0.0.1", "1")
        try:
            seen = look(redis_server.port)
        finally:
            client.replicaof("NO", "ONE")
    assert "replica" in seen.refuses


def test_one_that_is_not_there_is_a_reading() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    seen = look(port)
    assert not seen.reachable
    assert "refused" in seen.saw.lower()


@pytest.mark.slow
def test_one_that_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        seen = look(silent.getsockname()[1], timeout=1)
    assert not seen.reachable
    assert time.monotonic() - began < 4
