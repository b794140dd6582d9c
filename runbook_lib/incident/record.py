"""Incidents as the journal has them: what several runs, notes and messages belong to, from declaring to closing.

An incident is a few events without a run, each with the incident's id; the runs that belong to it name it among their
parameters.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from runbook_lib.command import nearest, printable
from runbook_lib.config import Severity
from runbook_lib.errors import IncidentError
from runbook_lib.run.journal import Event, Journal
from runbook_lib.run.lock import actor
from runbook_lib.run.run import part_of_drill

VARIABLE = "RUNBOOK_INCIDENT"

SEVERITIES: dict[Severity, str] = {
    "SEV1": "most users cannot use the service, or data is being lost or disclosed",
    "SEV2": "many users are hindered, or an important function does not work",
    "SEV3": "some users are hindered, and there is a way around",
    "SEV4": "no user is hindered yet",
}


@dataclass(frozen=True)
class Incident:
    """One incident. environment: label of what it is about, "shop/production". began: Unix time at which the trouble
    began as far as is known; declared, closed: Unix time, closed None while it is open."""

    id: str
    environment: str
    title: str
    severity: Severity
    commander: str
    began: float
    declared: float
    closed: float | None = None

    @property
    def open(self) -> bool:
        return self.closed is None

    def __str__(self) -> str:
        return f"{self.id} {self.severity} {self.environment}: {self.title}"


def declare(
    journal: Journal,
    environment: str,
    title: str,
    severity: str,
    *,
    commander: str = "",
    began: float | None = None,
    run: str = "",
    drill: str = "",
) -> Incident:
    """Write down that there is an incident. environment: label; title: text, cut to one line; severity: one of
    SEVERITIES; commander: who leads, default who is at work; began: Unix time; run: that found it out; drill: whose
    incident it is, default that of which this process is a part.

    IncidentError for an unknown severity.
    """
    known = severity_of(severity)
    now = time.time()
    incident = f"INC-{datetime.fromtimestamp(now, UTC):%Y%m%d}-{secrets.token_hex(2)}"
    data: dict[str, Any] = {
        "incident": incident,
        "environment": environment,
        "title": printable(title.strip(), 200) or "an incident without a title",
        "severity": known,
        "commander": commander or actor(),
        "began": now if began is None else began,
        "by": actor(),
        **({"drill": drill} if drill else part_of_drill()),
    }
    return declared(journal.append(run, "incident declared", data))


def severity_of(text: str) -> Severity:
    """The severity that is meant, "sev1" or "SEV1". IncidentError says what each means when there is none such."""
    for severity in SEVERITIES:
        if severity == text.strip().upper():
            return severity
    raise IncidentError(
        f"there is no severity {printable(text, 40)!r}",
        next_step="; ".join(f"{name}: {meaning}" for name, meaning in SEVERITIES.items()),
    )


def change(journal: Journal, incident: str, *, severity: str = "", commander: str = "", run: str = "") -> Incident:
    """Write down another severity or commander. IncidentError when there is no such open incident or severity."""
    found = open_incident(journal, incident)
    now = severity_of(severity) if severity else found.severity
    data = {"severity": now, "commander": commander or found.commander}
    journal.append(run, "incident changed", {"incident": found.id, **data, "by": actor()})
    return incident_of(journal, found.id)


def note(journal: Journal, incident: str, text: str, run: str = "", *, about: str = "", step: str = "") -> Event:
    """Write down an observation or decision for the timeline. text: free text, kept as it is. about, step: the runbook
    that it says something of, and where in it: number or heading of a section. IncidentError when there is no such
    incident, or nothing is said."""
    found = incident_of(journal, incident)
    if not text.strip():
        raise IncidentError("the note says nothing", next_step="write what was seen or decided")
    about_it = {"about": about, "step": step} if about else {}
    return journal.append(run, "noted", {"incident": found.id, "text": text, **about_it, "by": actor()})


def close(journal: Journal, incident: str, reason: str, run: str = "") -> Incident:
    """Write down that it is over. reason: how that is known. IncidentError when there is no such open incident."""
    found = open_incident(journal, incident)
    journal.append(run, "incident closed", {"incident": found.id, "reason": reason, "by": actor()})
    return incident_of(journal, found.id)


def incidents(journal: Journal, environment: str = "") -> list[Incident]:
    """All incidents, oldest first; of one environment, or of all."""
    found = {event.data["incident"]: declared(event) for event in journal.events(kind="incident declared")}
    for event in journal.events(kind="incident changed"):
        one = found[event.data["incident"]]
        found[one.id] = replace(one, severity=event.data["severity"], commander=event.data["commander"])
    for event in journal.events(kind="incident closed"):
        found[event.data["incident"]] = replace(found[event.data["incident"]], closed=event.at)
    return [one for one in found.values() if environment in ("", one.environment)]


def without_drills(events: Iterable[Event]) -> list[Event]:
    """What happened in earnest: a record, in order, without the incidents that were declared for a drill."""
    known = list(events)
    drilled = {e.data["incident"] for e in known if e.kind == "incident declared" and e.data.get("drill")}
    return [event for event in known if event.data.get("incident") not in drilled]


def incident_of(journal: Journal, incident: str) -> Incident:
    """One incident by its id. IncidentError names the nearest ones."""
    found = {one.id: one for one in incidents(journal)}
    if incident in found:
        return found[incident]
    known = nearest(incident, list(found)) or list(found)[-3:]
    raise IncidentError(
        f"there is no incident {printable(incident, 60)!r}",
        next_step=f"there are {', '.join(known)}" if known else "declare one: `runbook incident open`",
    )


def open_incident(journal: Journal, incident: str) -> Incident:
    """One open incident by its id. IncidentError when there is none, or when it is closed."""
    found = incident_of(journal, incident)
    if not found.open:
        raise IncidentError(f"{found.id} is closed", next_step="declare a new one: `runbook incident open`")
    return found


def incident_for(journal: Journal, environment: str, incident: str = "") -> str:
    """The id of the incident that a run on an environment belongs to: the one that is named, by the caller or in
    RUNBOOK_INCIDENT, else the only open one there, else an empty string. IncidentError when there is no such one."""
    named = incident or os.environ.get(VARIABLE, "")
    if named:
        return incident_of(journal, named).id
    there = [one.id for one in incidents(journal, environment) if one.open]
    return there[0] if len(there) == 1 else ""


def runs_of(journal: Journal, incident: str) -> list[str]:
    """Ids of the runs that belong to an incident, oldest first: those that name it, and the one that declared it."""
    named = [e.run for e in journal.events(kind="opened") if e.data["parameters"].get("incident") == incident]
    found_out = [e.run for e in journal.events(kind="incident declared") if e.data["incident"] == incident and e.run]
    return list(dict.fromkeys([*found_out, *named]))


def declared(event: Event) -> Incident:
    """The incident as an event `incident declared` has it."""
    data = event.data
    return Incident(
        data["incident"],
        data["environment"],
        data["title"],
        data["severity"],
        data["commander"],
        data["began"],
        event.at,
    )
