"""How many replicas a person wants."""

from __future__ import annotations

import re

from runbook_lib.command import printable
from runbook_lib.errors import ParameterError

_WANTED = re.compile(r"(\+?)([0-9]{1,4})", re.ASCII)


def wanted(value: str, now: int, most: int) -> int:
    """How many replicas are to serve. value: "+2" or "4". ParameterError unless that is more than now, and no more
    than allowed."""
    match = _WANTED.fullmatch(value)
    if match is None:
        raise ParameterError(
            f"{printable(value, 40)!r} is no number of replicas", next_step="give +2 for two more, or 4 for four in all"
        )
    number = int(match[2]) + (now if match[1] else 0)
    if number <= now:
        raise ParameterError(f"{now} replicas serve already, {number} are no more", next_step="give a greater number")
    if number > most:
        raise ParameterError(
            f"{number} replicas are more than the {most} that are allowed", next_step="raise levers.scale.most"
        )
    return number
