"""How long a section took before: what a reader is told to expect."""

from __future__ import annotations

from runbook_lib.run.journal import Journal

LOOK_BACK = 50


def durations(journal: Journal, runbook: str, environment: str) -> dict[str, float]:
    """Seconds that each section took in the newest run of this runbook that succeeded here; empty without one."""
    for record in journal.runs(LOOK_BACK):
        if (record.runbook, record.environment, record.status) == (runbook, environment, "succeeded"):
            return _of(journal, record.run)
    return {}


def _of(journal: Journal, run: str) -> dict[str, float]:
    began: dict[str, float] = {}
    took: dict[str, float] = {}
    for event in journal.events(run):
        section = event.data.get("section", "")
        if event.kind == "section started":
            began[section] = event.at
        elif event.kind == "section finished" and section in began:
            took[section] = max(0.0, event.at - began[section])
    return took
