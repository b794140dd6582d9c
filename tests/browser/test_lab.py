"""The runbooks at the desk: real JupyterLab in a real browser."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import pytest

from runbook_lib.practice.ground import Ground, Marker
from tests.browser.conftest import Page, grave_findings
from tests.browser.lab import Lab, slow_restart, start
from tests.notebooks.conftest import Project

pytestmark = [pytest.mark.real, pytest.mark.slow]

Desks = tuple[Path, str]


def serves(project: Project, environment: str = "production") -> str:
    """The release that an environment of practice says it is."""
    marker = Marker.read(Ground.of(project.root))
    assert marker is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{marker.ports[environment]}/version", timeout=5) as answer:
        return str(json.load(answer)["version"])


def steps(project: Project) -> list[str]:
    """Every step that was carried out, in all runs, with its outcome."""
    runs = [project.json("runbook", "show", run["run"]) for run in reversed(project.json("runbook", "history"))]
    return [f"{step['step']}: {step['outcome']}" for run in runs for step in run["steps"]]


def once(done: list[str]) -> None:
    """No step was carried out more than once."""
    names = [step.partition(":")[0] for step in done]
    assert sorted(names) == sorted(set(names))


def statuses(project: Project) -> list[str]:
    """How the runs ended, the newest first."""
    return [run["status"] for run in project.json("runbook", "history")]


def nothing_wrong(page: Page) -> None:
    """No error on the console, no request to another host."""
    assert (page.errors, page.elsewhere) == ([], [])


def rolled_back(opened: Lab, project: Project) -> None:
    opened.sees(": succeeded")
    assert serves(project) == "v1.4.2"


def test_filled_in_run_and_watched_until_production_serves_the_good_release(
    project: Project, desks: Desks, page: Page
) -> None:
    start(project)
    opened = Lab(page, desks[1], project, "rollback.ipynb")
    opened.run_above("rollback.releases()")
    opened.sees("PRACTICE: shop/production")
    opened.choose("tag", re.compile(r"v1\.4\.2  known good"))
    opened.sees("papermill rollback.ipynb -p tag v1.4.2")
    opened.run_from("decision =")
    opened.sees("PASS:")
    rolled_back(opened, project)
    assert project.record()["parameters"]["tag"] == "v1.4.2"
    nothing_wrong(page)


def test_run_all_stops_at_the_gate_until_the_tag_is_typed(project: Project, desks: Desks, page: Page) -> None:
    start(project, "confirm")
    opened = Lab(page, desks[1], project, "rollback.ipynb")
    opened.run_all()
    box = opened.asked()
    box.fill("v1.4.1")
    box.press("Enter")
    opened.sees("'v1.4.1' is not 'v1.4.2'")
    box = opened.asked()
    assert serves(project) == serves(project, "staging") == "v1.5.0"
    box.fill("v1.4.2")
    box.press("Enter")
    rolled_back(opened, project)
    nothing_wrong(page)


def test_a_second_person_approves_from_another_session(project: Project, desks: Desks, page: Page) -> None:
    start(project, "second-person")
    opened = Lab(page, desks[1], project, "rollback.ipynb")
    opened.run_all()
    said = opened.sees("waiting up to").inner_text()
    run = re.search(r"runbook approve (\S+?)`", said)
    assert run
    assert project.run("runbook", "approve", run[1], "--yes").returncode == 1
    assert serves(project) == "v1.5.0"
    assert project.run("runbook", "approve", run[1], "--as", "somebody-else", "--yes").returncode == 0
    rolled_back(opened, project)
    nothing_wrong(page)


def test_the_stop_button_stops_after_the_step_in_hand_and_what_served_before_is_put_back(
    project: Project, desks: Desks, page: Page
) -> None:
    start(project)
    slow_restart(project, 8)
    opened = Lab(page, desks[1], project, "rollback.ipynb")
    opened.run_all()
    opened.sees(re.compile(r"production.*restart.*started", re.DOTALL))
    opened.page.get_by_role("button", name="Stop after the step in hand").last.click()
    opened.page.get_by_role("button", name="stopping after the step in hand").wait_for()
    opened.sees("as you asked")
    assert statuses(project) == ["interrupted"]
    done = steps(project)
    assert any("restart" in step for step in done)
    opened.page.get_by_role("button", name="Put back what served before").click()
    opened.sees("serves again")
    assert (statuses(project), serves(project), serves(project, "staging")) == (["undone"], "v1.5.0", "v1.5.0")
    nothing_wrong(page)


def test_an_interrupted_kernel_goes_on_where_it_was(project: Project, desks: Desks, page: Page) -> None:
    start(project)
    slow_restart(project, 8)
    opened = Lab(page, desks[1], project, "rollback.ipynb")
    opened.run_all()
    opened.sees(re.compile(r"production.*restart.*started", re.DOTALL))
    opened.menu("Kernel", "Interrupt Kernel")
    opened.sees("as you asked")
    opened.idle()
    opened.run_all()
    opened.sees("continuing run")
    rolled_back(opened, project)
    assert statuses(project) == ["succeeded"]
    once(steps(project))


def test_a_kernel_restarted_in_the_middle_says_where_the_run_stands(project: Project, desks: Desks, page: Page) -> None:
    start(project)
    slow_restart(project, 8)
    opened = Lab(page, desks[1], project, "rollback.ipynb")
    opened.run_all()
    opened.sees(re.compile(r"production.*restart.*started", re.DOTALL))
    opened.restart_and_run_all()
    opened.sees("continuing run")
    rolled_back(opened, project)
    assert statuses(project) == ["succeeded"]
    once(steps(project))


def test_a_laptop_closed_in_the_middle_stops_nothing_and_opened_again_nothing_is_done_twice(
    project: Project, desks: Desks, page: Page
) -> None:
    start(project)
    slow_restart(project, 8)
    laptop = Page(page.page.context)
    opened = Lab(laptop, desks[1], project, "rollback.ipynb")
    opened.run_all()
    opened.sees(re.compile(r"production.*restart.*started", re.DOTALL))
    laptop.page.close()
    again = Lab(page, desks[1], project, "rollback.ipynb")
    assert serves(project) == "v1.4.2"
    assert statuses(project) == ["succeeded"]
    again.run_all()
    again.sees("no other release of shop/production has a recorded passing verification")
    assert statuses(project) == ["refused", "succeeded"]
    once(steps(project))


def test_cells_run_twice_and_out_of_order_do_nothing_twice(project: Project, desks: Desks, page: Page) -> None:
    start(project)
    opened = Lab(page, desks[1], project, "rollback.ipynb")
    opened.run_above("rollback.plan()")
    opened.sees("Releases of shop/production")
    opened.run("rollback.switch()", "there is no plan yet")
    assert serves(project) == "v1.5.0"
    opened.run_all()
    rolled_back(opened, project)
    before = steps(project)
    for cell in ("rollback.switch()", "rollback.stage()"):
        opened.run(cell, "is closed (succeeded)")
    opened.run_all()
    opened.sees("no other release of shop/production has a recorded passing verification")
    assert steps(project) == before
    assert statuses(project)[:2] == ["refused", "succeeded"]


def test_form_and_gate_with_the_keyboard_alone(project: Project, desks: Desks, page: Page) -> None:
    start(project, "confirm")
    opened = Lab(page, desks[1], project, "rollback.ipynb")
    keyboard = opened.page.keyboard
    keyboard.press("Escape")
    for _ in range(4):
        keyboard.press("Shift+Enter")
    opened.sees("PRACTICE: shop/production")
    tag = opened.page.locator(".widget-dropdown select").first
    tag.wait_for()
    while not tag.evaluate("field => field === document.activeElement"):
        keyboard.press("Tab")
    keyboard.press("Space")
    keyboard.type("v1.4.2")
    keyboard.press("Enter")
    opened.sees("papermill rollback.ipynb -p tag v1.4.2")
    # From the cell of the form, where the keyboard is, to the gate.
    for _ in range(11):
        keyboard.press("Shift+Enter")
    opened.asked()
    keyboard.type("v1.4.2")
    keyboard.press("Enter")
    opened.sees("(typed)")


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_what_a_runbook_shows_has_no_serious_accessibility_finding(
    theme: str, project: Project, desks: Desks, page: Page
) -> None:
    start(project, "confirm")
    # What is scrolled out of sight is not judged either.
    page.page.set_viewport_size({"width": 1300, "height": 6000})
    opened = Lab(page, desks[1], project, "rollback.ipynb")
    opened.theme(theme)
    opened.run_all()
    box = opened.asked()
    assert grave_findings(opened.page, ".jp-OutputArea-output") == []
    box.fill("v1.4.2")
    box.press("Enter")
    rolled_back(opened, project)
    assert grave_findings(opened.page, ".jp-OutputArea-output") == []
