"""Causes that are seen in the traffic itself: errors, load, keys."""

from __future__ import annotations

import re

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.impact import ENOUGH, SLOW_ENOUGH, SLOW_SHARE
from runbook_lib.diagnosis.rules.features import without_the_feature
from runbook_lib.diagnosis.rules.saying import hurting, said, texts
from runbook_lib.probes.http import Reading

# Requests a second, relative to the average since the start, from which load counts as unusual.
SPIKE = 3.0
LONG_ENOUGH = 120.0
OUTSIDE = (
    r"timed? ?out|curl error|refused|unreachable|gateway|provider|payment|upstream|HTTP 5\d\d|resolve host|dependency"
)
REDIRECTED = (
    "see where it leads, and why: APP_URL, https that is forced behind a balancer whose headers are not trusted, a "
    "login, a route that moved? where it is meant, change the check"
)
ANOTHER_ANSWER = (
    "look at that page: an error page that is given with 200, a feature or text that changed, another host's answer? "
    "where it is meant, change the check"
)
NOTHING_LOGGED = (
    "nothing of it is logged where the runbooks look: see the logs of the web server and of PHP-FPM, and name them in "
    "`logs`; can the application write its own?"
)


def error_spike(facts: Facts) -> Cause | None:
    """Requests fail, whatever the reason is: one feature, or something outside that it needs."""
    impact = facts.impact
    answered = [reading for reading in impact.failing if reading.status]
    if not impact.errors and not answered and not impact.storm:
        return None
    evidence = hurting(facts)
    if facts.impact.flow:
        evidence += [
            f"{route}: {traffic.errors:.0f} of {traffic.requests:.0f} fail"
            for route, traffic in list(impact.routes_erring.items())[:3]
        ]
    evidence += [str(reading) for reading in answered[:2]]
    evidence += [said(message) for message in facts.current[:2]]
    outside = [m for m in facts.current if re.search(OUTSIDE, m.text + m.sample, re.IGNORECASE)]
    title = "requests fail" + (f": {facts.current[0].text}" if facts.current else "")
    remedy = without_the_feature(facts)
    return Cause(
        "error-spike",
        0.6 if outside else 0.5,
        title,
        tuple(evidence),
        (),
        remedy,
        "" if remedy else _by_hand(facts, answered),
    )


def _by_hand(facts: Facts, answered: list[Reading]) -> str:
    if facts.current:
        return "see which feature or provider the messages name; switch it off, or ask the provider"
    statuses = {reading.status for reading in answered}
    if statuses and all(300 <= status < 400 for status in statuses):
        return REDIRECTED
    return ANOTHER_ANSWER if statuses == {200} else NOTHING_LOGGED


def traffic_spike(facts: Facts) -> Cause | None:
    """Far more requests than usual, and answers suffer from it."""
    flow = facts.impact.flow
    if flow is None or flow.started is None or not (facts.impact.slow or facts.impact.errors):
        return None
    lasted = facts.at - flow.started
    usual = flow.before.requests / lasted if lasted >= LONG_ENOUGH else 0.0
    if not usual or flow.rate < SPIKE * usual or flow.total.requests < 30:
        return None
    remedy = facts.remedies.mitigation("scale", "rate_limit", rate_limit=str(max(1, round(SPIKE * usual))))
    return Cause(
        "traffic-spike",
        0.75,
        f"{flow.rate / usual:.1f} times as many requests as usual",
        (f"{flow.rate:.1f} requests a second, on average {usual:.1f} since the processes started", *hurting(facts)),
        (),
        remedy,
        "" if remedy else "add replicas, or limit the rate in the balancer",
    )


def slow_answers(facts: Facts) -> Cause | None:
    """Answers are slow, whatever the reason is."""
    if not facts.impact.slow:
        return None
    feature = (facts.remedies.features or ("",))[0]
    remedy = facts.remedies.mitigation("scale", "disable_features", disable_features=feature)
    return Cause(
        "slow-answers",
        0.4,
        "answers are slow, and nothing that was looked at is known to be the reason",
        tuple(hurting(facts)),
        (),
        remedy,
        "" if remedy else "profile the slowest route; see what changed in its data or in what it calls",
    )


def replica_ill(facts: Facts) -> Cause | None:
    """Requests fail or are slow at a few of the replicas only."""
    flow, bound = facts.impact.flow, facts.impact.limits.max_p95_ms / 1000
    # The first place is the service as users reach it: any replica may have answered there.
    seen = list(dict.fromkeys([*facts.impact.places[1:], *(flow.places if flow else {})]))
    ill = {place: why for place in seen if (why := _ill(facts, place, bound))}
    if not ill or len(ill) * 2 >= len(seen):
        return None
    remedy = facts.remedies.mitigation("restart") or facts.remedies.own("restart_app", "restart_web")
    return Cause(
        "replica-ill",
        0.68,
        f"{', '.join(list(ill)[:3])} is ill, and {len(seen) - len(ill)} of {len(seen)} replicas are well",
        (*(f"{place}: {why}" for place, why in list(ill.items())[:5]), *hurting(facts)),
        (),
        remedy,
        "" if remedy else "take it out of the balancer, then see what differs there: its load, disk, release, network",
    )


def _ill(facts: Facts, place: str, bound: float) -> str:
    """What is wrong at one replica, or nothing."""
    failing = [reading for reading in facts.impact.failing if reading.place == place]
    if failing:
        return f"{failing[0].name}: {failing[0].saw}"
    if slow_routes := facts.impact.slow_at(place):
        return f"{slow_routes[0].name} takes {slow_routes[0].seconds * 1000:.0f} ms"
    traffic = facts.impact.flow.places.get(place) if facts.impact.flow else None
    if traffic is None:
        return ""
    if traffic.errors >= ENOUGH and (traffic.error_rate or 0) > facts.impact.limits.max_error_rate:
        return f"{traffic.errors:.0f} of {traffic.requests:.0f} requests failed"
    slow = traffic.slower(bound)
    if slow >= SLOW_ENOUGH and slow > SLOW_SHARE * traffic.requests:
        return f"{slow:.0f} of {traffic.requests:.0f} requests took more than {facts.impact.limits.max_p95_ms:g} ms"
    return ""


def leaked_key(facts: Facts) -> Cause | None:
    """The logs tell of keys or tokens that are used by whom they should not be."""
    found = [m for m in facts.suspicious if facts.at - m.last <= 600 and m.count >= 3]
    if not found:
        return None
    return Cause(
        "leaked-key",
        0.75,
        "a key may be in the wrong hands",
        (*(said(m) for m in found[:3]), *hurting(facts)),
        (),
        facts.remedies.runbook("suspected_breach"),
        told=texts(found),
    )
