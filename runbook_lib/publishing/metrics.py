"""The page of incident metrics: how long it took to detect, decide, mitigate and verify."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.display import markdown as shown
from runbook_lib.incident.messages import span, utc
from runbook_lib.incident.metrics import NAMES, Group, groups
from runbook_lib.incident.story import Story


def page(stories: Sequence[Story]) -> str:
    """The page as Markdown: all incidents, by severity, by month, and each one's own times."""
    lines = ["# How long incidents took", ""]
    if not stories:
        return "\n".join([*lines, "No incident is in the record.", ""])
    lines += ["Median and 90th percentile (nearest rank) of the incidents that have the moment in their record.", ""]
    lines += _table(groups(stories))
    lines += ["", "## Each incident", "", "| incident | severity | declared | " + " | ".join(NAMES) + " |"]
    lines += ["|" + " --- |" * (3 + len(NAMES)), *(_row(one) for one in reversed(stories))]
    lines += ["", *(f"- **{name}**: {meaning}" for name, meaning in NAMES.items())]
    return "\n".join(lines) + "\n"


def _table(found: Sequence[Group]) -> list[str]:
    lines = ["| | incidents | duration | median | p90 | mean | of |", "|" + " --- |" * 7]
    for group in found:
        for one in group.figures:
            times = " | ".join(map(span, (one.median, one.p90, one.mean)))
            lines.append(f"| {group.title} | {group.incidents} | {one.name} | {times} | {one.count} |")
    return lines


def _row(one: Story) -> str:
    seconds, about = one.moments.seconds, one.incident
    cells = [span(seconds[name]) if name in seconds else "" for name in NAMES]
    return " | ".join(
        [f"| {shown(str(about.id))}: {shown(about.title, 80)}", about.severity, utc(about.declared), *cells, ""]
    )
