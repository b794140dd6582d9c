"""A rate limit seen at its effect: above it requests are turned away, below it none is."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from runbook_lib.config import Environment
from runbook_lib.config.levers import RateLimit
from runbook_lib.probes.http import Client, Route
from runbook_lib.run.plan import Verdict

REFUSALS = (429, 503)
AT_ONCE = 16
# The limit lets a burst of one second through, and some refill while it is asked.
ABOVE = 3
SECONDS = 4.0
MOST = 2000
BELOW = 3


def limited(environment: Environment, table: RateLimit, rate: int) -> Verdict:
    """PASS when requests above the rate are turned away and, after a pause, requests below it are not. INCONCLUSIVE
    when not enough requests could be sent to go above it."""
    seen, seconds = _burst(environment, table, rate)
    refused, asked = sum(seen[status] for status in REFUSALS), seen.total()
    numbers = {"asked": asked, "refused": refused, "seconds": round(seconds, 3)}
    if not refused:
        if _too_few(seen, seconds, rate):
            reason = f"{asked} requests in {seconds:.1f} s are not above the limit: nothing was to be turned away"
            return Verdict("INCONCLUSIVE", (reason,), numbers)
        return Verdict("FAIL", (f"{asked} requests in {seconds:.1f} s, and none was turned away",), numbers)
    below = _below(environment, table, rate)
    if sum(below[status] for status in REFUSALS):
        reason = f"requests below the limit are turned away, too: {_words(below)}"
        # Where the limit is everybody's, the users' own requests use it up.
        return Verdict("PASS" if table.per == "all" else "FAIL", (reason,), numbers)
    return Verdict("PASS", (f"{refused} of {asked} requests above the limit were turned away, none below",), numbers)


def unlimited(environment: Environment, table: RateLimit, rate: int) -> Verdict:
    """PASS when as many requests as that limit turned away go through again."""
    seen, seconds = _burst(environment, table, rate)
    refused = sum(seen[status] for status in REFUSALS)
    numbers = {"asked": seen.total(), "refused": refused, "seconds": round(seconds, 3)}
    if refused:
        return Verdict("FAIL", (f"requests are still turned away: {_words(seen)}",), numbers)
    return Verdict("PASS", (f"{seen.total()} requests in {seconds:.1f} s, and none was turned away",), numbers)


def holds(environment: Environment, table: RateLimit, rate: int) -> bool | None:
    """Whether requests above the rate are turned away now; None when not enough could be sent to go above it."""
    seen, seconds = _burst(environment, table, rate)
    if any(seen[status] for status in REFUSALS):
        return True
    return None if _too_few(seen, seconds, rate) else False


def _burst(environment: Environment, table: RateLimit, rate: int) -> tuple[Counter[int], float]:
    """Statuses of more requests than the limit lets through, as fast as they go; it ends early once one is refused."""
    count = min(rate * ABOVE + AT_ONCE, MOST)
    began = time.monotonic()
    seen: Counter[int] = Counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while seen.total() < count and time.monotonic() - began < SECONDS:
            batch = min(AT_ONCE, count - seen.total())
            seen.update(pool.map(lambda _: _status(environment, table), range(batch)))
            if any(seen[status] for status in REFUSALS):
                break
    return seen, time.monotonic() - began


def _too_few(seen: Counter[int], seconds: float, rate: int) -> bool:
    """Whether so many requests may go through although the limit is in effect."""
    return seen.total() < rate * (seconds + 1) * 1.5


def _below(environment: Environment, table: RateLimit, rate: int) -> Counter[int]:
    """Statuses of a few requests at half the rate, once the limit has forgotten the burst."""
    time.sleep(1.1)
    seen: Counter[int] = Counter()
    for _ in range(min(BELOW, max(1, rate))):
        seen.update([_status(environment, table)])
        time.sleep(min(2.0, 2 / rate))
    return seen


def _status(environment: Environment, table: RateLimit) -> int:
    base, path = environment.url, table.path
    if table.url:
        parts = urlsplit(table.url)
        base, path = f"{parts.scheme}://{parts.netloc}", parts.path or table.path
    return Client(environment.checks.timeout).ask(base, Route("rate limit", path)).status


def _words(seen: Counter[int]) -> str:
    return ", ".join(f"{number} answered {status or 'nothing'}" for status, number in sorted(seen.items()))
