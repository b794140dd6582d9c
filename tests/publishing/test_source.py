"""A runbook as its file has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook_lib.errors import PublishingError
from runbook_lib.publishing.source import Source, sources
from tests.publishing.notebooks import notebook, source


def test_the_purpose_is_the_text_below_the_heading() -> None:
    assert source().purpose == "**Symptom.** Answers are 502."


def test_the_parameters_are_no_step() -> None:
    assert [(s.code, s.cell) for s in source().sections] == [("look()", "look")]
    assert [p.name for p in source().parameters] == ["tag"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"metadata": {}}'])
def test_what_is_no_runbook_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "mend.ipynb"
    file.write_text(text)
    with pytest.raises(PublishingError, match=r"mend\.ipynb is no runbook"):
        Source.of(file)


def test_a_runbook_with_another_name_than_its_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.ipynb"
    file.write_text(json.dumps(notebook()))
    with pytest.raises(PublishingError, match="another name"):
        Source.of(file)


def test_a_folder_without_runbooks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PublishingError, match="no runbook in"):
        sources(tmp_path)
