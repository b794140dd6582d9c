"""What is looked at beside the hosts, a function for each part; each takes the environment with little patience."""

from __future__ import annotations

import time
from functools import partial

from runbook_lib.config import Environment, Target
from runbook_lib.datastores.sql import sql_of
from runbook_lib.levers import lever_of
from runbook_lib.levers.base import Request
from runbook_lib.probes import database, queues
from runbook_lib.probes.certificates import Certificate, certificate
from runbook_lib.probes.database import DatabaseState
from runbook_lib.probes.http import places
from runbook_lib.probes.together import together


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
