"""Causes that lie with third parties."""

from __future__ import annotations

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.saying import hurting, matching, said, texts

FAILING = r"timed? ?out|curl error|refused|unreachable|gateway|upstream|HTTP 5\d\d|answers 5\d\d|cannot be reached"


def third_party(facts: Facts) -> Cause | None:
    """A third party that is configured does not answer as it must, or takes too long."""
    ill = [one for one in facts.dependencies if one.wrong]
    slow = [one for one in facts.dependencies if one.slow and not one.wrong] if facts.impact.hurt else []
    worst = next(iter([*ill, *slow]), None)
    if worst is None:
        return None
    hurt = facts.impact.hurt
    feature = next((one.feature for one in [*ill, *slow] if one.feature), "")
    remedy = facts.remedies.mitigation("disable_features", disable_features=feature)
    told = [m for m in matching(facts, FAILING) if ill]
    return Cause(
        "third-party",
        (0.88 if ill else 0.82) if hurt else 0.4,
        f"the third party {worst.name} {'is not well' if worst.wrong else 'is slow'}: {str(worst).partition(': ')[2]}",
        (*map(str, [*ill, *slow][:5]), *hurting(facts), *(said(m) for m in told[:2])),
        () if hurt else ("users are not seen to be hindered",),
        remedy if hurt else None,
        ""
        if remedy and hurt
        else f"ask {worst.name}, see its status page; until then do without it where that is possible",
        texts(told),
    )
