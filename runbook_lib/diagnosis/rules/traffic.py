"""Causes that are seen in the traffic itself: errors, load, keys."""

from __future__ import annotations

import re

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.features import without_the_feature
from runbook_lib.diagnosis.rules.saying import hurting, said

# Requests a second, relative to the average since the start, from which load counts as unusual.
SPIKE = 3.0
ENOUGH_SECONDS = 120.0
OUTSIDE = (
    r"timed? ?out|curl error|refused|unreachable|gateway|provider|payment|upstream|HTTP 5\d\d|resolve host|dependency"
)


def error_spike(facts: Facts) -> Cause | None:
    """Requests fail, whatever the reason is: one feature, or something outside that it needs."""
    impact = facts.impact
    answered = [reading for reading in impact.failing if reading.status]
    if not impact.errors and not answered:
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
        "" if remedy else "see which feature or provider the messages name; switch it off, or ask the provider",
    )


def traffic_spike(facts: Facts) -> Cause | None:
    """Far more requests than usual, and answers suffer from it."""
    flow = facts.impact.flow
    if flow is None or flow.started is None or not (facts.impact.slow or facts.impact.errors):
        return None
    lasted = facts.at - flow.started
    usual = flow.before.requests / lasted if lasted >= ENOUGH_SECONDS else 0.0
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
    )
