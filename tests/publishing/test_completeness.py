"""What must not be published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import runbook_lib
from runbook_lib.errors import PublishingError
from runbook_lib.publishing.completeness import refuse_incomplete
from runbook_lib.publishing.source import Source, sources
from tests.publishing.notebooks import notebook, source

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def test_this_projects_runbooks_are_complete() -> None:
    refuse_incomplete(sources(NOTEBOOKS))


@pytest.mark.parametrize("key", ["title", "owner", "severity", "scenario", "phase", "changes"])
def test_a_runbook_must_say_everything_of_itself(key: str) -> None:
    with pytest.raises(PublishingError, match=rf"mend\.ipynb: metadata\.runbook\.{key}"):
        refuse_incomplete([source({key: ""})])


def test_a_parameter_must_be_explained() -> None:
    data = notebook()
    data["cells"][1]["source"] = ['tag: str = ""']
    with pytest.raises(PublishingError, match="parameter tag has no comment"):
        refuse_incomplete([Source(Path("mend.ipynb"), data)])


def test_an_action_must_have_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare:
        def act(self) -> None: ...

    Bare.__module__ = "runbook_lib.bare"
    monkeypatch.setattr(runbook_lib, "__all__", ["Bare"])
    monkeypatch.setattr(runbook_lib, "Bare", Bare, raising=False)
    with pytest.raises(PublishingError, match=r"Bare has no docstring\n  Bare\.act has no docstring"):
        refuse_incomplete([source()])


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(PublishingError) as caught:
        refuse_incomplete([source({"owner": "", "phase": "later"})])
    wrong: Any = caught.value.message
    assert "owner" in wrong
    assert "phase" in wrong
