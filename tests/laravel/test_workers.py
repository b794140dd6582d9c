"""Queue workers are found by how they were called, and told by when they started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from runbook_lib.command import Result
from runbook_lib.connectors.local import LocalConnector
from runbook_lib.laravel.workers import LIST, UPTIME, Worker, told, uptime_in, workers_in

LINES = "12\t5000\t/srv/shop\tphp artisan queue:work redis \n13\t9000\t/srv/other\tphp artisan horizon \nnonsense\n"


@contextmanager
def running(folder: Path, *words: str) -> Iterator[int]:
    """A process that is called with these words; its pid."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", *words], cwd=folder)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def seen(folder: Path) -> list[Worker]:
    found = workers_in(LocalConnector(folder / "state").read(LIST), str(folder))
    assert found is not None
    return found


def test_real_workers_are_found_and_nothing_else(tmp_path: Path) -> None:
    with ExitStack() as stack:
        worker = stack.enter_context(running(tmp_path, "artisan", "queue:work", "redis"))
        horizon = stack.enter_context(running(tmp_path, "artisan", "horizon"))
        stack.enter_context(running(tmp_path, "artisan", "queue:restart"))
        time.sleep(0.1)
        assert {one.pid for one in seen(tmp_path)} == {worker, horizon}


def test_a_worker_of_another_application_does_not_count(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "shop").mkdir()
    with running(other, "artisan", "queue:work"):
        time.sleep(0.1)
        assert seen(tmp_path / "shop") == []


def test_a_worker_that_started_before_is_told_from_one_that_started_since(tmp_path: Path) -> None:
    connector = LocalConnector(tmp_path / "state")
    with running(tmp_path, "artisan", "queue:work") as old:
        time.sleep(0.1)
        since = uptime_in(connector.read(UPTIME))
        new, words = told("web-1", seen(tmp_path), since)
        assert not new
        assert f"pid {old}" in words
        assert "1 of 1 workers on web-1 run the code of before" in words
    with running(tmp_path, "artisan", "queue:work"):
        time.sleep(0.1)
        assert told("web-1", seen(tmp_path), since) == (True, "1 workers on web-1 started since")


def test_what_the_host_said_is_read() -> None:
    assert workers_in(Result(0, LINES)) == [
        Worker(12, 50.0, "/srv/shop", "php artisan queue:work redis"),
        Worker(13, 90.0, "/srv/other", "php artisan horizon"),
    ]
    assert [worker.pid for worker in workers_in(Result(0, LINES), "/srv/shop") or []] == [12]


@pytest.mark.parametrize("result", [Result(127, "sh: not found"), Result(1, "")])
def test_a_host_that_does_not_tell_is_not_held_against_it(result: Result) -> None:
    assert workers_in(result) is None
    assert told("web-1", None, 12.0) == (True, "web-1 does not tell which workers run")


@pytest.mark.parametrize("result", [None, Result(1, "12.5 30"), Result(0, ""), Result(0, "soon")])
def test_a_time_that_is_none_is_none(result: Result | None) -> None:
    assert uptime_in(result) is None


def test_no_worker_is_said() -> None:
    assert told("web-1", [], 12.0) == (True, "no worker is seen on web-1")


def test_the_list_does_not_find_itself(tmp_path: Path) -> None:
    found = workers_in(LocalConnector(tmp_path / "state").read(LIST)) or []
    assert os.getpid() not in [worker.pid for worker in found]
    assert not [worker for worker in found if "/proc/" in worker.line]
