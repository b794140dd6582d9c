"""How a runbook was followed in one run: steps done, skipped, and where the run deviated from its plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runbook_lib.incident.story import RunStory
from runbook_lib.run.journal import Event
from runbook_lib.run.state import SETTLED

# Parameters that are decisions against what the runbook does by itself.
DECISIONS = ("skip_staging", "migrations", "migrations_reason", "again", "force")


@dataclass(frozen=True)
class Followed:
    """One run. done, failed, skipped: titles of steps; deviations: a sentence each; ended: status and reason."""

    run: str
    runbook: str
    opened: float
    ended: str
    done: tuple[str, ...]
    failed: tuple[str, ...]
    skipped: tuple[str, ...]
    deviations: tuple[str, ...]


def followed(one: RunStory) -> Followed:
    """How a run went against its plan."""
    finished = {e.data["step"]: e.data for e in one.of("step finished")}
    planned = _planned(one)
    closed = next((e.data for e in reversed(one.events) if e.kind == "closed"), {})
    reason = f": {closed['reason']}" if closed.get("reason") else ""
    return Followed(
        one.run,
        one.runbook,
        one.events[0].at,
        f"{one.status}{reason}",
        tuple(_titled(step, data) for step, data in finished.items() if data["outcome"] in SETTLED),
        tuple(_titled(step, data) for step, data in finished.items() if data["outcome"] not in SETTLED),
        tuple(() if one.dry else _skipped(one, planned, finished)),
        tuple(_deviations(one)),
    )


def _titled(step: str, data: dict[str, Any]) -> str:
    return f"{data['title']} ({step})"


def _planned(one: RunStory) -> list[dict[str, Any]]:
    """The sections of the last plan."""
    plans = one.of("planned")
    return list(plans[-1].data["facts"]["sections"]) if plans else []


def _skipped(one: RunStory, planned: list[dict[str, Any]], finished: dict[str, Any]) -> Iterator[str]:
    for section in planned:
        if section["skipped"]:
            yield f"{section['name']}: {section['skipped']}"
            continue
        for step in section["steps"]:
            if step["id"] not in finished:
                yield f"{step['title']} ({step['id']}): not reached"


def _deviations(one: RunStory) -> Iterator[str]:
    for name, value in one.parameters.items():
        if name in DECISIONS and value:
            yield f"decided by parameter: {name} {value}"
    for event in one.events:
        line = _deviation(event)
        if line:
            yield line


def _deviation(event: Event) -> str:
    data = event.data
    match event.kind:
        case "going back":
            return f"{data['section']} went back: {data['reason']}"
        case "lock taken over":
            return f"took over the lock of {data['name']} from {data['holder']}"
        case "continued":
            return f"continued by {data['actor']} after it was left {data['left']}"
        case "interrupted":
            return f"interrupted: {data['reason']}"
        case "step finished" if data["outcome"] == "settled":
            return f"{data['title']} was settled: {data['remark']}"
        case "closed" if data["status"] not in ("succeeded", "planned"):
            return f"ended {data['status']}" + (f": {data['reason']}" if data.get("reason") else "")
    return ""
