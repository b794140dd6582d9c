"""A plan as a table."""

from __future__ import annotations

from runbook_lib.display import Table
from runbook_lib.run.plan import Plan, Section, Step

HEAD = ("section", "host", "step", "commands", "risk", "undo")


def planned(plan: Plan, expected: str) -> Table:
    """Every step on every host with its risk and undo; warnings, what is skipped, expected time and digest below."""
    rows = [
        (section.name, step.host, step.title, "; ".join(step.shows), step.risk, _undo(section, step))
        for section, step in plan.steps()
    ]
    skipped = [f"{section.name}: {section.skipped}" for section in plan.sections if section.skipped]
    notes = (*plan.warnings, *skipped, f"expected time: {expected}", f"digest {plan.digest}")
    return Table(plan.title, HEAD, rows, notes)


def _undo(section: Section, step: Step) -> str:
    if step.no_undo:
        return f"none: {step.no_undo}"
    return "goes back" if section.back or step.undo else "none"
