"""How long incidents took: to detect, decide, mitigate, verify; by severity and by month."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from runbook_lib.incident.story import Story

NAMES = {
    "detect": "time to detect (from the beginning)",
    "decide": "time to decide (from detection)",
    "mitigate": "time to mitigate (from the beginning)",
    "verify": "time to verify, MTTR (from the beginning)",
    "close": "time to close (from declaring)",
}


@dataclass(frozen=True)
class Figure:
    """One duration over several incidents, in seconds. count: incidents that have it; p90: nearest rank."""

    name: str
    count: int
    mean: float
    median: float
    p90: float


@dataclass(frozen=True)
class Group:
    """Incidents of one severity, month or all. incidents: how many there are, open ones included."""

    title: str
    incidents: int
    figures: tuple[Figure, ...]


def groups(stories: Sequence[Story]) -> list[Group]:
    """All of them, then by severity, then by month of declaring."""
    by_severity = _by(stories, lambda one: one.incident.severity)
    by_month = _by(stories, lambda one: datetime.fromtimestamp(one.incident.declared, UTC).strftime("%Y-%m"))
    return [_group("all", stories), *by_severity, *by_month]


def _by(stories: Sequence[Story], key: Callable[[Story], str]) -> list[Group]:
    names = sorted({key(one) for one in stories})
    return [_group(name, [one for one in stories if key(one) == name]) for name in names]


def _group(title: str, stories: Sequence[Story]) -> Group:
    known = [one.moments.seconds for one in stories]
    figures = [_figure(name, [seconds[name] for seconds in known if name in seconds]) for name in NAMES]
    return Group(title, len(stories), tuple(figure for figure in figures if figure is not None))


def _figure(name: str, values: Sequence[float]) -> Figure | None:
    if not values:
        return None
    p90 = sorted(values)[math.ceil(0.9 * len(values)) - 1]
    return Figure(name, len(values), round(sum(values) / len(values), 3), round(median(values), 3), round(p90, 3))
