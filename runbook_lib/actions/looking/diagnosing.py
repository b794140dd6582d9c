"""What all runbooks share that look first: one look, its tables, the diagnosis in the record."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.actions.looking import findings
from runbook_lib.actions.procedure import begin, target_of
from runbook_lib.config import Target
from runbook_lib.diagnosis import EVENT, EVERYTHING, Diagnosis, Facts, diagnose, event, look
from runbook_lib.display import Table
from runbook_lib.errors import GateError
from runbook_lib.run.lock import host
from runbook_lib.run.plan import Plan
from runbook_lib.run.run import Run


def begin_looking(
    runbook: str, service: str, environment: str, incident: str, parameters: Mapping[str, Any]
) -> tuple[Run, Target]:
    """Open the run of a runbook that looks. Several people may look at once, so it is never continued by another
    process. IncidentError, ConfigurationError, JournalError."""
    target = target_of(service, environment)
    everything = {**parameters, "by": f"{host()} {os.getpid()}"}
    return begin(runbook, target, everything, same=("by",), incident=incident), target


@dataclass
class Diagnosing:
    """The looking half of a runbook. incident: that it belongs to, or empty."""

    run: Run
    target: Target
    incident: str
    seen: Diagnosis | None = field(default=None, init=False, repr=False)

    parts = EVERYTHING
    window = 3.0

    def look(self) -> Table:
        """Look at everything, in parallel; who is hurt, and how much."""
        with self.run.guarded():
            facts = look(self.target, parts=self.parts, window=self.window, incident=self.incident)
            self.seen = diagnose(facts)
            table = findings.scope(facts)
            self.run.record("looked", **_summary(facts, table))
        return table

    def changes(self) -> Table:
        """What changed lately."""
        return findings.changed(self.diagnosis.facts)

    def state(self) -> Table:
        """Database, cache, queues, hosts, certificates; and what was not looked at."""
        return findings.state(self.diagnosis.facts)

    def logs(self) -> Table:
        """The errors that are being logged."""
        return findings.logged(self.diagnosis.facts)

    def causes(self) -> findings.Ranked:
        """The likely causes, the likeliest first, and for each the next command. It is written down."""
        facts = self.diagnosis.facts
        with self.run.guarded():
            data = event(
                self.target.label,
                self.diagnosis.causes,
                incident=self.incident,
                unseen=facts.unseen,
                onset=facts.onset,
            )
            self.run.record(EVENT, **data)
        return findings.Ranked(self.diagnosis)

    @property
    def diagnosis(self) -> Diagnosis:
        if self.seen is None:
            raise GateError("nothing was looked at yet", next_step="run the cell that looks first")
        return self.seen

    def _nothing_to_carry_out(self, title: str) -> None:
        """A run that only looks has a plan without steps."""
        if self.run.plan is None:
            self.run.propose(dict, lambda snapshot: Plan(title, (), snapshot))


def _summary(facts: Facts, table: Table) -> dict[str, Any]:
    impact, flow = facts.impact, facts.impact.flow
    return {
        "environment": facts.label,
        "impact": impact.words,
        "hurt": impact.hurt,
        "onset": facts.onset,
        "requests": flow.total.requests if flow else None,
        "errors": flow.total.errors if flow else None,
        "p95_ms": impact.p95_ms,
        "release": facts.live.facts if facts.live else {},
        "seconds": round(facts.seconds, 3),
        "lines": [*_lines(table), *findings.ill(facts), *findings.latest(facts)],
    }


def _lines(table: Table) -> list[str]:
    return [f"{name}: {words}" for name, words in table.rows if name != "impact"]
