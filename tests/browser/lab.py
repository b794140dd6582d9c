"""A notebook that is open in JupyterLab, as the person at it uses it."""

from __future__ import annotations

import re
from typing import Any

from runbook_lib.practice.ground import Ground
from tests.browser.conftest import Page
from tests.notebooks.conftest import Project

# Milliseconds: JupyterLab on a machine that others use, too.
PATIENCE = 120_000

# Jupyter Notebook says it only in passing; its server knows.
_IDLE = """
async () => {
  const sessions = await (await fetch("/api/sessions")).json();
  const ready = kernel => kernel.execution_state === "idle" && kernel.connections > 0;
  return sessions.length > 0 && sessions.every(one => ready(one.kernel));
}
"""

Text = str | re.Pattern[str]


def start(project: Project, approval: str = "none") -> None:
    """Practice runs with its bad release live, and asks for approval."""
    done = project.run("runbook", "practice", "start", "--approval", approval)
    assert done.returncode == 0, done.stderr


def slow_restart(project: Project, seconds: int) -> None:
    """Restarting production takes its time, as it does elsewhere: a moment in which to stop."""
    script = Ground.of(project.root).site("production").restart
    script.write_text(script.read_text().replace("exec ", f"sleep {seconds}\nexec ", 1))


class Lab:
    """A notebook of a project, in a workspace of its own: JupyterLab opens there what was open before.

    front: "lab", or "notebooks" for Jupyter Notebook.
    """

    def __init__(self, page: Page, address: str, project: Project, name: str, front: str = "lab") -> None:
        self.page = page.page
        self.page.set_default_timeout(PATIENCE)
        self.front = front
        workspace = project.root.name
        place = f"lab/workspaces/{workspace}/tree" if front == "lab" else front
        self.page.goto(f"{address}/{place}/{workspace}/notebooks/{name}?token=test")
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
        self.idle()

    def idle(self) -> None:
        """The kernel is there and does nothing. Before that, JupyterLab drops what it is told to run."""
        if self.front == "lab":
            self.page.locator(".jp-StatusBar-TextItem", has_text="| Idle").first.wait_for()
        else:
            self.page.wait_for_function(_IDLE)

    def menu(self, menu: str, entry: str) -> None:
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.locator(".lm-Menu-item", has_text=re.compile(rf"^\s*{re.escape(entry)}")).first.click()

    def theme(self, name: str) -> None:
        self.page.get_by_role("menuitem", name="Settings", exact=True).click()
        self.page.locator(".lm-Menu-item", has_text=re.compile(r"^\s*Theme")).first.hover()
        self.page.locator(".lm-Menu-item", has_text=re.compile(rf"^\s*{re.escape(name)}$")).first.click()
        self.page.wait_for_selector(f'body[data-jp-theme-name="{name}"]', state="attached")

    def run_all(self) -> None:
        self.menu("Run", "Run All Cells")

    def cell(self, text: str) -> Any:
        """The code cell that holds a text."""
        return self.page.locator(".jp-CodeCell", has=self.page.locator(".cm-content", has_text=text)).first

    def at(self, text: str) -> Any:
        """Go to the code cell that holds a text."""
        cell = self.cell(text)
        cell.locator(".cm-content").click()
        return cell

    def run(self, text: str, answer: Text) -> None:
        """Run the code cell that holds a text, until an answer stands below it."""
        cell = self.at(text)
        # After an error, the kernel drops for a moment what else it is told to run.
        self.page.wait_for_timeout(1000)
        self.page.keyboard.press("Control+Enter")
        cell.locator(".jp-OutputArea-output", has_text=answer).last.wait_for(state="attached")

    def run_above(self, text: str) -> None:
        self.at(text)
        self.menu("Run", "Run All Above Selected Cell")

    def run_from(self, text: str) -> None:
        """Run the code cell that holds a text and all below it."""
        self.at(text)
        self.menu("Run", "Run Selected Cell and All Below")

    def restart_and_run_all(self) -> None:
        self.menu("Kernel", "Restart Kernel and Run All Cells")
        self.page.locator(".jp-Dialog-button.jp-mod-accept").click()

    def sees(self, text: Text) -> Any:
        """The newest output with this text, once it is there."""
        found = self.page.locator(".jp-OutputArea-output", has_text=text).last
        found.wait_for(state="attached")
        return found

    def choose(self, parameter: str, line: re.Pattern[str]) -> None:
        """Choose, in the form, what a parameter's list has on a line."""
        row = self.page.locator(".widget-dropdown", has_text=parameter).first
        row.wait_for()
        lines = row.locator("select").inner_text().replace("\xa0", " ").split("\n")
        row.locator("select").select_option(index=next(n for n, one in enumerate(lines) if line.match(one)))

    def asked(self) -> Any:
        """The field in which the kernel asks for something, once it does."""
        box = self.page.locator(".jp-Stdin-input:enabled").last
        box.wait_for()
        return box
