"""Causes why users are turned away though nothing fails: an answer of 4xx that is no mistake of theirs."""

from __future__ import annotations

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.saying import hurting
from runbook_lib.diagnosis.rules.told import by_hand
from runbook_lib.probes.metrics import REFUSALS

# Seen at real requests and at the checks, or at one of them only.
SURE = 0.72
LIKELY = 0.66

# By status: the cause, and what it means. What to do is that of the messages which say the same.
MEANING = {
    429: ("throttled", "because there are too many", by_hand("throttled")),
    419: ("sessions-lost", "because their session is not known", by_hand("sessions-lost")),
    423: (
        "access-refused",
        "because what they want is locked",
        "was the application or its database set read-only by hand? lift it",
    ),
}
NOT_LET_IN = (
    "access-refused",
    "because they are not let in",
    "what changed: APP_KEY or the sessions' store, the provider of logins, roles in the data, a rule of the web "
    "server, balancer or firewall? compare with the last deployment",
)


def turned_away(facts: Facts) -> Cause | None:
    """Real requests are refused far more than usual, or the checks are."""
    checks = [reading for reading in facts.impact.failing if reading.status in REFUSALS]
    status = facts.impact.refusal or (checks[0].status if checks else 0)
    if not status:
        return None
    name, why, hand = MEANING.get(status, NOT_LET_IN)
    return Cause(
        name,
        SURE if facts.impact.refusal and checks else LIKELY,
        f"requests are turned away with {status}, {why}",
        (*hurting(facts), *map(str, checks[:3])),
        () if checks else ("the checks are let through",),
        by_hand=hand,
    )
