"""The scenarios: gather what matters for what is seen, name the cause, recommend; act when asked to, and verify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.actions.looking.carrying_on import carry_out
from runbook_lib.actions.looking.diagnosing import Diagnosing, begin_looking
from runbook_lib.actions.procedure import target_of
from runbook_lib.command import printable
from runbook_lib.config import Target
from runbook_lib.diagnosis import Next
from runbook_lib.diagnosis.remedies import Remedies, remedies
from runbook_lib.display import Table
from runbook_lib.errors import ParameterError, VerificationFailedError
from runbook_lib.incident.record import incident_for
from runbook_lib.observation.health import health
from runbook_lib.platforms import platform_of
from runbook_lib.run.plan import Verdict

RECOMMENDED = "recommended"
HEALTH = ("place", "route", "result", "saw")


@dataclass
class Scenario(Diagnosing):
    """What the scenarios share. action: "" only recommends; "recommended" carries out the first recommendation; else
    the name of a mitigation. A subclass names its runbook, the parts that matter for it, and how long traffic is
    measured."""

    action: str
    value: str
    carried_out: bool = False

    runbook: ClassVar[str]
    symptom: ClassVar[str]

    @classmethod
    def open(
        cls, service: str = "", environment: str = "production", incident: str = "", action: str = "", value: str = ""
    ) -> Scenario:
        """Begin.

        service: empty when there is only one. environment: where. incident: that it belongs to. action: see the class.
        value: of a mitigation that takes one. ParameterError for a mitigation that is not configured; IncidentError,
        ConfigurationError, JournalError.
        """
        _refuse_unknown(action, target_of(service, environment))
        parameters = {"action": action, "value": value}
        run, target = begin_looking(cls.runbook, service, environment, incident, parameters)
        made = cls(run, target, incident_for(run.journal, target.label, incident), action, value)
        made._nothing_to_carry_out(f"{cls.symptom} in {target.label}")
        return made

    def routes(self) -> Table:
        """What each route answered at each place."""
        readings = [readings[-1] for readings in self.diagnosis.facts.impact.by_route.values()]
        rows = [(r.place, r.name, "good" if r.ok else "bad", f"{r.saw}, {r.seconds * 1000:.0f} ms") for r in readings]
        return Table("Answers", HEALTH, rows)

    def act(self) -> str:
        """Carry out what was asked for, through its own plan and gate; one line on it. Without an action: what to run.

        ParameterError when nothing that can be carried out from here is recommended; what the procedure raises.
        """
        with self.run.guarded():
            following = self._chosen()
            if following is None:
                return "nothing is carried out: no action was asked for"
            self.run.record("carrying on", command=following.command)
            summary = carry_out(following, lambda table: print(table))
            self.carried_out = True
        return summary

    def verify(self) -> Table:
        """After an action: every replica healthy. VerificationFailedError, and the run fails, when it is not."""
        if not self.carried_out:
            return Table("Verify", (), (), ("nothing was changed, so there is nothing to verify",))
        with self.run.guarded():
            verdict = self._healthy()
            if not verdict.passed:
                raise VerificationFailedError(
                    f"{self.target.label} is not healthy after it: {verdict.reasons[0]}", next_step=self._again
                )
        return Table(f"{verdict.result}: {'; '.join(verdict.reasons)}", (), ())

    def close(self) -> str:
        """End the run; the summary names the next command."""
        first = self.diagnosis.first
        if self.carried_out:
            self.run.suggest(f"{self.target.command('verify')}, then tell the stakeholders")
        elif first is not None:
            self.run.suggest(first.command or f"by hand: {first.by_hand}")
        else:
            self.run.suggest(self._again)
        return self.run.close()

    @property
    def _again(self) -> str:
        return f"look at everything: {self.target.command('triage')}"

    def _chosen(self) -> Next | None:
        if not self.action:
            return None
        if self.action != RECOMMENDED:
            given = {"action": self.action, **({"value": self.value} if self.value else {})}
            return self._ways.runbook("mitigate", **given)
        first = self.diagnosis.first
        if first is None:
            raise ParameterError("there is nothing to carry out: no cause was found", next_step=self._again)
        if first.next is None:
            raise ParameterError(f"nothing can be carried out from here against {first.name}", next_step=first.by_hand)
        return first.next

    @property
    def _ways(self) -> Remedies:
        return remedies(self.target, self.incident)

    def _healthy(self) -> Verdict:
        """Whether every replica runs one release and answers as it must."""
        platform = platform_of(self.target)
        live = next(iter(platform.current().values()))
        verdict = health(self.target.environment, platform, live)
        self.run.record(
            "verified",
            section=self.target.name,
            what="health",
            environment=self.target.label,
            release=live.facts,
            verdict=verdict.result,
            reasons=list(verdict.reasons),
            numbers=verdict.numbers,
        )
        return verdict


def _refuse_unknown(action: str, target: Target) -> None:
    """ParameterError for a mitigation that is not configured: before anything is written."""
    available = remedies(target).available
    if action not in ("", RECOMMENDED) and action not in available:
        raise ParameterError(
            f"{printable(action, 60)!r} is no mitigation that is configured for {target.label}",
            next_step=f"use one of: {', '.join(sorted(available)) or 'none is configured'}; or recommended",
        )


class SiteDown(Scenario):
    """The procedure of site_down.ipynb."""

    runbook = "site_down"
    symptom = "Site down"
    parts = frozenset({"routes", "hosts", "logs", "database", "redis", "dependencies", "certificates", "changes"})
    window = 2.0


class HighErrorRate(Scenario):
    """The procedure of high_error_rate.ipynb."""

    runbook = "high_error_rate"
    symptom = "High error rate"
    parts = frozenset({"routes", "traffic", "hosts", "logs", "database", "redis", "queues", "dependencies", "changes"})
    window = 6.0


class HighLatency(Scenario):
    """The procedure of high_latency.ipynb."""

    runbook = "high_latency"
    symptom = "High latency"
    parts = frozenset({"routes", "traffic", "hosts", "logs", "database", "redis", "queues", "dependencies", "changes"})
    window = 6.0
