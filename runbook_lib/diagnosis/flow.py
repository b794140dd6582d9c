"""Real traffic, measured: the counters of every replica, read several times over a window."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

from runbook_lib.config import Environment, Observation
from runbook_lib.diagnosis.impact import Flow
from runbook_lib.errors import RunbookError
from runbook_lib.probes.metrics import Counters, Traffic, counters, merged
from runbook_lib.probes.together import together

# Traffic is measured in so many parts.
PARTS = 2


def flow(environment: Environment, window: float, timeout: float, seconds: float) -> Flow:
    """Measure. window: seconds over which; timeout: for one request; seconds: for everything. Replicas that do not tell
    are left out; RunbookError when none does."""
    observation = environment.observation
    bases = environment.replica_urls or [environment.url]
    looks = {base: partial(_counted, base, observation, window, timeout) for base in bases}
    seen = {b: s for b, s in together(looks, seconds).items() if isinstance(s, list)}
    if not seen:
        raise _no_metrics(observation)
    return _flow_of(seen)


def _counted(base: str, observation: Observation, window: float, timeout: float) -> list[Counters]:
    began, found = time.monotonic(), []
    for number in range(PARTS + 1):
        time.sleep(max(0.0, began + window * number / PARTS - time.monotonic()))
        found.append(counters(base, observation, timeout))
    return found


def _flow_of(seen: Mapping[str, list[Counters]]) -> Flow:
    halves = [_by_route([counted[part + 1].since(counted[part]) for counted in seen.values()]) for part in range(PARTS)]
    started = [counted[-1].started for counted in seen.values() if counted[-1].started is not None]
    return Flow(
        seconds=max(counted[-1].at - counted[0].at for counted in seen.values()),
        halves=tuple(halves),
        places={base: merged(counted[-1].since(counted[0]).values()) for base, counted in seen.items()},
        since_start=_by_route([counted[0].routes for counted in seen.values()]),
        started=min(started, default=None),
    )


def _by_route(several: list[dict[str, Traffic]]) -> dict[str, Traffic]:
    routes = dict.fromkeys(route for one in several for route in one)
    return {route: merged(one[route] for one in several if route in one) for route in routes}


def _no_metrics(observation: Observation) -> RunbookError:
    return RunbookError(f"no replica tells its metrics at {observation.metrics}")
