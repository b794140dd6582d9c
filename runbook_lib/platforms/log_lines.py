"""When a line of a log was written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from runbook_lib.platforms.base import LogLine

# Laravel writes [2026-01-31 12:00:00], many others 2026-01-31T12:00:00.123Z or with an offset.
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6})\d*)?\s?(Z|[+-]\d\d:?\d\d)?",
)
_LOOK_AT = 200


def time_of(text: str) -> float | None:
    """Unix time in the first characters of a line, or None. A time without an offset counts as UTC."""
    match = _TIME.search(text[:_LOOK_AT])
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    offset = "+00:00" if zone in (None, "Z") else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0'):0<6}{offset}")
    except ValueError:
        return None
    return moment.astimezone(UTC).timestamp()


def dated(host: str, output: str) -> list[LogLine]:
    """The lines of a log file; a line without a time (a stack trace) has the time of the line before it."""
    lines: list[LogLine] = []
    at: float | None = None
    for text in output.split("\n"):
        if text:
            at = time_of(text) or at
            lines.append(LogLine(host, text.rstrip("\r"), at))
    return lines


def in_order(lines: Iterable[LogLine]) -> list[LogLine]:
    """Lines of several files, oldest first; those of one moment, and those without a time, stay as they were."""
    return sorted(lines, key=lambda line: line.at or 0.0)
