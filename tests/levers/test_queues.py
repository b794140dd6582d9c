"""Queues halted and resumed: nothing is taken from a real Redis by a real worker, then it is again."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
import redis

from runbook_lib.errors import (
    ConfigurationError,
    InconclusiveError,
    ParameterError,
    PlatformError,
    VerificationFailedError,
)
from tests.levers.mitigating import Project, mitigate, undo
from tests.levers.working import QUEUE, working
from tests.real.databases import RedisServer
from tests.real.laravel_app import BASE

# Without queue:pause (Laravel 8), workers are told to end and their supervisor starts none.
LEVER = """
[LEVERS.queues]
by = "command"
pause = ["sh", "-c", 'touch "$1/halted"; php artisan queue:restart', "sh", "%FOLDER%"]
resume = ["rm", "-f", "%FOLDER%/halted"]
where = "first"
watch = 1
within = 20
"""
HERE = """
[LEVERS.queues]
by = "command"
pause = ["touch", "halted"]
resume = ["rm", "-f", "halted"]
where = "here"
watch = 0.3
within = 0.5
"""
PAUSED = 'paused = ["test", "-e", "halted"]\n'


@pytest.mark.real
@pytest.mark.slow
class TestLaravel:
    def test_nothing_is_taken_while_they_are_halted(
        self, project: Project, installed: dict[str, Path], redis_server: RedisServer
    ) -> None:
        with working(project, installed[BASE], redis_server, LEVER) as shop:
            (project.root / "halted").touch()
            shop.push(4_000)
            (project.root / "halted").unlink()
            mitigate("pause_queues")
            shop.comes(False)
            left = shop.waiting
            assert left > 0
            time.sleep(1)
            assert shop.waiting == left
            assert project.says == ["in effect"]
            undo("pause_queues")
            assert shop.waiting < left
            assert project.in_force == []

    def test_a_command_that_this_version_lacks_is_refused(
        self, project: Project, installed: dict[str, Path], redis_server: RedisServer
    ) -> None:
        with working(project, installed[BASE], redis_server, '[LEVERS.queues]\nby = "artisan"\n') as shop:
            with pytest.raises(PlatformError, match="has no `artisan queue:pause`"):
                mitigate("pause_queues")
            assert shop.pids()
            assert project.in_force == []


@pytest.fixture
def client(project: Project, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> redis.Redis:
    number = redis_server.fresh(6)
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{redis_server.port}/{number}")
    return redis.Redis(port=redis_server.port, db=number)


def configured(project: Project, levers: str) -> None:
    tables = {"redis": 'url = { env = "REDIS_URL" }\nprefix = "shop_database_"', "queues": 'store = "redis"'}
    project.configure(levers, **tables)


@pytest.mark.real
class TestWatching:
    def test_jobs_that_are_taken_all_the_same_fail(self, project: Project, client: redis.Redis) -> None:
        """The command exits 0 and halts nothing."""
        client.rpush(QUEUE, *(f"job {number}" for number in range(50)))
        take = f"while [ ! -e over ]; do redis-cli -u $REDIS_URL lpop {QUEUE} >/dev/null; sleep 0.05; done"
        configured(project, HERE)
        worker = subprocess.Popen(["sh", "-c", take], cwd=project.root)
        try:
            with pytest.raises(VerificationFailedError, match=r"\d+ jobs were taken within 0.3 s"):
                mitigate("pause_queues")
        finally:
            (project.root / "over").touch()
            worker.wait(10)
        assert project.in_force == []

    def test_jobs_that_stay_at_work_are_inconclusive(self, project: Project, client: redis.Redis) -> None:
        client.zadd("shop_database_queues:default:reserved", {"job": time.time() + 90})
        configured(project, HERE)
        with pytest.raises(InconclusiveError, match="1 jobs are at work"):
            mitigate("pause_queues")
        assert len(project.in_force) == 1

    def test_an_empty_queue_shows_nothing(self, project: Project, client: redis.Redis) -> None:
        configured(project, HERE)
        with pytest.raises(InconclusiveError, match="no job waits"):
            mitigate("pause_queues")

    def test_an_empty_queue_whose_command_says_so_is_halted(self, project: Project, client: redis.Redis) -> None:
        configured(project, HERE + PAUSED)
        mitigate("pause_queues")
        assert project.says == ["in effect"]
        (project.root / "halted").unlink()
        assert project.says == ["not in effect: undone by hand, or never come to be"]

    def test_jobs_that_are_not_taken_again_keep_it_in_force(self, project: Project, client: redis.Redis) -> None:
        client.rpush(QUEUE, "one", "two")
        configured(project, HERE)
        mitigate("pause_queues")
        with pytest.raises(VerificationFailedError, match="2 jobs wait and none is taken"):
            undo("pause_queues")
        assert len(project.in_force) == 1
        client.delete(QUEUE)
        undo("pause_queues")
        assert project.in_force == []


def test_what_was_halted_by_hand_goes_on_by_undo(project: Project) -> None:
    project.configure(HERE + PAUSED)
    (project.root / "halted").touch()
    undo("pause_queues")
    assert not (project.root / "halted").exists()
    assert project.kinds()[-1] == "closed"
    with pytest.raises(ParameterError, match="no pause_queues is in force"):
        undo("pause_queues")


def test_without_a_lever_the_key_to_add_is_named(project: Project) -> None:
    project.configure()
    with pytest.raises(ConfigurationError, match="pause_queues has no lever") as caught:
        mitigate("pause_queues")
    assert "levers.queues" in caught.value.next_step


@pytest.mark.parametrize("name", ["default; rm -rf /", "--all", "$(id)", ""])
def test_a_queue_that_is_none_is_refused(project: Project, name: str) -> None:
    project.configure(f'[LEVERS.queues]\nby = "artisan"\nqueues = ["{name}"]\n')
    with pytest.raises(ConfigurationError, match=r"queues\.0: must be the name of a queue"):
        mitigate("pause_queues")
