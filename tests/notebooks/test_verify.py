"""verify.ipynb in practice: read-only, and what passes is known good."""

from __future__ import annotations

import pytest

from tests.notebooks.conftest import Project

pytestmark = pytest.mark.slow


def test_a_bad_release_fails_and_nothing_is_changed(practice: Project) -> None:
    assert practice.run("runbook", "practice", "break", "bad-release").returncode == 0
    done = practice.run("papermill", "verify.ipynb", "-p", "window", "1")
    assert done.returncode == 1
    assert practice.last_run()["status"] == "failed"
    environments = practice.json("runbook", "practice", "status")["environments"]
    assert environments["production"]["release"] == "v1.5.0"


def test_a_good_release_passes_and_is_known_good_from_then_on(practice: Project) -> None:
    assert practice.rollback("tag", "v1.4.1", "window", "0").returncode == 0
    done = practice.run("papermill", "verify.ipynb", "-p", "window", "1")
    assert done.returncode == 0, done.stderr
    assert [verdict["verdict"] for verdict in practice.record()["verdicts"]] == ["PASS", "PASS"]
    assert practice.rollback("tag", "v1.4.0", "window", "0").returncode == 0
    back = practice.run("runbook", "mark", "v1.4.1", "good", "--reason", "it was not the cause")
    assert back.returncode == 0
    # v1.4.2 was proven when the practice environment was built; it is newer than v1.4.1.
    assert practice.rollback("window", "0").returncode == 0
    assert practice.json("runbook", "practice", "status")["environments"]["production"]["release"] == "v1.4.2"
