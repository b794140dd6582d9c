"""A runbook whose process is killed at a boundary of its record."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

from tests.notebooks.conftest import Project

# Kills its own process before or after the n-th event of a run; events of other origin (practice) do not count.
DRIVER = """
import os, signal, sys
from runbook_lib.run.journal import Journal
number, when = int(sys.argv[1]), sys.argv[2]
append, count = Journal.append, 0
name = sys.argv[3].partition(".")[0]

def dying_append(journal, run, kind, data, fences=()):
    global count
    count += bool(name in run)
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


def killed(project: Project, number: int, when: str, *command: str) -> None:
    """Run `papermill COMMAND` in a process that dies before or after the n-th event of its run."""
    _dies(project, DRIVER, str(number), when, *command)


def _dies(project: Project, driver: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", driver, *arguments],
        cwd=project.notebooks,
        env=project.env(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def started_after_it_finished(events: list[dict[str, Any]]) -> list[str]:
    """Steps that were begun once more although they had ended."""
    finished: set[str] = set()
    again = []
    for event in events:
        if event["kind"] == "step finished":
            finished.add(event["data"]["step"])
        if event["kind"] == "step started" and event["data"]["step"] in finished:
            again.append(event["data"]["step"])
    return again


# Kills its own process at one moment of a step: "begun" after it was written that it starts, "done" before it is
# written that it ended, "written" after that.
AT_STEP = """
import os, signal, sys
from runbook_lib.run.journal import Journal
step, moment = sys.argv[1], sys.argv[2]
append = Journal.append

def dying_append(journal, run, kind, data, fences=()):
    here = str(data.get("step", "")).endswith(step)
    if here and kind == "step finished" and moment == "done":
        os.kill(os.getpid(), signal.SIGKILL)
    event = append(journal, run, kind, data, fences)
    if here and (kind, moment) in (("step started", "begun"), ("step finished", "written")):
        os.kill(os.getpid(), signal.SIGKILL)
    return event

Journal.append = dying_append
sys.argv = ["papermill", *sys.argv[3:]]
from papermill.cli import papermill
papermill()
"""


def killed_at(project: Project, step: str, moment: str, *command: str) -> None:
    """Run `papermill COMMAND` in a process that dies at this moment of the step whose id ends like this."""
    _dies(project, AT_STEP, step, moment, *command)
