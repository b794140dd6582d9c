"""Causes that lie in the cache, the queues and the data."""

from __future__ import annotations

import re

from runbook_lib.diagnosis.cause import Cause
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.processes import workers_standing
from runbook_lib.diagnosis.rules.saying import hurting, lasting, matching, said, texts
from runbook_lib.probes.redis import RedisState

NO_CACHE = (
    r"(redis|predis|phpredis|memcache|cache).*(refused|timed? ?out|went away|cannot|unreachable|reset|closed|fail)"
    r"|refused \[tcp://[^]]*:6379\]"
)
REFUSES = (
    r"max number of clients reached"
    r"|\bOOM command not allowed|\bMISCONF\b|\bREADONLY You can't write|\bLOADING Redis|\bMASTERDOWN\b|\bCLUSTERDOWN\b"
    r"|\bNOREPLICAS\b"
)
TO_BE_LET_IN = (
    "see `redis-cli info memory replication persistence`. Full: raise maxmemory, delete what `--bigkeys` shows; jobs "
    "belong in another Redis than the cache. A replica: point the application to the primary, or promote it. No client "
    "more: see `client list`, end those that idle, raise maxclients"
)
FAILED_JOB = r"App.Jobs.\S+ has timed out|\bjobs?\b.{0,120}\bfail|has been attempted too many times|MaxAttemptsExceeded"
# Failed jobs in the last hour, or messages of now in a minute and in all, that are more than everyday life.
FAILED_JOBS = 20
FAILED_A_MINUTE = 3.0
FAILED_NOW = 10


def cache_down(facts: Facts) -> Cause | None:
    """Redis does not answer or takes no writes; where it is not configured, the messages that say so."""
    state, refused = facts.redis_known, matching(facts, REFUSES) if facts.impact.hurt else []
    told = [*refused, *(m for m in matching(facts, NO_CACHE) if m not in refused)]
    evidence = [*hurting(facts), *(said(m) for m in told[:2])]
    why = _not_well(state)
    remedy = facts.remedies.own("cache", "redis")
    hand = "" if remedy else "look at the Redis server: does it run, has it memory and disk, is the network open?"
    if why or refused:
        is_down = state is not None and not state.reachable and not re.search(REFUSES, why)
        if not is_down:  # a restart brings neither room nor a primary, and may lose the jobs that it holds
            remedy, hand = None, TO_BE_LET_IN
        title = f"Redis {'is down' if is_down else 'refuses what it is asked'}: {why or refused[0].text}"
        seen = [f"Redis: {why}"] if why else []
        return Cause("cache-down", 0.94 if is_down else 0.85, title, (*seen, *evidence), (), remedy, hand, texts(told))
    if state is not None or not told or not facts.impact.hurt:
        return None
    title = "the application says that it does not reach its cache"
    return Cause("cache-down", 0.7, title, tuple(evidence), (), remedy, hand, texts(told))


def _not_well(state: RedisState | None) -> str:
    if state is None:
        return ""
    if not state.reachable:
        return state.saw
    return state.refuses or ("its memory is full" if state.full else "")


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
    reasons += workers_standing(facts)
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
