"""What is looked at beside the hosts, a line for each part; each takes the environment with little patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from runbook_lib.config import Environment, Target
from runbook_lib.datastores.redis import redis_of
from runbook_lib.datastores.sql import sql_of
from runbook_lib.diagnosis.flow import flow
from runbook_lib.levers import lever_of
from runbook_lib.levers.base import Request
from runbook_lib.probes import changes, database, dependencies, queues, redis
from runbook_lib.probes.certificates import Certificate, certificate
from runbook_lib.probes.database import DatabaseState
from runbook_lib.probes.http import places
from runbook_lib.probes.rounds import rounds
from runbook_lib.probes.serving import served
from runbook_lib.probes.together import together

# One request, one connection, one command; several of them.
TIMEOUT = 4.0
LONGEST = 10.0
# So often are the routes asked.
ROUNDS = 3


@dataclass(frozen=True)
class Part:
    """One thing that is looked at. name: of what is found; of: the part of a look that it belongs to; there: whether it
    is configured; lacks: what is not, where it is not; look: takes the environment and the seconds of its window."""

    name: str
    of: str
    there: Callable[[Target], object]
    lacks: str
    look: Callable[[Target, float], Any]


def database_state(target: Target) -> DatabaseState:
    """What the configured database says."""
    assert target.environment.database is not None  # noqa: S101 - only looked at where it is configured
    return database.state(sql_of(target), target.environment.database.slow)


def queue_states(target: Target, window: float) -> list[queues.QueueState]:
    """Counted twice, so that it is seen whether anybody works them off."""
    first = queues.state(target)
    time.sleep(window)
    return [first, queues.state(target)]


def halting(target: Target) -> list[str]:
    """The actions by which work can be halted here, and of which a quick look can tell whether it is."""
    levers = target.environment.levers
    tells = {
        "pause_queues": levers.queues is not None and bool(levers.queues.paused),
        "pause_scheduler": levers.scheduler is not None
        and (bool(levers.scheduler.paused) or levers.scheduler.by == "artisan"),
    }
    return [action for action, there in tells.items() if there]


def halted(target: Target) -> list[str]:
    """Those of them that are in effect now. RunbookError."""
    levers = {action: lever_of(Request(target, action, target.environment.levers)) for action in halting(target)}
    return [action for action, lever in levers.items() if lever.holds(lever.read())]


def secure(environment: Environment) -> list[str]:
    """The urls that have a certificate."""
    return [place for place in dict.fromkeys(places(environment)) if place.startswith("https:")]


def certificates(environment: Environment, timeout: float, seconds: float) -> list[Certificate]:
    """Those of all urls; one that cannot be had is left out. timeout: for one; seconds: for all."""
    looks = {url: partial(certificate, url, timeout) for url in secure(environment)}
    found = together(looks, seconds)
    return [one for one in found.values() if isinstance(one, Certificate)]


def _patience(target: Target) -> float:
    """Seconds that one request may take."""
    return min(target.environment.checks.timeout, TIMEOUT)


def _has_migrations(target: Target) -> bool:
    return target.environment.database is not None and target.environment.laravel is not None


PARTS: tuple[Part, ...] = (
    Part("routes", "routes", lambda t: True, "", lambda t, w: rounds(t.environment, w, ROUNDS, _patience(t))),
    Part(
        "traffic",
        "traffic",
        lambda t: t.environment.observation.metrics,
        "observation.metrics is not configured",
        lambda t, w: flow(t.environment, w, _patience(t), LONGEST),
    ),
    Part(
        "database",
        "database",
        lambda t: t.environment.database,
        "no table database is configured",
        lambda t, w: database_state(t),
    ),
    Part(
        "redis",
        "redis",
        lambda t: t.environment.redis,
        "no table redis is configured",
        lambda t, w: redis.state(redis_of(t)),
    ),
    Part(
        "queues",
        "queues",
        lambda t: t.environment.queues,
        "no table queues is configured",
        queue_states,
    ),
    Part(
        "halted",
        "queues",
        halting,
        "no lever queues or scheduler tells whether work is halted",
        lambda t, w: halted(t),
    ),
    Part(
        "dependencies",
        "dependencies",
        lambda t: t.environment.dependencies,
        "no third party is configured",
        lambda t, w: dependencies.states(t.environment.dependencies, _patience(t), LONGEST),
    ),
    Part(
        "certificates",
        "certificates",
        lambda t: secure(t.environment),
        "no url is https",
        lambda t, w: certificates(t.environment, _patience(t) / 2, LONGEST),
    ),
    Part(
        "versions",
        "changes",
        lambda t: t.environment.checks.version,
        "checks.version is not configured",
        lambda t, w: served(t.environment, _patience(t), LONGEST),
    ),
    Part(
        "migrations",
        "changes",
        _has_migrations,
        "needs the tables laravel and database",
        lambda t, w: changes.migrations(t),
    ),
    Part(
        "pending migrations",
        "changes",
        _has_migrations,
        "needs the tables laravel and database",
        lambda t, w: changes.pending(t),
    ),
)
