"""Causes that lie in the cache, the queues and the data."""

from __future__ import annotations

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.saying import hurting, lasting, matching, said, texts

NO_CACHE = (
    r"(redis|predis|phpredis|memcache|cache).*(refused|timed? ?out|went away|cannot|unreachable|reset|closed|fail)"
)
CORRUPT = (
    r"corrupt|malformed|integrity|invalid (value|data|row|price|amount)|cannot be (cast|parsed)|unserialize"
    r"|NaN|out of range|unexpected (null|None)|must not be (null|negative)|NoneType|could not be decoded|checksum"
)
FAILED_JOB = r"\bjobs?\b.{0,120}\bfail|has been attempted too many times|MaxAttemptsExceeded"
# Failed jobs in the last hour, or messages of now in a minute and in all, that are more than everyday life.
FAILED_JOBS = 20
FAILED_A_MINUTE = 3.0
FAILED_NOW = 10


def cache_down(facts: Facts) -> Cause | None:
    """Redis does not answer or takes no writes; where it is not configured, the messages that say so."""
    state, told = facts.redis, matching(facts, NO_CACHE)
    remedy = facts.remedies.own("cache", "redis")
    hand = "" if remedy else "look at the Redis server: does it run, has it memory and disk, is the network open?"
    evidence = [*hurting(facts), *(said(m) for m in told[:2])]
    if state is None:
        if not told or not facts.impact.hurt:
            return None
        title = "the application says that it does not reach its cache"
        return Cause("cache-down", 0.7, title, tuple(evidence), (), remedy, hand, texts(told))
    why = state.saw if not state.reachable else state.refuses or ("its memory is full" if state.full else "")
    if not why:
        return None
    title = f"Redis {'is down' if not state.reachable else 'takes no writes'}: {why}"
    score = 0.94 if not state.reachable else 0.85
    return Cause("cache-down", score, title, (f"Redis: {why}", *evidence), (), remedy, hand, texts(told))


def queue_backlog(facts: Facts) -> Cause | None:
    """More jobs wait, or for longer, than the configuration says is right."""
    if not facts.queues or facts.queue_limits is None:
        return None
    limits, last = facts.queue_limits, facts.queues[-1]
    reasons = []
    if last.waiting > limits.max_waiting:
        reasons.append(f"{last.waiting} jobs wait, {limits.max_waiting} are allowed")
    if last.oldest_age > limits.max_age:
        reasons.append(f"the oldest has waited for {lasting(last.oldest_age)}, {lasting(limits.max_age)} are allowed")
    if not reasons:
        return None
    fullest = sorted(last.depths.items(), key=lambda pair: -pair[1].waiting)[:3]
    reasons.append(", ".join(f"{name}: {depth.waiting} waiting, {depth.reserved} at work" for name, depth in fullest))
    trend = last.waiting - facts.queues[0].waiting
    opposing = (f"{-trend} fewer than {last.at - facts.queues[0].at:.0f} s ago",) if trend < 0 else ()
    remedy = facts.remedies.mitigation("restart_workers", "scale")
    return Cause(
        "queue-backlog",
        0.8,
        f"the queues are backed up: {reasons[0]}",
        (*reasons, *hurting(facts)),
        opposing,
        remedy,
        "" if remedy else "start more workers; find out which jobs are slow or fail",
    )


def corrupt_rows(facts: Facts) -> Cause | None:
    """The application meets data that it cannot use: some requests fail, with messages about values."""
    told = matching(facts, CORRUPT)
    if not told or not facts.impact.hurt:
        return None
    return Cause(
        "corrupt-rows",
        0.7,
        "the application meets data that it cannot use",
        (*hurting(facts), *(said(m) for m in told[:3])),
        (),
        facts.remedies.runbook("data_concern"),
        told=texts(told),
    )


def jobs_failing(facts: Facts) -> Cause | None:
    """Jobs fail, far more than now and then; users need not be hindered by it."""
    told = [m for m in matching(facts, FAILED_JOB) if m.count >= FAILED_NOW and m.per_minute >= FAILED_A_MINUTE]
    last = facts.queues[-1] if facts.queues else None
    failed = sum((last.failed or {}).values()) if last else 0
    if failed < FAILED_JOBS and not told:
        return None
    return Cause(
        "jobs-failing",
        0.6,
        f"jobs fail: {told[0].text}" if told else f"{failed} jobs failed in the last hour",
        (
            *([f"{failed} jobs failed in the last hour"] if failed else []),
            *(said(m) for m in told[:3]),
            *hurting(facts),
        ),
        by_hand="put right what their message names, then have them done again: `php artisan queue:retry all`",
        told=texts(told),
    )
