"""Facts made by hand: an environment that is well, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runbook_lib.config import Observation
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.impact import Flow, Impact
from runbook_lib.diagnosis.remedies import Remedies
from runbook_lib.platforms.base import Release
from runbook_lib.probes.http import Reading
from runbook_lib.probes.messages import Message
from runbook_lib.probes.metrics import Traffic, merged
from runbook_lib.run.standing import Standing

NOW = 1_800_000_000.0
URL = "http://shop.example"
GOOD = Release("v1.4.2", "a" * 40)
LIVE = Release("v1.5.0", "b" * 40)
LIMITS = Observation(max_p95_ms=250)
ALL = frozenset(
    {"restart", "restart_workers", "end_sessions", "free_disk", "scale", "restart_cache", "restart_database"}
)


def reading(name: str = "/up", status: int = 200, saw: str = "", seconds: float = 0.02, place: str = URL) -> Reading:
    return Reading(name, place, status == 200, saw or str(status), seconds, status, NOW)


def rounds(*readings: Reading, times: int = 3) -> list[list[Reading]]:
    return [list(readings) for _ in range(times)]


def traffic(requests: float, errors: float = 0, slow: float = 0) -> Traffic:
    """slow: requests that took a second; the others took 20 ms."""
    return Traffic(
        requests, errors, {0.02: requests - slow, 0.25: requests - slow, 1.0: requests, float("inf"): requests}
    )


def refused(status: int, before: float = 0) -> Flow:
    """Real traffic of which four of ten requests are refused. before: share of the earlier ones that were, too."""
    return flow(refused={status: 4}, before=replace(traffic(20_000), refused={status: 20_000 * before}))


def flow(
    route: str = "/checkout",
    errors: float = 0,
    slow: float = 0,
    before: Traffic | None = None,
    started: float = NOW - 7200,
    refused: dict[int, float] | None = None,
) -> Flow:
    """Ten requests in each of two parts, so many of which failed, were slow or were refused."""
    part = {route: replace(traffic(10, errors, slow), refused=refused or {})}
    return Flow(3.0, (part, part), {URL: merged([part[route]] * 2)}, {route: before or traffic(20_000)}, started)


def message(text: str, began: float, count: int = 20, before: int = 0, reaches: float = NOW - 20_000) -> Message:
    first = began if not before else began - 9000
    return Message(text, first, NOW - 1, began, count, before, ("web-1",), reaches, text)


def impact(*readings: Reading, real: Flow | None = None) -> Impact:
    usual = [reading("/up"), reading("/ready"), reading("home page")]
    named = {r.name for r in readings}
    return Impact(rounds(*readings, *(r for r in usual if r.name not in named)), real, LIMITS)


def facts(
    seen: Impact | None = None, *, since: float = NOW - 7200, passed: Mapping[str, float] | None = None, **more: Any
) -> Facts:
    """An environment that is well but for what is given. since: when its release went live; passed: verifications."""
    standing = Standing(passed=dict(passed if passed is not None else {GOOD.id: NOW - 90_000, LIVE.id: since + 10}))
    given: dict[str, Any] = {
        "label": "shop/production",
        "at": NOW,
        "impact": seen or impact(real=flow()),
        "releases": {"web-1": LIVE, "web-2": LIVE},
        "switched": {"web-1": since, "web-2": since + 2},
        "standing": standing,
        "good": GOOD,
        "remedies": Remedies({"environment": "production"}, ALL),
    }
    return Facts(**{**given, **more})
