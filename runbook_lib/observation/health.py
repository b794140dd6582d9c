"""Right after a switch: does everything that must hold, hold, within the time that it may take?"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from runbook_lib.config import Environment
from runbook_lib.platforms.base import Platform, Release
from runbook_lib.probes.http import Client, Keys, Reading, places, routes
from runbook_lib.probes.replicas import on_release
from runbook_lib.run.plan import Verdict

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 1.0


def health(
    environment: Environment,
    platform: Platform,
    release: Release,
    bad_before: Collection[str] = (),
    keys: Callable[[], Keys] = dict,
) -> Verdict:
    """PASS as soon as every replica runs `release` and every route answers as it must; FAIL when that does not come
    true within checks.within seconds. The numbers tell how long it took and what was read. bad_before: names of checks
    that were bad before what is judged here, and may be so still. keys: gives what lets in where the application is
    closed."""
    started = time.monotonic()
    pause = FIRST_PAUSE
    while True:
        readings = look(environment, platform, release, keys)
        wrong = [reading for reading in readings if not reading.ok and reading.name not in bad_before]
        seconds = time.monotonic() - started
        numbers = {"seconds": round(seconds, 3), "readings": len(readings), "failing": len(wrong)}
        if not wrong:
            return Verdict("PASS", (f"{len(readings)} readings good after {seconds:.1f} s",), numbers)
        if seconds + pause > environment.checks.within:
            return Verdict("FAIL", tuple(str(reading) for reading in wrong[:5]), numbers)
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def look(
    environment: Environment, platform: Platform, release: Release, keys: Callable[[], Keys] = dict
) -> list[Reading]:
    """One look at everything: replicas first, for an answer of the wrong release says nothing."""
    replicas = on_release(platform, release)
    if not all(reading.ok for reading in replicas):
        return replicas
    asked = routes(environment, version=release.names)
    return replicas + Client(environment.checks.timeout).all(places(environment), asked, keys())
