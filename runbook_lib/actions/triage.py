"""Triage: the first minutes. What is wrong, for whom, since when; what changed; the likely causes; what to run next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from runbook_lib.actions.looking.diagnosing import Diagnosing, begin_looking
from runbook_lib.command import printable
from runbook_lib.diagnosis import Cause, diagnose
from runbook_lib.diagnosis.remedies import remedies
from runbook_lib.display import Table
from runbook_lib.errors import ParameterError
from runbook_lib.incident.record import SEVERITIES, declare, incident_for, incident_of, severity_of
from runbook_lib.run import live

RUNBOOK = "triage"


@dataclass
class Triage(Diagnosing):
    """The procedure of triage.ipynb, a method for each of its sections. It changes nothing that serves."""

    severity: str
    title: str
    commander: str
    began: float | None

    @classmethod
    def open(
        cls,
        service: str = "",
        environment: str = "production",
        incident: str = "",
        severity: str = "",
        title: str = "",
        commander: str = "",
        since: str = "",
    ) -> Triage:
        """Begin.

        service: empty when there is only one. environment: where. incident: that it belongs to; empty: the only open
        one there, if any. severity: of an incident that is declared; empty: by the impact. title: of it; empty: by what
        is found. commander: who leads. since: when the trouble began, "12:30" today or "2026-01-31 12:30", UTC; empty:
        as the logs tell.
        Raises IncidentError when there is no such incident or severity, ParameterError, ConfigurationError,
        JournalError; nothing is written then.
        """
        severity = severity_of(severity) if severity else ""
        began = _moment(since)
        parameters = {"severity": severity, "title": title, "commander": commander, "since": since}
        run, target = begin_looking(RUNBOOK, service, environment, incident, parameters)
        belongs = incident_for(run.journal, target.label, incident)
        made = cls(run, target, belongs, severity, title, commander, began)
        made._nothing_to_carry_out(f"Triage of {target.label}")
        return made

    def declare(self, wanted: bool) -> Table:
        """Declare an incident when that is wanted and it belongs to none; else name the one that it belongs to, or what
        declaring would take. wanted: whether to."""
        if wanted and not self.incident:
            with self.run.guarded():
                self._declare()
        if not self.incident:
            rows = list(SEVERITIES.items())
            words = f"none is open; declare one: -p declare true -p severity {self._by_impact()}"
            return Table("Incident", ("severity", "means"), rows, (words,))
        found = incident_of(self.run.journal, self.incident)
        meaning = SEVERITIES[found.severity]
        about = [
            ("id", found.id),
            ("severity", f"{found.severity}: {meaning}"),
            ("title", found.title),
            ("commander", found.commander),
        ]
        return Table("Incident", ("", ""), about, (f"further runs join it: -p incident {found.id}",))

    def close(self) -> str:
        """End the run; the summary names the next command."""
        first = self.diagnosis.first
        if first is not None:
            self.run.suggest(first.command or f"by hand: {first.by_hand}")
        elif self.diagnosis.facts.impact.hurt:
            self.run.suggest("the runbook of what you see: site_down, high_error_rate or high_latency.ipynb")
        else:
            self.run.suggest(f"nothing: look again when somebody complains, `{self.target.command(RUNBOOK)}`")
        return self.run.close()

    def _declare(self) -> None:
        facts = self.diagnosis.facts
        journal, began = self.run.journal, self.began or facts.onset
        made = declare(
            journal,
            self.target.label,
            self.title or _title(self.diagnosis.first, facts.impact.words),
            self.severity or self._by_impact(),
            commander=self.commander,
            began=began,
            run=self.run.id,
        )
        self.incident = made.id
        for event in journal.events(self.run.id, "incident declared"):
            live.tell(event)
        # What is recommended from here on belongs to it.
        self._recommend_for(made.id)

    def _recommend_for(self, incident: str) -> None:
        facts = self.diagnosis.facts
        ways = remedies(self.target, incident)
        self.seen = diagnose(replace(facts, remedies=ways, incident_open=True))

    def _by_impact(self) -> str:
        """The severity that the impact suggests."""
        impact = self.diagnosis.facts.impact
        if impact.silent and len(impact.silent) == len(impact.places):
            return "SEV1"
        share = impact.flow.total.error_rate or 0.0 if impact.flow else 0.0
        if share >= 0.5:
            return "SEV1"
        if impact.failing or share >= 0.05:
            return "SEV2"
        return "SEV3" if impact.hurt else "SEV4"


def _title(cause: Cause | None, impact: str) -> str:
    return cause.title if cause else impact


def _moment(text: str) -> float | None:
    """Unix time of "12:30", the last time that it was that, or of an ISO time; UTC unless it says so."""
    if not text:
        return None
    now = datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text if len(text) > 8 else f"{now:%Y-%m-%d} {text}")
    except ValueError as error:
        raise ParameterError(
            f"{printable(text, 40)!r} is no time", next_step='write "12:30" or "2026-01-31 12:30", UTC'
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if len(text) <= 8 and moment > now:
        return moment.timestamp() - 86_400
    return moment.timestamp()
