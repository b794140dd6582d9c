"""The literal command, killed at a boundary of its record and given again: it ends right and does nothing twice.

RUNBOOK_CRASH_MATRIX=1 tries every boundary instead of a few.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from typing import Any

import pytest

from tests.notebooks.conftest import Project

pytestmark = pytest.mark.slow

COMMAND = ("rollback.ipynb", "-p", "tag", "v1.4.2", "-p", "window", "0")
# Of a rollback in practice, without the mark of the bad release, which only the first one sets.
EVENTS = 33
FEW = [(1, "after"), (4, "before"), (7, "after"), (18, "before"), (22, "after"), (EVENTS, "before")]
ALL = [(number, when) for number in range(1, EVENTS + 1) for when in ("before", "after")][:-1]

# Kills its own process before or after the n-th event of a run; events of other origin (practice) do not count.
DRIVER = """
import os, signal, sys
from runbook_lib.run.journal import Journal
number, when = int(sys.argv[1]), sys.argv[2]
append, count = Journal.append, 0

def dying_append(journal, run, kind, data, fences=()):
    global count
    count += bool("rollback" in run)
    if count == number and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    event = append(journal, run, kind, data, fences)
    if count == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return event

Journal.append = dying_append
sys.argv = ["papermill", *sys.argv[3:]]
from papermill.cli import papermill
papermill()
"""


def killed(project: Project, number: int, when: str) -> None:
    """Run the command in a process that dies at a boundary."""
    argv = [sys.executable, "-c", DRIVER, str(number), when, *COMMAND]
    done = subprocess.run(
        argv,
        cwd=project.notebooks,
        env=project.env(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def served(project: Project) -> str:
    url = project.json("runbook", "practice", "status")["environments"]["production"]["url"]
    with urllib.request.urlopen(f"{url}/version", timeout=5) as answer:
        return str(json.load(answer)["version"])


def started_after_it_finished(events: list[dict[str, Any]]) -> list[str]:
    finished: set[str] = set()
    again = []
    for event in events:
        if event["kind"] == "step finished":
            finished.add(event["data"]["step"])
        if event["kind"] == "step started" and event["data"]["step"] in finished:
            again.append(event["data"]["step"])
    return again


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
    killed(bad, number, when)
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
