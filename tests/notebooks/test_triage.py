"""triage.ipynb and the scenarios in practice: the right cause, a command that works as printed, and no false alarm."""

from __future__ import annotations

import os
import shlex
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runbook_lib.config import load
from runbook_lib.diagnosis import Diagnosis, diagnose, look
from tests.notebooks.conftest import Project

pytestmark = pytest.mark.slow

QUIET_RUNS = int(os.environ.get("QUIET_RUNS", "100"))


def diagnosed(project: Project) -> dict[str, Any]:
    """What the newest run wrote down as its diagnosis."""
    events = project.json("runbook", "show", project.last_run()["run"])["events"]
    found: dict[str, Any] = [event["data"] for event in events if event["kind"] == "diagnosed"][-1]
    return found


def broken(project: Project, fault: str) -> None:
    done = project.run("runbook", "practice", "break", fault)
    assert done.returncode == 0, done.stderr


def well(project: Project) -> None:
    """The good release, live and proven."""
    status = project.json("runbook", "practice", "status")["environments"]["production"]
    if status["release"] != "v1.4.2" or status["health"] != "healthy":
        done = project.rollback("tag", "v1.4.2", "window", "1")
        assert done.returncode == 0, done.stderr


def test_a_bad_release_is_blamed_and_the_printed_command_ends_it(practice: Project) -> None:
    broken(practice, "bad-release")
    done = practice.run("papermill", "triage.ipynb")
    assert done.returncode == 0, done.stderr
    data = diagnosed(practice)
    first = data["causes"][0]
    assert first["name"] == "bad-release"
    assert first["command"] == "papermill rollback.ipynb -p tag v1.4.2 -p environment production"
    assert data["onset"] is not None
    for part in ("bad-release", f"> {first['command']}", f"next: {first['command']}", "not looked at:"):
        assert part in done.stdout
    assert practice.run(*shlex.split(first["command"]), "-p", "window", "1").returncode == 0
    status = practice.json("runbook", "practice", "status")["environments"]["production"]
    assert (status["release"], status["health"]) == ("v1.4.2", "healthy")


def test_nothing_is_changed_and_nothing_found_where_all_is_well(practice: Project) -> None:
    well(practice)
    before = practice.json("runbook", "practice", "status")
    done = practice.run("papermill", "triage.ipynb")
    assert done.returncode == 0, done.stderr
    assert diagnosed(practice)["causes"] == []
    assert "no cause of trouble was found" in done.stdout
    assert practice.json("runbook", "practice", "status") == before


def test_an_incident_is_declared_once_and_joined_by_the_next_run(practice: Project) -> None:
    broken(practice, "bad-release")
    done = practice.run("papermill", "triage.ipynb", "-p", "declare", "true", "-p", "commander", "ada")
    assert done.returncode == 0, done.stderr
    incident = diagnosed(practice)["incident"]
    assert incident.startswith("INC-")
    assert f"{incident} SEV2 is declared" in done.stdout
    assert f"-p incident {incident}" in diagnosed(practice)["causes"][0]["command"]
    again = practice.run("papermill", "triage.ipynb", "-p", "declare", "true")
    assert again.returncode == 0, again.stderr
    assert diagnosed(practice)["incident"] == incident
    assert "is declared" not in again.stdout


@pytest.mark.parametrize(
    ("notebook", "parameters", "said"),
    [
        ("triage", ("incident", "INC-20200101-zzzz"), "there is no incident 'INC-20200101-zzzz'"),
        ("triage", ("severity", "SEV9"), "there is no severity 'SEV9'"),
        ("triage", ("since", "quarter past"), "'quarter past' is no time"),
        ("site_down", ("action", "fly"), "'fly' is no mitigation that is configured"),
        ("high_latency", ("incident", "INC-1"), "there is no incident 'INC-1'"),
        ("high_error_rate", ("environment", "moon"), "has no environment 'moon'"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(
    practice: Project, notebook: str, parameters: tuple[str, str], said: str
) -> None:
    before = practice.json("runbook", "history", "-n", "1")
    done = practice.run("papermill", f"{notebook}.ipynb", "-p", *parameters)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Next: " in done.stderr
    assert practice.json("runbook", "history", "-n", "1") == before


def test_a_scenario_without_an_action_changes_nothing(practice: Project) -> None:
    broken(practice, "bad-release")
    done = practice.run("papermill", "high_error_rate.ipynb")
    assert done.returncode == 0, done.stderr
    assert diagnosed(practice)["causes"][0]["name"] == "bad-release"
    status = practice.json("runbook", "practice", "status")["environments"]["production"]
    assert status["release"] == "v1.5.0"
    assert "next: papermill rollback.ipynb" in done.stdout


def test_errors_are_ended_by_the_recommended_rollback(practice: Project) -> None:
    broken(practice, "bad-release")
    done = practice.run("papermill", "high_error_rate.ipynb", "-p", "action", "recommended")
    assert done.returncode == 0, done.stderr
    status = practice.json("runbook", "practice", "status")["environments"]["production"]
    assert (status["release"], status["health"]) == ("v1.4.2", "healthy")


def test_a_site_that_hangs_is_restarted(practice: Project) -> None:
    well(practice)
    broken(practice, "hang")
    done = practice.run("papermill", "site_down.ipynb", "-p", "action", "recommended")
    assert done.returncode == 0, done.stderr
    assert practice.json("runbook", "practice", "status")["environments"]["production"]["health"] == "healthy"


def test_an_action_without_a_cause_is_refused(practice: Project) -> None:
    well(practice)
    done = practice.run("papermill", "high_latency.ipynb", "-p", "action", "recommended")
    assert done.returncode == 1
    assert "there is nothing to carry out" in done.stderr
    assert practice.last_run()["status"] in ("failed", "refused")


def test_a_hundred_quiet_looks_find_nothing(practice: Project) -> None:
    well(practice)
    target = load(practice.root / ".runbooks" / "practice" / "runbooks.toml").target()

    def quiet(number: int) -> Diagnosis:
        return diagnose(look(target, window=1.0))

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(quiet, range(QUIET_RUNS)))
    alarms = [(cause.name, cause.supporting) for one in seen for cause in one.causes]
    assert alarms == []
    assert all(one.facts.impact.flow is not None for one in seen)
