"""How fresh a runbook is: by the evidence of its last drill, never by the date of an edit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from runbook_lib.drills.evidence import Evidence

# A runbook that was not drilled for longer is no longer called proven.
FRESH_SECONDS = 30 * 86_400.0

State = Literal["proven", "failing", "changed", "stale", "never"]

# The order in which a reader wants to see them: what needs attention first.
ORDER: tuple[State, ...] = ("failing", "never", "changed", "stale", "proven")

WORDS: dict[State, str] = {
    "proven": "drilled with this source",
    "failing": "the last drill failed",
    "changed": "changed since the last drill",
    "stale": "not drilled for more than 30 days",
    "never": "never drilled",
}


@dataclass(frozen=True)
class Freshness:
    """The mark of one runbook. evidence: the drills it rests on, newest first."""

    state: State
    evidence: tuple[Evidence, ...] = ()

    @property
    def last(self) -> Evidence | None:
        """The drill that decides: the newest, a failed one before all others."""
        failed = [one for one in self.evidence if not one.passed]
        return next(iter(failed or self.evidence), None)

    @property
    def words(self) -> str:
        if self.last is None:
            return WORDS[self.state]
        reason = f": {self.last.reason}" if self.state == "failing" and self.last.reason else ""
        return f"{WORDS[self.state]}, {day(self.last.began)}{reason}"


def freshness(runbook: str, digest: str, records: Sequence[Evidence], now: float | None = None) -> Freshness:
    """The mark of a runbook. digest: of its source now; records: of all drills; now: Unix time.

    The newest record of each of its drills counts: one that failed makes it failing whatever the others say.
    """
    own = sorted((one for one in records if one.runbook == runbook), key=lambda one: -one.began)
    if not own:
        return Freshness("never")
    at = time.time() if now is None else now
    return Freshness(_state(own, digest, at), tuple(own))


def _state(own: Sequence[Evidence], digest: str, now: float) -> State:
    if not all(one.passed for one in own):
        return "failing"
    if own[0].digest != digest:
        return "changed"
    return "proven" if now - own[0].began <= FRESH_SECONDS else "stale"


def day(at: float) -> str:
    """A Unix time as a date in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
