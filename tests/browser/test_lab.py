"""The runbooks at the desk: real JupyterLab in a real browser."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest

from runbook_lib.practice.ground import Ground, Marker
from tests.browser.conftest import Page, keep
from tests.notebooks.conftest import Project

pytestmark = [pytest.mark.real, pytest.mark.slow]

SECOND_PERSON = 'policy = "none"'


class Lab:
    """A notebook that is open in JupyterLab."""

    def __init__(self, page: Page, address: str, name: str) -> None:
        self.noted, self.page = page, page.page
        self.page.goto(address.format(name))
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
        self.page.wait_for_selector(
            '[data-status="idle"], .jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=60_000
        )

    def menu(self, menu: str, entry: str) -> None:
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.locator(".lm-Menu-item", has_text=re.compile(rf"^\s*{re.escape(entry)}")).first.click()

    def run_all(self) -> None:
        self.menu("Run", "Run All Cells")

    def run_below(self, text: str) -> None:
        """Run the cell that holds a text and all below it."""
        self.page.locator(".jp-CodeCell .cm-content", has_text=text).first.click()
        self.menu("Run", "Run Selected Cell and All Below")

    def sees(self, text: str | re.Pattern[str], timeout: float = 30_000) -> Any:
        found = self.page.locator(".jp-OutputArea-output", has_text=text).last
        found.wait_for(state="attached", timeout=timeout)
        return found


def serves(project: Project) -> str:
    """The release that production of practice says it is."""
    marker = Marker.read(Ground.of(project.root))
    assert marker is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{marker.ports['production']}/version", timeout=5) as answer:
        return str(json.load(answer)["version"])


def demand(project: Project, policy: str) -> None:
    """Practice asks for approval; a configuration of the project's own takes the place of the generated one."""
    project.run("runbook", "practice", "start")
    made = Ground.of(project.root).configuration.read_text()
    text = made.replace('folder = ".."', 'folder = ".runbooks"').replace(SECOND_PERSON, f'policy = "{policy}"')
    for key in ("path", "repository"):
        text = re.sub(rf'^{key} = "(?!/)', f'{key} = "{Ground.of(project.root).folder}/', text, flags=re.MULTILINE)
    (project.root / "runbooks.toml").write_text(text)


def test_filled_in_run_and_watched_until_production_serves_the_good_release(
    project: Project, lab: str, page: Page
) -> None:
    opened = Lab(page, lab, "rollback.ipynb")
    opened.page.locator(".jp-CodeCell .cm-content", has_text="desk(").first.click()
    opened.menu("Run", "Run All Above Selected Cell")
    opened.page.locator(".jp-CodeCell .cm-content", has_text="desk(").first.click()
    opened.page.keyboard.press("Shift+Enter")
    opened.sees("PRACTICE: shop/production")
    keep(opened.page, "lab-desk")
    tag = opened.page.locator(".widget-dropdown select").first
    lines = tag.inner_text().replace("\xa0", " ").split("\n")
    tag.select_option(index=lines.index("v1.4.2  2026-02-03  Nadia Okafor  known good"))
    opened.sees("papermill rollback.ipynb -p tag v1.4.2")
    opened.run_below("decision =")
    opened.sees("PASS:", timeout=45_000)
    keep(opened.page, "lab-observed")
    opened.sees(": succeeded")
    assert serves(project) == "v1.4.2"
    assert page.elsewhere == []


def test_run_all_stops_at_the_gate_until_the_tag_is_typed(project: Project, page: Page) -> None:
    from tests.browser.conftest import running_lab

    demand(project, "confirm")
    with running_lab(project) as address:
        opened = Lab(page, address, "rollback.ipynb")
        opened.run_all()
        box = opened.page.locator(".jp-Stdin-input")
        box.wait_for(timeout=60_000)
        keep(opened.page, "lab-gate")
        assert serves(project) == "v1.5.0"
        box.fill("v1.4.2")
        box.press("Enter")
        opened.sees(": succeeded", timeout=45_000)
    assert serves(project) == "v1.4.2"


def test_a_second_person_approves_from_another_session(project: Project, page: Page) -> None:
    from tests.browser.conftest import running_lab

    demand(project, "second-person")
    with running_lab(project) as address:
        opened = Lab(page, address, "rollback.ipynb")
        opened.run_all()
        said = opened.sees("waiting up to").inner_text()
        run = re.search(r"runbook approve (\S+?)`", said)
        assert run
        assert project.run("runbook", "approve", run[1]).returncode == 1
        assert project.run("runbook", "approve", run[1], "--as", "somebody-else", "--yes").returncode == 0
        opened.sees(": succeeded", timeout=45_000)
    assert serves(project) == "v1.4.2"


def test_a_restarted_kernel_does_nothing_twice(project: Project, lab: str, page: Page) -> None:
    opened = Lab(page, lab, "rollback.ipynb")
    opened.run_all()
    opened.sees(": succeeded", timeout=45_000)
    opened.menu("Kernel", "Restart Kernel and Run All Cells")
    opened.page.get_by_role("button", name="Restart", exact=True).click()
    opened.page.wait_for_timeout(3000)
    # With no tag it would go to the last known good release, and there is no other one.
    opened.sees(re.compile("no other release of shop/production has a recorded passing verification"))
    runs = project.json("runbook", "history")
    assert [run["status"] for run in runs] == ["refused", "succeeded"]
