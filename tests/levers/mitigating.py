"""A project in which mitigations are carried out: its runbooks.toml, the whole procedure, what is in force."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.actions.forced.in_effect import all_in_effect
from runbook_lib.actions.mitigation import Mitigation
from runbook_lib.actions.procedure import Procedure
from runbook_lib.display import Table
from runbook_lib.practice import known_configuration
from runbook_lib.run.in_force import InForce, in_force
from runbook_lib.run.journal import Journal
from runbook_lib.run.run import open_runs
from tests.actions.routes import Routes

KEY = "services.shop.environments.production"
HEAD = f"""
[{KEY}]
platform = "git"
url = "{{url}}"
git = {{{{ path = "shop" }}}}
approval.policy = "none"
checks.within = 2
"""

# Carries out a mitigation in a process that kills itself before or after the n-th event of its run.
DRIVER = """
import os, signal, sys
from runbook_lib.actions.mitigation import Mitigation
from runbook_lib.run.journal import Journal
number, when, undo = int(sys.argv[1]), sys.argv[2], sys.argv[5] == "undo"
append, count = Journal.append, 0

def dying_append(journal, run, kind, data, fences=()):
    global count
    count += 1
    if count == number and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    event = append(journal, run, kind, data, fences)
    if count == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return event

Journal.append = dying_append
made = Mitigation.open(sys.argv[3], sys.argv[4], undo)
made.plan(), made.gate(), made.apply(), made.close()
"""


@dataclass
class Project:
    """root: the working folder. routes: that the environment's url answers."""

    root: Path
    routes: Routes

    def configure(self, levers: str = "", head: str = "", **more: str) -> None:
        """Write runbooks.toml. levers: lines below [KEY.levers], whose sub-tables begin with LEVERS; head: instead of
        the usual environment; more: tables of the environment by their names."""
        text = head or HEAD.format(url=self.routes.url)
        for name, lines in more.items():
            text += f"[{KEY}.{name}]\n{lines}\n"
        text += levers.replace("[LEVERS", f"[{KEY}.levers")
        (self.root / "runbooks.toml").write_text(text)

    @property
    def journal(self) -> Journal:
        return Journal(self.root / ".runbooks")

    @property
    def in_force(self) -> list[InForce]:
        return in_force(self.journal)

    @property
    def says(self) -> list[str]:
        """What the probes say of what is in force."""
        return [seen.says for seen in all_in_effect(known_configuration(self.root), self.in_force)]

    def kinds(self) -> list[str]:
        """What the events of the newest run are, in order."""
        return [event.kind for event in self.journal.events(self.journal.runs(1)[0].run)]

    def killed(self, number: int, when: str, action: str, value: str = "", undo: bool = False) -> None:
        """Mitigate in a process that dies before or after the n-th event."""
        argv = [sys.executable, "-c", DRIVER, str(number), when, action, value, "undo" if undo else ""]
        done = subprocess.run(argv, cwd=self.root, env=dict(os.environ), capture_output=True, text=True, timeout=60)
        assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def plan(action: str, value: str = "", **more: Any) -> Table:
    return Mitigation.open(action, value, dry_run=True, **more).plan()


def mitigate(action: str, value: str = "", **more: Any) -> str:
    """The whole procedure; its summary."""
    return carried_out(Mitigation.open(action, value, **more))


def undo(action: str, value: str = "", **more: Any) -> str:
    return mitigate(action, value, undo=True, **more)


def carried_out(made: Procedure) -> str:
    made.plan()
    made.gate()
    made.apply()
    return made.close()


def let_go() -> None:
    for run in open_runs():
        run._let_go()
