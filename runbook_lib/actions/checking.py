"""Looking at every environment of the configuration, changing nothing."""

from __future__ import annotations

from runbook_lib.config import Target
from runbook_lib.display import Table
from runbook_lib.errors import RunbookError
from runbook_lib.incident import checking
from runbook_lib.platforms import platform_of
from runbook_lib.practice import needed_configuration
from runbook_lib.probes.http import Client, Reading, places, routes

HEAD = ("check", "place", "result", "saw")


def check_all() -> tuple[list[Table], bool]:
    """A table for each environment, and whether everything in all of them is good."""
    loaded = needed_configuration()
    results = [
        _check(loaded.target(service, environment))
        for service, about in loaded.configuration.services.items()
        for environment in about.environments
    ]
    return [table for table, _ in results], all(good for _, good in results)


def _check(target: Target) -> tuple[Table, bool]:
    readings = [*_platform_readings(target), *_route_readings(target), *_channel_readings(target)]
    rows = [(r.name, r.place, "good" if r.ok else "bad", r.saw) for r in readings]
    return Table(target.label, HEAD, rows), all(reading.ok for reading in readings)


def _platform_readings(target: Target) -> list[Reading]:
    try:
        platform = platform_of(target)
        count = len(platform.releases())
        live = [Reading("live", host, True, str(release), 0.0) for host, release in platform.current().items()]
    except RunbookError as error:
        return [Reading("platform", target.environment.platform, False, str(error), 0.0)]
    return [Reading("releases", target.environment.platform, count > 0, f"{count} releases", 0.0), *live]


def _route_readings(target: Target) -> list[Reading]:
    environment = target.environment
    return Client(environment.checks.timeout).all(places(environment), routes(environment))


def _channel_readings(target: Target) -> list[Reading]:
    """Whether those who are to be told of incidents could be."""
    if target.communication is None:
        return []
    found = checking.check(target.communication, target.root)
    return [Reading(f"tell {name}", channel, not wrong, wrong or "can be used", 0.0) for name, channel, wrong in found]
