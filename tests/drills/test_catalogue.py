"""What is drilled."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.drills.catalogue import DRILLS, without_drill
from runbook_lib.notebook.catalogue import runbooks
from runbook_lib.practice.faults import FAULTS

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def test_every_runbook_has_a_drill() -> None:
    assert without_drill([runbook.name for runbook in runbooks(NOTEBOOKS)]) == []


def test_every_fault_is_drilled() -> None:
    assert set(FAULTS) == {drill.fault for drill in DRILLS.values() if drill.fault}


def test_a_runbook_without_a_drill_is_named() -> None:
    assert without_drill(["triage", "tea"]) == ["tea"]
