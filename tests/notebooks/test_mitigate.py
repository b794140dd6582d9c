"""mitigate.ipynb in practice, as a user runs it."""

from __future__ import annotations

import urllib.request

import pytest

from tests.notebooks.conftest import Project

pytestmark = pytest.mark.slow


def mitigate(project: Project, *parameters: str) -> str:
    pairs = [word for pair in zip(parameters[::2], parameters[1::2], strict=True) for word in ("-p", *pair)]
    done = project.run("papermill", "mitigate.ipynb", *pairs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def status(project: Project, path: str) -> int:
    url = project.json("runbook", "practice", "status")["environments"]["production"]["url"]
    with urllib.request.urlopen(f"{url}{path}", timeout=5) as answer:
        return int(answer.status)


@pytest.fixture(scope="module")
def good(practice: Project) -> Project:
    """Practice with the good release live."""
    assert practice.run("runbook", "practice", "break", "bad-release").returncode == 0
    assert practice.rollback("tag", "v1.4.2", "window", "0").returncode == 0
    return practice


@pytest.mark.parametrize("fault", ["down", "hang"])
def test_a_restart_brings_back_what_is_down_or_hangs(good: Project, fault: str) -> None:
    assert good.run("runbook", "practice", "break", fault).returncode == 0
    said = mitigate(good, "action", "restart")
    assert "look whether it helped" in said
    assert good.last_run()["status"] == "succeeded"
    assert status(good, "/ready") == 200


def test_maintenance_mode_stands_in_the_next_plan_until_it_is_taken_back(good: Project) -> None:
    mitigate(good, "action", "maintenance")
    assert [one["what"] for one in good.json("runbook", "in-force")] == ["maintenance mode"]
    plan = mitigate(good, "action", "restart", "dry_run", "true")
    assert "maintenance mode is in force in shop/production" in plan
    mitigate(good, "action", "maintenance", "undo", "true")
    assert good.json("runbook", "in-force") == []


def test_a_lever_that_is_missing_is_named_and_nothing_is_recorded(good: Project) -> None:
    before = good.last_run()
    done = good.run("papermill", "mitigate.ipynb", "-p", "action", "no_such_lever")
    assert done.returncode == 1
    assert "no mitigation is called 'no_such_lever'" in done.stderr
    assert good.last_run() == before
