"""The record of a drill."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.drills.evidence import Evidence, read_all, source_digest
from runbook_lib.errors import DrillError

EVIDENCE = Evidence("rollback", "rollback", "bad-release", "practice", "passed", "ab", 1.0, seconds={"detected": 0.5})
NOTEBOOK: dict[str, Any] = {
    "cells": [{"cell_type": "code", "source": ["a = 1\n", "b = 2"], "outputs": [], "id": "x"}],
    "metadata": {"runbook": {"name": "rollback"}, "kernelspec": {}},
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    EVIDENCE.write(tmp_path)
    assert read_all(tmp_path) == [EVIDENCE]


def test_without_a_drill_there_is_no_record(tmp_path: Path) -> None:
    assert read_all(tmp_path) == []


def test_a_record_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    EVIDENCE.write(tmp_path).write_text("{")
    with pytest.raises(DrillError, match=r"rollback\.json"):
        read_all(tmp_path)


def test_outputs_do_not_change_the_digest() -> None:
    executed = copy.deepcopy(NOTEBOOK)
    executed["cells"][0].update(outputs=["something"], execution_count=3, source="a = 1\nb = 2")
    assert source_digest(executed) == source_digest(NOTEBOOK)


@pytest.mark.parametrize("change", ["cell", "kind", "about"])
def test_the_source_changes_the_digest(change: str) -> None:
    other = copy.deepcopy(NOTEBOOK)
    match change:
        case "cell":
            other["cells"][0]["source"] = ["a = 2"]
        case "kind":
            other["cells"][0]["cell_type"] = "markdown"
        case "about":
            other["metadata"]["runbook"]["name"] = "verify"
    assert source_digest(other) != source_digest(NOTEBOOK)
