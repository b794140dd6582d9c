"""The registry: every action has a lever, a test file, a row of the documentation; none reads before it is asked to."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from runbook_lib.config.levers import ACTIONS
from runbook_lib.levers import LEVERS, OWN, RISKS, lever_of
from runbook_lib.levers.base import Request, wrong_after
from tests.actions.application import Application

HOW_TO = (Path(__file__).parents[2] / "docs" / "how-to" / "mitigate.md").read_text()


@pytest.mark.parametrize("home", [*LEVERS.values(), OWN])
def test_a_lever_is_where_the_registry_says_and_has_a_test_file(home: str) -> None:
    module, name = home.split(":")
    assert callable(getattr(import_module(module), name))
    assert (Path(__file__).parent / f"test_{module.rpartition('.')[2]}.py").exists()


def test_no_own_command_can_hide_an_action() -> None:
    assert {*ACTIONS} == {*LEVERS, "maintenance"}


def test_every_lever_says_what_others_have_of_it() -> None:
    assert {*RISKS} == {*LEVERS}


def test_every_action_is_documented() -> None:
    assert set(re.findall(r"(?m)^\| `([a-z_]+)` \| (?!str|bool)", HOW_TO)) == {*ACTIONS}


def test_a_lever_that_needs_nothing_is_made_without_reading_anything() -> None:
    target = Application().target("http://127.0.0.1:9", Path("/nowhere"))
    lever = lever_of(Request(target, "restart_workers", target.environment.levers))
    assert (lever.what, lever.stays) == ("workers restarted", False)


def test_waiting_ends_as_soon_as_nothing_is_wrong() -> None:
    answers = iter(["down", "down", ""])
    assert wrong_after(lambda: next(answers), 5) == ""
    assert wrong_after(lambda: "down", 0) == "down"
