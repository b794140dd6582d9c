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
# A balancer forgets the burst after one or two of its periods, refused requests among it.
FORGETS = (1.1, 3.0)
# After a reload, a balancer's former processes go on for a while.
SETTLES = 8.0


def what(rate: int) -> str:
    """What is in force, for the record."""
    return f"rate limit of {rate} requests a second"


def limited(environment: Environment, table: RateLimit, rate: int) -> Verdict:
    """PASS when requests above the rate are turned away and, after a pause, requests below it are not. INCONCLUSIVE
    when not enough requests could be sent to go above it."""
    seen, seconds = _settled(environment, table, rate, wanted=True)
    refused, asked = _refused(seen), seen.total()
    numbers = {"asked": asked, "refused": refused, "seconds": round(seconds, 3)}
    if not refused:
        if _too_few(seen, seconds, rate):
            reason = f"{asked} requests in {seconds:.1f} s are not above the limit: nothing was to be turned away"
            return Verdict("INCONCLUSIVE", (reason,), numbers)
        return Verdict("FAIL", (f"{asked} requests in {seconds:.1f} s, and none was turned away",), numbers)
    below = _below(environment, table, rate)
    if _refused(below):
        reason = f"requests below the limit are turned away, too: {_words(below)}"
        # Where the limit is everybody's, the users' own requests use it up.
        return Verdict("PASS" if table.per == "all" else "FAIL", (reason,), numbers)
    return Verdict("PASS", (f"{refused} of {asked} requests above the limit were turned away, none below",), numbers)


def unlimited(environment: Environment, table: RateLimit, rate: int) -> Verdict:
    """PASS when as many requests as that limit turned away go through again."""
    seen, seconds = _settled(environment, table, rate, wanted=False)
    refused = _refused(seen)
    numbers = {"asked": seen.total(), "refused": refused, "seconds": round(seconds, 3)}
    if seen[0] == seen.total():
        return Verdict("INCONCLUSIVE", ("nothing answers, so nothing shows that requests go through",), numbers)
    if refused:
        return Verdict("FAIL", (f"requests are still turned away: {_words(seen)}",), numbers)
    return Verdict("PASS", (f"{seen.total()} requests in {seconds:.1f} s, and none was turned away",), numbers)


def holds(environment: Environment, table: RateLimit, rate: int) -> bool | None:
    """Whether requests above the rate are turned away now; None when not enough could be sent to go above it."""
    seen, seconds = _burst(environment, table, rate)
    if _refused(seen):
        return True
    return None if _too_few(seen, seconds, rate) else False


def _settled(environment: Environment, table: RateLimit, rate: int, *, wanted: bool) -> tuple[Counter[int], float]:
    """The burst that shows what is wanted, or the last one of those that were given time to."""
    deadline = time.monotonic() + SETTLES
    while True:
        seen, seconds = _burst(environment, table, rate)
        hopeless = wanted and _too_few(seen, seconds, rate)
        if bool(_refused(seen)) is wanted or hopeless or time.monotonic() > deadline:
            return seen, seconds
        time.sleep(FORGETS[0])


def _burst(environment: Environment, table: RateLimit, rate: int) -> tuple[Counter[int], float]:
    """Statuses of more requests than the limit lets through, as fast as they go; it ends early once one is refused."""
    count = min(rate * ABOVE + AT_ONCE, MOST)
    began = time.monotonic()
    seen: Counter[int] = Counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while seen.total() < count and time.monotonic() - began < SECONDS:
            batch = min(AT_ONCE, count - seen.total())
            seen.update(pool.map(lambda _: _status(environment, table), range(batch)))
            if _refused(seen):
                break
    return seen, time.monotonic() - began


def _too_few(seen: Counter[int], seconds: float, rate: int) -> bool:
    """Whether so many requests may go through although the limit is in effect."""
    return seen.total() < rate * (seconds + 1) * 1.5


def _below(environment: Environment, table: RateLimit, rate: int) -> Counter[int]:
    """Statuses of a few requests at half the rate, once the limit has forgotten the burst."""
    seen: Counter[int] = Counter()
    for pause in FORGETS:
        time.sleep(pause)
        seen = Counter()
        for _ in range(min(BELOW, rate)):
            seen.update([_status(environment, table)])
            time.sleep(2 / rate)
        if not _refused(seen):
            break
    return seen


def _refused(seen: Counter[int]) -> int:
    return sum(seen[status] for status in REFUSALS)


def _status(environment: Environment, table: RateLimit) -> int:
    base, path = environment.url, table.path
    if table.url:
        parts = urlsplit(table.url)
        base, path = f"{parts.scheme}://{parts.netloc}", parts.path or table.path
    return Client(environment.checks.timeout).ask(base, Route("rate limit", path)).status


def _words(seen: Counter[int]) -> str:
    return ", ".join(f"{number} answered {status or 'nothing'}" for status, number in sorted(seen.items()))
