"""What a diagnosis names: likely causes, and for each the next runbook as a ready command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.command import runbook_command

EVENT = "diagnosed"


@dataclass(frozen=True)
class Next:
    """The runbook to run next. runbook: its name; parameters: JSON values for it, without those left as they are."""

    runbook: str
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """What to type in the folder of the notebooks."""
        return runbook_command(self.runbook, self.parameters)


@dataclass(frozen=True)
class Cause:
    """One likely cause.

    name: its id, "bad-release"; score: 0 to 1, how well it explains what is seen; title: one line; supporting,
    opposing: the evidence for and against it, one line each, with numbers; next: the runbook that deals with it, or
    None where no configured one does; by_hand: what to do then. told: the messages of the logs that it accounts for.
    """

    name: str
    score: float
    title: str
    supporting: tuple[str, ...] = ()
    opposing: tuple[str, ...] = ()
    next: Next | None = None
    by_hand: str = ""
    told: frozenset[str] = frozenset()

    @property
    def command(self) -> str:
        return self.next.command if self.next else ""

    @property
    def facts(self) -> dict[str, Any]:
        """As the journal has it: plain JSON data."""
        following = {"runbook": self.next.runbook, "parameters": self.next.parameters} if self.next else None
        return {
            "name": self.name,
            "score": round(self.score, 3),
            "title": self.title,
            "for": list(self.supporting),
            "against": list(self.opposing),
            "next": following,
            "command": self.command,
            "by_hand": self.by_hand,
        }


def event(
    environment: str,
    causes: Sequence[Cause],
    *,
    incident: str = "",
    unseen: Sequence[str] = (),
    onset: float | None = None,
) -> dict[str, Any]:
    """The data of the event `diagnosed`, which every diagnosing run writes.

    environment: label; causes: best first; incident: id or empty; unseen: what could not be looked at, a line each;
    onset: Unix time at which the trouble began, or None when nothing tells.
    """
    return {
        "environment": environment,
        "incident": incident,
        "causes": [cause.facts for cause in causes],
        "unseen": list(unseen),
        "onset": onset,
    }
