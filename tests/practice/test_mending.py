"""Every fault is really there, and mending brings the steady state back; all in one practice environment."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runbook_lib import practice
from runbook_lib.config import load
from runbook_lib.errors import LockHeldError
from runbook_lib.practice import deployment, server
from runbook_lib.practice.deployment import ask
from runbook_lib.practice.faults import FAULTS
from runbook_lib.practice.faults.seeing import address, waiting_jobs
from runbook_lib.practice.ground import Ground
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal

pytestmark = pytest.mark.slow

ROUTES = ("/up", "/ready", "/", "/checkout")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("mending")
    practice.mend(folder)
    yield folder
    practice.stop(folder)


@pytest.fixture
def ground(project: Path) -> Ground:
    """In its steady state."""
    practice.mend(project)
    return Ground.of(project)


def answers(ground: Ground) -> dict[str, int]:
    return {route: ask(address(ground), route, 2.5)[0] for route in ROUTES}


def seen(ground: Ground, fault: str, within: float = 20.0) -> str:
    deadline = time.monotonic() + within
    while not (shown := FAULTS[fault].shows(ground)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return shown


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_shows_within_seconds_and_is_mended(ground: Ground, project: Path, fault: str) -> None:
    assert FAULTS[fault].shows(ground) == ""
    assert practice.break_(fault, project)
    assert seen(ground, fault)
    if ends := FAULTS[fault].ends:
        ends(ground)
    practice.mend(project)
    assert FAULTS[fault].shows(ground) == ""
    assert answers(ground) == dict.fromkeys(ROUTES, 200)
    assert {at.release for at in practice.status(project).environments.values()} == {"v1.4.2"}
    assert all(server.holder(lock) for site in ground.sites for lock in site.processes.values())


def test_what_is_broken_stays_broken_when_a_run_begins(ground: Ground, project: Path) -> None:
    practice.break_("workers-down", project)
    practice.ensure(project)
    assert server.holder(ground.site("production").worker_lock) is None


def test_start_repairs_what_is_down(ground: Ground, project: Path) -> None:
    for fault in ("down", "workers-down", "cache-down"):
        practice.break_(fault, project)
    practice.start(project)
    assert answers(ground) == dict.fromkeys(ROUTES, 200)
    assert server.holder(ground.site("production").worker_lock) is not None


def test_without_its_cache_the_shop_says_what_is_missing(ground: Ground, project: Path) -> None:
    practice.break_("cache-down", project)
    status, body = ask(address(ground), "/ready", 2.5)
    assert status == 503
    assert '"database": "ok"' in body
    assert "StoreUnavailable" in body


def test_jobs_of_a_full_queue_are_done_once_the_worker_is_restarted(ground: Ground, project: Path) -> None:
    practice.break_("queue-backlog", project)
    assert waiting_jobs(ground) > 200
    server_words = load(ground.configuration).target("", "production").environment.levers.workers
    assert server_words is not None
    subprocess.run(server_words.run, check=True, capture_output=True)
    deadline = time.monotonic() + 20
    while waiting_jobs(ground) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert waiting_jobs(ground) < 10
    with closing(sqlite3.connect(ground.site("production").database)) as database:
        assert database.execute("SELECT count(*) FROM confirmations").fetchone()[0] >= 400


def test_wrong_rows_are_right_again(ground: Ground, project: Path) -> None:
    practice.break_("corrupt-rows", project)
    wrong = "SELECT count(*) FROM prices WHERE cents <= 0"
    file = ground.site("production").database
    with closing(sqlite3.connect(file)) as database:
        assert database.execute(wrong).fetchone() == (2,)
    practice.mend(project)
    with closing(sqlite3.connect(file)) as database:
        assert database.execute(wrong).fetchone() == (0,)


def test_a_key_that_leaked_lies_there_for_everybody(ground: Ground, project: Path) -> None:
    practice.break_("leaked-key", project)
    key = next(line for line in ground.site("production").environment.read_text().splitlines() if "APP_KEY" in line)
    assert key in ask(address(ground), "/storage/backup.env", 2.5)[1]
    practice.mend(project)
    assert ask(address(ground), "/storage/backup.env", 2.5)[0] == 404


def test_unfinished_runs_are_given_up_and_what_is_in_force_is_lifted(ground: Ground, project: Path) -> None:
    journal = Journal(project / ".runbooks")
    run = "20260101T000000-mitigate-0000"
    opened = {"runbook": "mitigate", "environment": "shop/production", "identity": "x", "actor": "a", "parameters": {}}
    journal.append(run, "opened", opened)
    journal.append(
        run, "put in force", {"what": "a limit", "environment": "shop/production", "undo": "papermill x.ipynb"}
    )
    practice.mend(project)
    assert journal.run(run).status == "abandoned"
    assert in_force(journal) == []


def test_what_a_real_service_of_the_same_name_has_in_force_stays(ground: Ground, project: Path) -> None:
    journal = Journal(project / ".runbooks")
    (project / "runbooks.toml").write_text(ground.configuration.read_text())
    data = {"what": "a real limit", "environment": "shop/production", "undo": "papermill x.ipynb"}
    journal.append("", "put in force", data)
    try:
        practice.mend(project)
        assert [item.what for item in in_force(journal)] == ["a real limit"]
    finally:
        (project / "runbooks.toml").unlink()


def test_it_is_not_mended_under_a_run(ground: Ground, project: Path) -> None:
    with deployment.locked(ground, "rollback-1"), pytest.raises(LockHeldError):
        practice.mend(project)
