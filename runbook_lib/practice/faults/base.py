"""What a fault is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runbook_lib.practice.ground import Ground


@dataclass(frozen=True)
class Fault:
    """Something that breaks for real.

    help: one line. bring_about: breaks it and returns what is wrong now, one line; PracticeError, and LockHeldError
    while a run is at work. shows: what can be seen of it from outside, or an empty string while nothing can. ends: what
    ends by itself one day, such as an outage elsewhere, ended now; None where only a repair ends it.
    """

    help: str
    bring_about: Callable[[Ground], str]
    shows: Callable[[Ground], str]
    ends: Callable[[Ground], None] | None = None
