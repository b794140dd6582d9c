"""The health routes asked a few times over a window: what fails, and what only failed once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from runbook_lib.config import Environment
from runbook_lib.probes.http import Client, Reading, Route, places, routes

# One thread an answer, so that servers which never answer cost one timeout and not one each.
AT_ONCE = 128


def rounds(environment: Environment, seconds: float, count: int, timeout: float) -> list[list[Reading]]:
    """Every route at every place, asked `count` times spread over `seconds`. After a round in which nothing answered in
    time there is no other: it would say the same. timeout: seconds for one request."""
    client, asked, bases = Client(timeout), routes(environment), list(dict.fromkeys(places(environment)))
    began, found = time.monotonic(), []
    for number in range(count):
        due = began + seconds * number / max(1, count - 1)
        if number and time.monotonic() > due + timeout / 2:
            break
        time.sleep(max(0.0, due - time.monotonic()))
        found.append(_round(client, bases, asked))
    return found


def _round(client: Client, bases: Sequence[str], asked: Sequence[Route]) -> list[Reading]:
    pairs = [(base, route) for base in bases for route in asked]
    with ThreadPoolExecutor(min(AT_ONCE, len(pairs) or 1)) as pool:
        return list(pool.map(lambda pair: client.ask(*pair), pairs))
