"""Where a run stands, read back from its events: what continues it after a crash."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runbook_lib.run.journal import Event
from runbook_lib.run.plan import Snapshot

# Outcomes after which a step is not done again.
SETTLED = ("done", "already", "settled")


@dataclass
class State:
    """opened: the first event. snapshot, digest: of the plan, once there is one. steps: outcome by step id,
    "started" when it was left in the middle. sections: "started", "going back", "went back" or "finished" by name.
    verdicts: by what was looked at. asked: whether a gate waits."""

    opened: Event | None = None
    snapshot: Snapshot | None = None
    digest: str = ""
    steps: dict[str, str] = field(default_factory=dict)
    sections: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: str = ""
    last: Event | None = None

    def take(self, event: Event) -> None:
        """Move on by one event."""
        data = event.data
        self.last = event
        match event.kind:
            case "opened":
                self.opened = event
            case "planned":
                self.snapshot, self.digest = data["facts"]["snapshot"], data["digest"]
            case "step started":
                self.steps[data["step"]] = "started"
            case "step finished":
                self.steps[data["step"]] = data["outcome"]
            case "section started" | "going back" | "went back" | "section finished":
                self.sections[data["section"]] = {
                    "section started": "started",
                    "section finished": "finished",
                }.get(event.kind, event.kind)
            case "verified" | "observed":
                self.verdicts[f"{event.kind} {data['section']}"] = data
            case "closed":
                self.status = data["status"]

    @property
    def anything_started(self) -> bool:
        return bool(self.steps)

    def settled(self, step: str) -> bool:
        return self.steps.get(step) in SETTLED
