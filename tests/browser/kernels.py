"""Form, gate, progress and Stop with other kernels and front ends than the newest, in a real browser.

`python -m tests.browser.kernels FOLDER ...`: virtual environments with `runbook-lib[lab]`, say one of

    python3 -m venv old && old/bin/pip install -e '.[lab]' ipykernel==6.29.0 ipywidgets==8.1.0 jupyterlab==4.2.0
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.browser.conftest import Page, browsing, running_lab, working_at
from tests.browser.lab import Lab, slow_restart, start

FRONT_ENDS = {"JupyterLab": "lab", "Notebook": "notebooks"}
SHOWN = ("ipykernel", "ipywidgets", "jupyterlab", "notebook")


def main(environments: list[str]) -> int:
    failed = False
    with browsing() as browser:
        for environment in map(Path, environments):
            versions = ", ".join(f"{name} {version(environment, name)}" for name in SHOWN)
            with tempfile.TemporaryDirectory(prefix="kernels-") as folder:
                for front, path in FRONT_ENDS.items():
                    place = Path(folder) / path
                    place.mkdir()
                    with running_lab(place, environment.absolute() / "bin") as address:
                        wrong = tried(browser, place / "shop", address, front)
                    failed = failed or bool(wrong)
                    print(f"{versions}, {front}: {wrong or 'form, gate, progress, Stop and undo work'}", flush=True)
    return int(failed)


def version(environment: Path, package: str) -> str:
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([environment / "bin/python", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def tried(browser: Any, root: Path, address: str, front: str) -> str:
    """What goes wrong, or an empty string."""
    context = browser.new_context(viewport={"width": 1300, "height": 1000})
    try:
        with working_at(root, address) as project:
            start(project, "confirm")
            slow_restart(project, 8)
            stopped_and_undone(Lab(Page(context), address, project, "rollback.ipynb", FRONT_ENDS[front]))
            status = project.last_run()["status"]
            return "" if status == "undone" else f"the run ended {status}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    finally:
        context.close()


def stopped_and_undone(lab: Lab) -> None:
    """A tag is chosen in the form and typed at the gate; the run is stopped by its button, and undone by the other."""
    lab.run_above("rollback.releases()")
    lab.sees("PRACTICE: shop/production")
    lab.choose("tag", re.compile(r"v1\.4\.2  known good"))
    lab.sees("papermill rollback.ipynb -p tag v1.4.2")
    lab.run_from("decision =")
    box = lab.asked()
    box.fill("v1.4.2")
    box.press("Enter")
    lab.sees(re.compile(r"production.*restart.*started", re.DOTALL))
    lab.page.get_by_role("button", name="Stop after the step in hand").last.click()
    lab.sees("as you asked")
    lab.page.get_by_role("button", name="Put back what served before").click()
    lab.sees("serves again")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
