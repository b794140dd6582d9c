"""Readings from logs: the errors in them, grouped by message."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from runbook_lib.command import mask, printable
from runbook_lib.platforms.base import LogLine

_ERROR = re.compile(r"\b(ERROR|CRITICAL|ALERT|EMERGENCY|FATAL|PANIC)\b|\bUncaught\b|Traceback \(most recent")
# As nginx, Apache and PHP mark theirs.
_MARKS = ("[error]", ":error]", "[crit]", "[alert]", "[emerg]", "PHP Fatal error", "PHP Parse error")
# The time at the beginning of a line.
_STAMP = re.compile(
    r"^\W{0,2}(\d{4}[-/]\d\d[-/]\d\d[T ]|\d\d-[A-Z][a-z]{2}-\d{4} )\d\d:\d\d:\d\d[\d.,:+Z-]*( UTC)?\]?\s*"
)
# What differs from one occurrence of a message to the next.
_VARIABLE = re.compile(r"\b(?:0x)?[0-9a-fA-F-]{8,}\b|\d+|\"[^\"]*\"|'[^']*'")
# Lines of a stack trace, which repeat what the line above them said.
_CONTINUED = ("[previous exception]", "[stacktrace]", "#")
LINE_LIMIT = 2000
SHOWN = 160


def errors(lines: Iterable[LogLine]) -> Counter[str]:
    """How often each error message occurs; numbers, ids and quoted texts are left out of the message."""
    return Counter(message_of(line.text) for line in lines if is_error(line.text))


def new_errors(before: Iterable[LogLine], after: Iterable[LogLine]) -> dict[str, int]:
    """The error messages of `after` that `before` does not have, with their number."""
    known = errors(before)
    return {message: count for message, count in errors(after).items() if message not in known}


def is_error(text: str) -> bool:
    """Whether a line of a log tells of an error."""
    if text.startswith(_CONTINUED):
        return False
    beginning = text[:LINE_LIMIT]
    return any(mark in beginning for mark in _MARKS) or _ERROR.search(beginning) is not None


def message_of(text: str) -> str:
    """What is the same in each occurrence of a message."""
    # Masked first: what is left out of the message may be a part of a secret.
    return printable(_VARIABLE.sub("…", _undated(text)).strip(), SHOWN)


def example_of(text: str) -> str:
    """One line as it was logged, without its time."""
    return printable(_undated(text).strip(), SHOWN)


def _undated(text: str) -> str:
    return _STAMP.sub("", mask(text)[:LINE_LIMIT])
