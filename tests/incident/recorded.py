"""Events as runs write them, at times of one's choice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runbook_lib.incident.story import Story, told
from runbook_lib.run.journal import Event

SHOP = "shop/production"
NUMBERS = {"requests": 100, "errors": 30, "error_rate": 0.3, "p95_ms": 900.0, "series": [[0.0, 900.0, 1.0]]}
HEALTHY = {"requests": 100, "errors": 0, "error_rate": 0.0, "p95_ms": 20.0, "series": [[0.0, 20.0, 0.0]]}


@dataclass
class Record:
    """A record in the making. Each method adds events at Unix time `at`."""

    events: list[Event] = field(default_factory=list)

    def add(self, kind: str, at: float, run: str = "", **data: Any) -> Record:
        self.events.append(Event(len(self.events) + 1, run, at, kind, data))
        return self

    def declared(self, at: float, incident: str = "INC-1", began: float | None = None, **data: Any) -> Record:
        about = {"environment": SHOP, "title": "checkouts fail", "severity": "SEV1", "commander": "ada", "by": "ada"}
        return self.add(
            "incident declared", at, incident=incident, began=at if began is None else began, **{**about, **data}
        )

    def closed(self, at: float, incident: str = "INC-1") -> Record:
        return self.add("incident closed", at, incident=incident, reason="verified", by="ada")

    def opened(self, at: float, run: str, runbook: str = "rollback", incident: str = "INC-1", **more: Any) -> Record:
        parameters = {"incident": incident, **more.pop("parameters", {})}
        about = {"runbook": runbook, "environment": SHOP, "dry_run": False, "actor": "ada", **more}
        return self.add("opened", at, run, parameters=parameters, **about)

    def verdict(
        self, at: float, result: str, run: str = "", kind: str = "observed", where: str = SHOP, **more: Any
    ) -> Record:
        numbers = HEALTHY if result == "PASS" else NUMBERS
        about = {"section": "production", "what": "observation of 60 s", "environment": where, "release": {"id": "a"}}
        return self.add(kind, at, run, verdict=result, **{"reasons": ["because"], "numbers": numbers, **about, **more})

    def step(self, at: float, run: str, name: str = "production.link", outcome: str = "done", **more: Any) -> Record:
        about = {"section": "production", "step": name, "title": f"do {name}", "host": "local", **more}
        self.add("step started", at, run, **about)
        return self.add("step finished", at, run, outcome=outcome, remark="as it was", seconds=0.1, **about)

    def rolled_back(self, at: float, run: str = "run-1", incident: str = "INC-1") -> Record:
        """A rollback that took 10 s: approved after 1, switched after 3, healthy after 4, observed after 9."""
        self.opened(at, run, incident=incident)
        section = {"name": "production", "skipped": "", "steps": [{"id": "production.link", "title": "do it"}]}
        facts = {"title": "Roll back shop/production", "warnings": [], "snapshot": {}, "sections": [section]}
        self.add("planned", at, run, digest="d" * 64, facts=facts, dry_run=False)
        self.add("approved", at + 1, run, digest="d" * 64, by="ben", how="command")
        self.step(at + 3, run)
        self.verdict(at + 4, "PASS", run, "verified", numbers={})
        self.verdict(at + 9, "PASS", run)
        return self.add("closed", at + 10, run, status="succeeded", reason="", seconds=10.0)

    @property
    def story(self) -> Story:
        """The first incident's."""
        return told(self.events)[0]
