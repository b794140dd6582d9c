"""Causes that lie in what somebody switched on and did not switch off."""

from __future__ import annotations

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.database import READ_ONLY
from runbook_lib.diagnosis.rules.saying import clock, hurting, is_backed_up, lasting, matching
from runbook_lib.probes.http import Reading
from runbook_lib.run.in_force import InForce

MAINTENANCE = "maintenance mode"
# What an action in force does to requests, by the status of their answer: nginx refuses with 503 unless told otherwise.
TURNS_AWAY = {"rate_limit": (429, 503), "read_only": (423,)}
# A mitigation without an incident is forgotten after so long.
FORGOTTEN = 4 * 3600.0


def maintenance_left_on(facts: Facts) -> Cause | None:
    """Users see the maintenance page."""
    closed = [reading for reading in facts.impact.failing if reading.status == 503 and reading.name not in _OWN]
    alive = any(reading.ok for readings in facts.impact.by_route.values() for reading in readings)
    item = next((item for item in facts.in_force if item.what == MAINTENANCE), None)
    if not closed or not alive or (item is None and not _looks_closed(facts, closed)):
        return None
    evidence = [f"{reading.name} answers 503 at {reading.place}" for reading in closed[:3]]
    if item:
        evidence.insert(0, f"maintenance mode has been on for {lasting(facts.at - item.since)}, by run {item.run}")
    return Cause(
        "maintenance-left-on",
        0.95 if item else 0.65,
        "maintenance mode is on" + (f" since {clock(item.since)}" if item else ", which the record does not know of"),
        tuple(evidence),
        (),
        facts.remedies.runbook("maintenance_mode", mode="off"),
    )


_OWN = ("/up", "/ready")


def _looks_closed(facts: Facts, closed: list[Reading]) -> bool:
    """Whether everything that users see is 503 while /up is well and nothing says that it is ill."""
    smoke = [key for key in facts.impact.by_route if not key[1].startswith("/")]
    return len(closed) == len(smoke) and not facts.current


def mitigation_left_on(facts: Facts) -> Cause | None:
    """A mitigation is still in force: it explains what users miss, or nobody remembers it."""
    items = [item for item in facts.in_force if item.what != MAINTENANCE]
    old = [item for item in items if facts.at - item.since > FORGOTTEN and not facts.incident_open]
    shown = [item for item in items if _shows(facts, item)]
    suspects = shown or (items if facts.impact.hurt else old)
    if not suspects:
        return None
    oldest = suspects[0]
    action = oldest.facts.get("action")
    remedy = facts.remedies.runbook("mitigate", action=action, undo=True) if action else None
    return Cause(
        "mitigation-left-on",
        0.9 if shown else 0.55 if facts.impact.hurt else 0.3,
        f"{oldest.what} is still in force, since {clock(oldest.since)}",
        (*(str(item) for item in suspects[:5]), *hurting(facts)),
        () if facts.impact.hurt else ("users are not seen to be hindered",),
        remedy,
        "" if remedy else f"take it back: {oldest.undo}",
    )


def _shows(facts: Facts, item: InForce) -> bool:
    """Whether what users have is what this mitigation does."""
    action, seen = item.facts.get("action"), {facts.impact.refusal, *(r.status for r in facts.impact.failing)}
    refused = action == "read_only" and facts.impact.hurt and bool(matching(facts, READ_ONLY))
    return refused or bool(seen & set(TURNS_AWAY.get(str(action), ())))


HALTED = {"pause_queues": "queues", "pause_scheduler": "scheduler"}


def halted(facts: Facts) -> Cause | None:
    """Queues or the scheduler are halted: jobs pile up, or no record knows of it."""
    recorded = {item.facts.get("action"): item for item in facts.in_force}
    piling_up = bool(facts.queues) and facts.queue_limits is not None and is_backed_up(facts)
    for action in facts.halted:
        item = recorded.get(action)
        hinders = piling_up and action == "pause_queues"
        if not hinders and (item is not None):
            continue
        what = HALTED[action]
        knows = f"halted on purpose for {lasting(facts.at - item.since)}, by run {item.run}" if item else ""
        waiting = [f"{facts.queues[-1].waiting} jobs wait"] if facts.queues else []
        return Cause(
            "halted",
            0.95 if hinders else 0.4,
            f"the {what} {'is' if action == 'pause_scheduler' else 'are'} halted"
            + ("" if item else ", which the record does not know of"),
            (*([knows] if knows else ["no run of a runbook halted it"]), *waiting, *hurting(facts)),
            () if hinders else ("jobs do not pile up yet",),
            facts.remedies.runbook("mitigate", action=action, undo=True),
        )
    return None
