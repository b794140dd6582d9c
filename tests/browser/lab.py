"""A notebook that is open in JupyterLab, as the person at it uses it."""

from __future__ import annotations

import re
from typing import Any

from tests.browser.conftest import Page
from tests.notebooks.conftest import Project

# Milliseconds: JupyterLab on a machine that others use, too.
PATIENCE = 120_000

Text = str | re.Pattern[str]


class Lab:
    """A notebook of a project. tree: "lab/tree", or another page that shows notebooks."""

    def __init__(self, page: Page, address: str, project: Project, name: str, tree: str = "lab/tree") -> None:
        self.page = page.page
        self.page.set_default_timeout(PATIENCE)
        self.page.goto(f"{address}/{tree}/{project.root.name}/notebooks/{name}?token=test")
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
        self.idle()

    def idle(self) -> None:
        """The kernel is there and does nothing. Before that, JupyterLab drops what it is told to run."""
        self.page.locator(".jp-StatusBar-TextItem, .jp-Toolbar-kernelStatus", has_text="| Idle").first.wait_for()

    def menu(self, menu: str, entry: str) -> None:
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.locator(".lm-Menu-item", has_text=re.compile(rf"^\s*{re.escape(entry)}")).first.click()

    def run_all(self) -> None:
        self.menu("Run", "Run All Cells")

    def at(self, text: str) -> Any:
        """Go to the code cell that holds a text."""
        cell = self.page.locator(".jp-CodeCell", has=self.page.locator(".cm-content", has_text=text)).first
        cell.locator(".cm-content").click()
        return cell

    def run(self, text: str) -> None:
        """Run the code cell that holds a text."""
        self.at(text)
        self.page.keyboard.press("Control+Enter")

    def run_above(self, text: str) -> None:
        self.at(text)
        self.menu("Run", "Run All Above Selected Cell")

    def run_from(self, text: str) -> None:
        """Run the code cell that holds a text and all below it."""
        self.at(text)
        self.menu("Run", "Run Selected Cell and All Below")

    def add(self, source: str) -> None:
        """Run a new cell below the last one."""
        self.page.locator(".jp-CodeCell .cm-content").last.click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        self.page.keyboard.press("Enter")
        self.page.keyboard.type(source)
        self.page.keyboard.press("Control+Enter")

    def restart(self, entry: str = "Restart Kernel…") -> None:
        self.menu("Kernel", entry)
        self.page.get_by_role("button", name="Restart", exact=True).click()

    def sees(self, text: Text) -> Any:
        """The newest output with this text, once it is there."""
        found = self.page.locator(".jp-OutputArea-output", has_text=text).last
        found.wait_for(state="attached")
        return found

    def asked(self) -> Any:
        """The field in which the kernel asks for something, once it does."""
        box = self.page.locator(".jp-Stdin-input:enabled").last
        box.wait_for()
        return box

    def count(self, text: Text) -> int:
        return int(self.page.locator(".jp-OutputArea-output", has_text=text).count())
