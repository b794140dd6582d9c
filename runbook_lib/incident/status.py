"""Where one incident stands: for a terminal, for programs, for a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from runbook_lib.command import mask, printable
from runbook_lib.incident.components import changes, state_of
from runbook_lib.incident.due import Due
from runbook_lib.incident.follow_ups import follow_ups
from runbook_lib.incident.messages import span, utc
from runbook_lib.incident.record import Incident
from runbook_lib.incident.story import Story, story
from runbook_lib.incident.timeline import Line, timeline
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal

SHOWN = 20


def facts(journal: Journal, incident: Incident, owed: Due | None) -> dict[str, Any]:
    """Everything about it as plain data. owed: the next update."""
    told = story(journal, incident)
    return {
        **asdict(incident),
        "open": incident.open,
        "state": state_of(changes(journal.events()), incident.environment),
        "moments": asdict(told.moments),
        "seconds": told.moments.seconds,
        "runs": [{"run": one.run, "runbook": one.runbook, "status": one.status} for one in told.runs.values()],
        "messages": [
            {**event.data, "at": event.at, "came": event.kind.removeprefix("message ")}
            for event in told.of("message sent", "message failed")
        ],
        "notes": [{**event.data, "at": event.at} for event in told.of("noted")],
        "in_force": [asdict(item) for item in in_force(journal, incident.environment)],
        "follow_ups": [asdict(one) for one in follow_ups(journal, incident.id)],
        "update_due": owed.at if owed else None,
        "timeline": [asdict(line) for line in timeline(told)],
    }


def lines(journal: Journal, incident: Incident, owed: Due | None, *, everything: bool = False) -> Iterator[str]:
    """The same for a reader: the newest of the timeline, or everything."""
    told = story(journal, incident)
    yield shown(str(incident))
    yield f"{'open' if incident.open else 'closed'}, led by {shown(incident.commander)}"
    yield from _moments(told)
    happened = timeline(told, longest=None if everything else SHOWN)
    yield from (f"  {_line(line)}" for line in happened)
    yield from (f"! {shown(str(item))}" for item in in_force(journal, incident.environment))
    yield from (
        f"follow-up {one.id}: {shown(one.text)} ({shown(one.owner)}, {one.due}{', done' if one.done else ''})"
        for one in follow_ups(journal, incident.id)
    )
    if owed:
        yield f"{'! ' if owed.over else ''}{owed}"


def _moments(told: Story) -> Iterator[str]:
    seconds = told.moments.seconds
    for name, at in asdict(told.moments).items():
        if at is not None:
            took = {"detected": "detect", "decided": "decide", "mitigated": "mitigate", "verified": "verify"}.get(name)
            after = f"  ({took} {span(seconds[took])})" if took in seconds else ""
            yield f"  {name:<10} {utc(at)}{after}"


def _line(line: Line) -> str:
    return f"{utc(line.at)[11:16]}  {shown(line.who):<14} {shown(line.what)}"


def shown(text: str) -> str:
    return printable(mask(text), 400)
