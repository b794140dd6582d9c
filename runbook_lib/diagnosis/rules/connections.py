"""Causes that lie between the application and its stores."""

from __future__ import annotations

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.database import NO_DATABASE
from runbook_lib.diagnosis.rules.saying import hurting, lasting, matching, said, texts
from runbook_lib.diagnosis.rules.stores import NO_CACHE

# A store that was started so many seconds ago was not there before.
JUST_STARTED = 300.0


def cut_off(facts: Facts) -> Cause | None:
    """The application does not reach a store that answers from here."""
    for store, pattern, state in (("database", NO_DATABASE, facts.database), ("cache", NO_CACHE, facts.redis)):
        answers = state is not None and state.reachable and facts.impact.hurt
        told = matching(facts, pattern) if answers else []
        if not told:
            continue
        started = state is not None and state.up is not None and state.up < JUST_STARTED
        when = f"was started {lasting(state.up or 0)} ago" if state is not None and started else "answers from here"
        return Cause(
            "cut-off",
            0.76 if started else 0.72,
            f"the application does not reach its {store}, which {when}",
            (
                *hurting(facts),
                *(said(m) for m in told[:3]),
                f"the {store} was asked from here, and answered; it {when}",
            ),
            by_hand=f"see why the {store} ended, in its own log and its supervisor's; then restart what "
            "keeps its connections"
            if started
            else f"compare host and port of the {store} in .env and the cached configuration with where it is; "
            "see whether a firewall is between",
            told=texts(told),
        )
    return None
