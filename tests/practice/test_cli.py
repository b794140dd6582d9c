"""`runbook practice`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from runbook_lib import practice as environment
from runbook_lib.practice.cli import practice

PARTS = [f"{name}{part}" for name in ("staging", "production") for part in ("", " worker", " store")]
STOPPED = f"stopped: {', '.join(['traffic', 'provider', *PARTS])}\n"


def call(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(practice, words, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_status_of_what_was_never_started_changes_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(call(project, monkeypatch, "status", "--json"))
    assert found["state"] == "stopped"
    assert found["traffic"] == "stopped"
    assert found["configuration"] == ""
    assert set(found["environments"]) == {"staging", "production"}
    assert found["environments"]["production"]["health"] == "down"
    assert list(project.iterdir()) == []


def test_plain_status_names_the_next_step_when_stopped(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(project, monkeypatch, "status").splitlines()[-1] == "Next: runbook practice start"


def test_stop_of_what_was_never_started_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(project, monkeypatch, "stop") == "nothing was running\n"
    assert list(project.iterdir()) == []


@pytest.mark.slow
def test_status_gives_each_environment_with_url_release_and_health(
    running: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = json.loads(call(running, monkeypatch, "status", "--json"))
    assert set(found) == {"state", "environments", "traffic", "folder", "configuration"}
    assert found["state"] == "running"
    production = found["environments"]["production"]
    assert production["url"].startswith("http://127.0.0.1:")
    assert production["release"] == production["serves"] == "v1.5.0"
    assert production["commit"].startswith("8ee977f")
    assert production["health"] == "failing"
    assert Path(found["configuration"]).is_file()


@pytest.mark.slow
def test_plain_status_is_a_table(running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head, staging, production, summary = call(running, monkeypatch, "status").splitlines()
    assert head.split() == ["environment", "release", "commit", "health", "url"]
    assert staging.split()[:4] == ["staging", "v1.5.0", "8ee977ff95df", "failing"]
    assert production.split()[0] == "production"
    assert summary.startswith("practice is running, traffic running, in ")


@pytest.mark.slow
def test_start_break_reset_and_stop(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "practice is running" in call(project, monkeypatch, "start")
    assert "was killed" in call(project, monkeypatch, "break", "down")
    assert "practice is running" in call(project, monkeypatch, "reset")
    assert call(project, monkeypatch, "stop") == STOPPED
    assert environment.status(project).state == "stopped"


def test_help_of_break_names_every_fault() -> None:
    from runbook_lib.practice.faults import FAULTS

    text = CliRunner().invoke(practice, ["break", "--help"]).output
    assert all(name in text for name in FAULTS)
