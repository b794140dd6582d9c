"""Commands of a drill, run as a user runs them: the real papermill, in a folder with copies of the runbooks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.command import mask, printable
from runbook_lib.errors import DrillError
from runbook_lib.run.run import DRILL

# What would make a run another one than that of a user who types the command.
OURS = ("RUNBOOK_INCIDENT",)
PATIENCE = 300.0
LAST_LINES = 6


@dataclass(frozen=True)
class Place:
    """Where the commands are run."""

    folder: Path

    @classmethod
    def prepared(cls, folder: Path, notebooks: Path) -> Place:
        """A folder with fresh copies of the runbooks. From there upwards the runbooks.toml of the drill is the first
        that is found, whatever the project itself has. DrillError when there are none."""
        found = sorted(notebooks.glob("*.ipynb"))
        if not found:
            raise DrillError(f"no runbook in {notebooks}", next_step="run this in the folder that holds notebooks/")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for notebook in found:
            shutil.copyfile(notebook, folder / notebook.name)
        return cls(folder)

    def run(self, argv: Sequence[str], drill: str) -> None:
        """Run a command of a drill to its end; its runs are marked as the drill's. DrillError with its last words when
        it does not end with 0."""
        env = {name: value for name, value in os.environ.items() if name not in OURS}
        env[DRILL] = drill
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', os.defpath)}"
        shown = " ".join(argv)
        try:
            done = subprocess.run(
                argv, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE
            )
        except FileNotFoundError as error:
            raise DrillError(f"{argv[0]} is not installed", next_step="make setup") from error
        except subprocess.TimeoutExpired as error:
            raise DrillError(f"`{shown}` did not end within {PATIENCE:.0f} s") from error
        if done.returncode:
            said = mask((done.stderr or done.stdout).decode("utf-8", "replace")).strip().splitlines()
            words = printable(" / ".join(line.strip() for line in said[-LAST_LINES:]), 600)
            raise DrillError(f"`{shown}` ended with status {done.returncode}: {words}")


def papermill(runbook: str, parameters: Sequence[tuple[str, object]]) -> list[str]:
    """The command that runs a runbook."""
    argv = ["papermill", f"{runbook}.ipynb"]
    for name, value in parameters:
        argv += ["-p", name, str(value).lower() if isinstance(value, bool) else str(value)]
    return argv
