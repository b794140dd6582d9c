"""What a person sees first in a notebook."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.actions.situation import Situation
from runbook_lib.errors import ConfigurationError
from runbook_lib.notebook import desk as module
from runbook_lib.notebook.desk import desk

FOUND = Situation("shop/production", True)


class Shell:
    """A shell whose user ran a parameters cell."""

    user_ns: dict[str, Any]

    def __init__(self) -> None:
        self.user_ns = {"In": ["", 'tag: str = ""  # release'], "tag": ""}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is put on the page, in order."""
    found: list[Any] = []
    monkeypatch.setattr(module, "situation", lambda service, environment, **_options: FOUND)
    monkeypatch.setattr(module, "follow", lambda display, kernel: found.append("follows"))
    monkeypatch.setattr("IPython.display.display", lambda thing, **options: found.append(thing))

    def nothing(service: str, environment: str) -> Any:
        raise ConfigurationError("no service")

    monkeypatch.setattr(module, "target_of", nothing)
    return found


def test_headless_it_is_the_situation_alone(shown: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_shell", Shell)
    monkeypatch.setenv("RUNBOOK_INTERACTIVE", "0")
    assert (desk("rollback"), shown) == (FOUND, [])


def test_at_the_desk_the_situation_stands_above_the_form(shown: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_shell", Shell)
    monkeypatch.setenv("RUNBOOK_INTERACTIVE", "1")
    assert desk("rollback") is None
    assert [type(thing).__name__ for thing in shown] == ["Situation", "str", "VBox"]


def test_without_widgets_it_says_how_to_go_on(
    shown: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "_shell", Shell)
    monkeypatch.setenv("RUNBOOK_INTERACTIVE", "1")
    monkeypatch.setitem(__import__("sys").modules, "ipywidgets", None)
    desk("rollback")
    assert "change the parameters cell" in capsys.readouterr().out
