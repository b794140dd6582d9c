"""The literal command, killed at a boundary of its record and given again: it ends right and does nothing twice.

RUNBOOK_CRASH_MATRIX=1 tries every boundary instead of a few.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections import Counter

import pytest

from tests.notebooks.conftest import Project
from tests.notebooks.dying import killed, started_after_it_finished

pytestmark = pytest.mark.slow

COMMAND = ("rollback.ipynb", "-p", "tag", "v1.4.2", "-p", "window", "0")
# Of a rollback in practice, without the mark of the bad release, which only the first one sets.
EVENTS = 35
FEW = [(1, "after"), (4, "before"), (7, "after"), (18, "before"), (22, "after"), (EVENTS, "before")]
ALL = [(number, when) for number in range(1, EVENTS + 1) for when in ("before", "after")][:-1]


def served(project: Project) -> str:
    url = project.json("runbook", "practice", "status")["environments"]["production"]["url"]
    with urllib.request.urlopen(f"{url}/version", timeout=5) as answer:
        return str(json.load(answer)["version"])


def executions(project: Project, run: str) -> Counter[str]:
    """How many commands of each environment's restart were carried out, by the ends that they left."""
    ends = (project.root / ".runbooks" / "commands" / run).glob("*.local.restart*.exit")
    return Counter(end.name.split(".")[0] for end in ends)


@pytest.fixture
def bad(practice: Project) -> Project:
    """Practice with the bad release live."""
    done = practice.run("runbook", "practice", "break", "bad-release")
    assert done.returncode == 0, done.stderr
    return practice


@pytest.mark.parametrize(("number", "when"), ALL if os.environ.get("RUNBOOK_CRASH_MATRIX") else FEW)
def test_the_same_command_after_a_kill_ends_right(bad, number, when):
    before = bad.json("runbook", "history", "-n", "1000")
    killed(bad, number, when, *COMMAND)
    done = bad.run("papermill", *COMMAND)
    assert done.returncode == 0, done.stdout + done.stderr
    assert served(bad) == "v1.4.2"

    after = bad.json("runbook", "history", "-n", "1000")
    new = [record for record in after if record not in before]
    assert [record["status"] for record in new] == ["succeeded"]
    record = bad.record()
    assert started_after_it_finished(record["events"]) == []
    assert executions(bad, record["run"]) == {"staging": 1, "production": 1}
    verified = bad.run("runbook", "verify-journal")
    assert verified.returncode == 0, verified.stderr


def test_the_last_boundary_is_the_end_of_the_run(bad):
    done = bad.run("papermill", *COMMAND)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len([event for event in bad.record()["events"] if event["kind"] != "marked"]) == EVENTS
