"""What a run leaves in its folder: run.json and one self-contained page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from runbook_lib.run.journal import Event

if TYPE_CHECKING:
    from runbook_lib.run.run import Run


def write(run: Run, closing: Event) -> None:
    """Write run.json and page.html for a closed run. OSError when the folder cannot be written."""
    record = summary(run, closing)
    (run.folder / "run.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def summary(run: Run, closing: Event) -> dict[str, Any]:
    """The record of a run as plain data; its events are in the journal and here."""
    events = [
        {"seq": event.seq, "at": event.at, "kind": event.kind, "data": event.data}
        for event in run.journal.events(run.id)
    ]
    return {
        "run": run.id,
        "runbook": run.runbook,
        "environment": run.environment,
        "status": closing.data["status"],
        "reason": closing.data["reason"],
        "events": events,
        "journal": {"seq": closing.seq, "hash": closing.hash},
    }
