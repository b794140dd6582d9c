"""When the next update is due, and reminding whoever owes it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from runbook_lib.config import Target
from runbook_lib.incident.messages import span, utc
from runbook_lib.incident.record import Incident, incidents
from runbook_lib.run.journal import Journal

TOLD = ("started", "update", "mitigated")


@dataclass(frozen=True)
class Due:
    """The next update of an open incident. at: Unix time; promised: at which the last message was sent, or the
    incident was declared; reminded: whether somebody was reminded of this one."""

    incident: Incident
    at: float
    promised: float
    command: str
    reminded: bool = False

    @property
    def over(self) -> bool:
        return time.time() > self.at

    def __str__(self) -> str:
        late = time.time() - self.at
        when = f"was due {span(late)} ago" if late >= 0 else f"is due in {span(-late)}"
        what = f"the next update of {self.incident.id} {when} ({utc(self.at)})"
        return f"{what}: {self.command}"


def due(journal: Journal, target: Target, incident: Incident, every: float) -> Due | None:
    """When its next update is due; None when it is closed, told to be over, or nothing is promised. every: seconds
    between two updates."""
    sent = [e for e in journal.events(kind="message sent") if e.data["incident"] == incident.id]
    if not incident.open or not every or any(e.data["phase"] == "verified" for e in sent):
        return None
    promised = max((e.at for e in sent if e.data["phase"] in TOLD), default=incident.declared)
    reminded = any(
        e.data["incident"] == incident.id and e.data["promised"] == promised for e in journal.events(kind="update due")
    )
    command = target.command("communicate", phase="update")
    return Due(incident, promised + every, promised, command, reminded)


def remind(journal: Journal, one: Due) -> None:
    """Write down that somebody was reminded of this update."""
    data = {
        "incident": one.incident.id,
        "environment": one.incident.environment,
        "promised": one.promised,
        "due": one.at,
    }
    journal.append("", "update due", data)


def open_incidents(journal: Journal) -> list[Incident]:
    """The incidents that are open, oldest first."""
    return [one for one in incidents(journal) if one.open]
