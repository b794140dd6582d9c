"""When a line of a log was written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from runbook_lib.platforms.base import LogLine

# Laravel writes [2026-01-31 12:00:00], many others 2026-01-31T12:00:00.123Z or with an offset, nginx with slashes.
_TIME = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6})\d*)?\s?(Z|[+-]\d\d:?\d\d)?",
)
# PHP and PHP-FPM write [31-Jan-2026 12:00:00 UTC], access logs [31/Jan/2026:12:00:00 +0000].
_NAMED = re.compile(r"\b(\d\d)[-/]([A-Z][a-z]{2})[-/](\d{4})[ :](\d\d:\d\d:\d\d)(?: (UTC|[+-]\d{4}))?")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LOOK_AT = 200


def time_of(text: str) -> float | None:
    """Unix time in the first characters of a line, or None. A time without an offset counts as UTC."""
    beginning = text[:_LOOK_AT]
    if match := _TIME.search(beginning):
        year, month, day, clock, fraction, zone = match.groups()
    elif (match := _NAMED.search(beginning)) and match[2] in _MONTHS:
        day, name, year, clock, zone = match.groups()
        month, fraction = f"{_MONTHS.index(name) + 1:02}", None
    else:
        return None
    offset = "+00:00" if zone in (None, "Z", "UTC") else zone
    try:
        moment = datetime.fromisoformat(f"{year}-{month}-{day}T{clock}.{(fraction or '0'):0<6}{offset}")
    except ValueError:
        return None
    return moment.astimezone(UTC).timestamp()


def dated(host: str, texts: Iterable[str]) -> list[LogLine]:
    """The lines of a log file; a line without a time (a stack trace) has the time of the line before it."""
    lines: list[LogLine] = []
    at: float | None = None
    for text in texts:
        if text:
            at = time_of(text) or at
            lines.append(LogLine(host, text.rstrip("\r"), at))
    return lines


def in_order(lines: Iterable[LogLine]) -> list[LogLine]:
    """Lines of several files, oldest first; those of one moment, and those without a time, stay as they were."""
    return sorted(lines, key=lambda line: line.at or 0.0)
