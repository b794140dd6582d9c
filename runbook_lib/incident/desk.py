"""Opening, changing and closing incidents with what belongs to it: people are told where that is automatic."""

from __future__ import annotations

from datetime import UTC, datetime

from runbook_lib.command import printable
from runbook_lib.config import Loaded, Target
from runbook_lib.errors import ConfigurationError, IncidentError, RunbookError
from runbook_lib.incident import automatic, record
from runbook_lib.incident.due import Due, due
from runbook_lib.incident.record import Incident, incidents
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal


def target_of(here: Loaded, label: str) -> Target | None:
    """The environment of a label, or None when it is configured no more."""
    service, _, environment = label.partition("/")
    try:
        return here.target(service, environment)
    except ConfigurationError:
        return None


def open_incident(
    here: Loaded,
    service: str,
    environment: str,
    title: str,
    severity: str,
    *,
    commander: str = "",
    began: str = "",
    run: str = "",
) -> tuple[Incident, list[str]]:
    """Declare it and tell people where that is automatic; what came of telling, a line each. began: a time as
    2026-03-01T13:50, local unless it names an offset; empty: now. ConfigurationError, IncidentError, JournalError."""
    target = here.target(service, environment)
    journal = Journal(target.state)
    at = _time(began)
    one = record.declare(journal, target.label, title, severity, commander=commander, began=at, run=run)
    return one, _told(here, target, journal, one)


def _told(here: Loaded, target: Target, journal: Journal, one: Incident) -> list[str]:
    """What came of telling; what goes wrong with it takes nothing back."""
    try:
        return automatic.started(here, target, journal, one.id)
    except RunbookError as error:
        return [f"nobody was told: {error.message}"]


def close(here: Loaded | None, journal: Journal, incident: str, reason: str) -> tuple[Incident, list[str]]:
    """Close it; what is left, a line each: mitigations in force, pages elsewhere that could not be told. IncidentError
    without a reason."""
    if not reason.strip():
        raise IncidentError("an incident is closed with a reason", next_step="say how it is known to be over: --reason")
    one = record.close(journal, incident, reason)
    left = [str(item) for item in in_force(journal, one.environment)]
    target = target_of(here, one.environment) if here else None
    if here is not None and target is not None:
        left += automatic.show(here, target, journal, one)
    return one, left


def chosen(journal: Journal, named: str, *, or_last: bool = False) -> Incident:
    """The incident that is named, else the only open one; or_last: else, when none is open, the last one.
    IncidentError."""
    if named:
        return record.incident_of(journal, named)
    known = incidents(journal)
    there = [one for one in known if one.open] or known[-1:] * or_last
    if len(there) != 1:
        what = f"{len(there)} incidents are open" if there else "no incident is open"
        ids = ", ".join(one.id for one in there)
        raise IncidentError(what, next_step=f"name one of {ids}" if there else "declare one: `runbook incident open`")
    return there[0]


def due_of(here: Loaded | None, journal: Journal, one: Incident) -> Due | None:
    """When its next update is due, as its environment's configuration promises; None where nothing is."""
    target = target_of(here, one.environment) if here else None
    table = target.communication if target else None
    if target is None or table is None:
        return None
    return due(journal, target, one, float(table.update_every.get(one.severity, 0)))


def _time(text: str) -> float | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError) as error:
        raise IncidentError(
            f"{printable(text, 60)!r} is no time", next_step="write it as 2026-03-01T13:50, with an offset or local"
        ) from error
    if at > datetime.now(UTC).timestamp() + 60:
        raise IncidentError(f"it cannot have begun in the future ({printable(text, 60)})", next_step="mend --began")
    return at
