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
    argv = [sys.executable, "-c", DRIVER, str(number), when, *command]
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
