"""Mitigations that somebody has to take back one day: a forgotten one is the next incident."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from runbook_lib.run.journal import Journal


@dataclass(frozen=True)
class InForce:
    """A mitigation that was put in force and not lifted. what: in a few words; environment: label; since: Unix time;
    run: that put it in force; undo: the command that takes it back; facts: what else was noted with it, such as what
    there was before."""

    what: str
    environment: str
    since: float
    run: str
    undo: str
    facts: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def about(self) -> dict[str, Any]:
        """What the command that takes it back needs to know, as it was noted last."""
        found: dict[str, Any] = self.facts.get("about", {})
        return found

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"{self.what} is in force in {self.environment} since {since} (run {self.run}); undo: {self.undo}"


def in_force(journal: Journal, environment: str = "") -> list[InForce]:
    """What is in force, oldest first; of one environment, or of all."""
    events = sorted([*journal.events(kind="put in force"), *journal.events(kind="lifted")], key=lambda event: event.seq)
    found: dict[tuple[str, str], InForce] = {}
    for event in events:
        data = event.data
        key = data["environment"], data["what"]
        if event.kind == "lifted":
            found.pop(key, None)
        else:
            facts = {name: value for name, value in data.items() if name not in ("what", "environment", "undo")}
            item = InForce(data["what"], data["environment"], event.at, event.run, data["undo"], facts)
            first = found.setdefault(key, item)
            if "about" in data:
                found[key] = replace(first, facts={**first.facts, "about": data["about"]})
    return [item for item in found.values() if environment in ("", item.environment)]
