"""Whether the application answers: the proof of levers that have no effect of their own to look at."""

from __future__ import annotations

from runbook_lib.config import Environment
from runbook_lib.levers.base import shown, wrong_after
from runbook_lib.probes.http import Client, places, routes
from runbook_lib.run.plan import Verdict


def failing_routes(environment: Environment) -> dict[tuple[str, str], str]:
    """Name and place of each health route that does not answer as it must, and what it answers."""
    readings = Client(environment.checks.timeout).all(places(environment), routes(environment))
    return {(reading.name, reading.place): str(reading) for reading in readings if not reading.ok}


def healthy(environment: Environment) -> Verdict:
    """PASS as soon as every health route answers as it must; FAIL when they do not within checks.within seconds."""
    wrong = wrong_after(lambda: next(iter(failing_routes(environment).values()), ""), environment.checks.within)
    return shown(wrong, "every health route answers as it must")
