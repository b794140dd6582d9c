"""What is to be done after an incident: by whom, until when, and whether it was done."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date

from runbook_lib.command import nearest, printable
from runbook_lib.errors import IncidentError
from runbook_lib.incident.record import incident_of
from runbook_lib.run.journal import Journal
from runbook_lib.run.lock import actor


@dataclass(frozen=True)
class FollowUp:
    """One of them. due: a day, 2026-03-31; done: whether it was said to be done."""

    id: str
    incident: str
    text: str
    owner: str
    due: str
    done: bool = False


def agree(journal: Journal, incident: str, text: str, owner: str, due: str) -> FollowUp:
    """Write down what is to be done. due: a day as YYYY-MM-DD. IncidentError when it names no owner, day or deed, or
    there is no such incident."""
    found = incident_of(journal, incident)
    if not text.strip() or not owner.strip():
        raise IncidentError("a follow-up names what is to be done and who owns it", next_step="add --owner and a text")
    try:
        day = date.fromisoformat(due.strip()).isoformat()
    except ValueError as error:
        raise IncidentError(
            f"{printable(due, 40)!r} is no day", next_step="write it as YYYY-MM-DD: --due 2026-03-31"
        ) from error
    one = FollowUp(f"FU-{secrets.token_hex(2)}", found.id, text.strip(), owner.strip(), day)
    data = {"incident": one.incident, "follow_up": one.id, "text": one.text, "owner": one.owner, "due": one.due}
    journal.append("", "follow-up agreed", {**data, "by": actor()})
    return one


def done(journal: Journal, follow_up: str) -> FollowUp:
    """Write down that it was done. IncidentError when there is no such one."""
    known = {one.id: one for one in follow_ups(journal)}
    if follow_up not in known:
        near = nearest(follow_up, list(known)) or list(known)[-3:]
        raise IncidentError(
            f"there is no follow-up {printable(follow_up, 40)!r}",
            next_step=f"there are {', '.join(near)}" if near else "agree on one: `runbook incident follow-up`",
        )
    one = known[follow_up]
    journal.append("", "follow-up done", {"incident": one.incident, "follow_up": one.id, "by": actor()})
    return next(found for found in follow_ups(journal) if found.id == one.id)


def follow_ups(journal: Journal, incident: str = "") -> list[FollowUp]:
    """All of them, or those of one incident, oldest first."""
    finished = {event.data["follow_up"] for event in journal.events(kind="follow-up done")}
    found = [event.data for event in journal.events(kind="follow-up agreed")]
    return [
        FollowUp(d["follow_up"], d["incident"], d["text"], d["owner"], d["due"], d["follow_up"] in finished)
        for d in found
        if incident in ("", d["incident"])
    ]
