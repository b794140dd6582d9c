"""Putting a release of the shop live in a practice environment, the way a runbook does: through its platform."""

from __future__ import annotations

import http.client
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runbook_lib.errors import PracticeError
from runbook_lib.practice.ground import ENVIRONMENTS, SERVICE, Ground

if TYPE_CHECKING:
    from runbook_lib.config import Target
    from runbook_lib.platforms.base import Release


def targets(ground: Ground) -> list[Target]:
    """The practice environments as a run gets them, staging first."""
    from runbook_lib.config import load

    loaded = load(ground.configuration)
    return [loaded.target(SERVICE, name) for name in ENVIRONMENTS]


def new_run() -> str:
    """An id for a deployment outside of any run; never the same, since a step is carried out once a run."""
    return f"practice-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"


@contextmanager
def locked(ground: Ground, run: str) -> Iterator[None]:
    """Hold the locks that runs take, so that nothing is changed under a run. LockHeldError when one is at work."""
    from runbook_lib.run.journal import Journal
    from runbook_lib.run.lock import Locks

    locks = Locks(Journal(ground.folder.parent), run)
    locks.take([f"{SERVICE}/{name}" for name in ENVIRONMENTS])
    try:
        yield
    finally:
        locks.release()


def deploy(target: Target, tag: str, run: str) -> Release:
    """Put a release live; the release. RunbookError of the step that failed, with what served before put back or
    not: a caller that builds starts over."""
    from runbook_lib.platforms import platform_of
    from runbook_lib.platforms.base import find_release

    platform = platform_of(target)
    release = find_release(platform.releases(), tag)
    for step in platform.switch(release, platform.readings(release), target.name, run).steps:
        step.do()
    return release


def prove(target: Target, release: Release) -> None:
    """Verify a release as a run does and record the verdict, so that it can be rolled back to. PracticeError when it
    is not healthy."""
    from runbook_lib.observation.health import health
    from runbook_lib.platforms import platform_of
    from runbook_lib.run.journal import Journal
    from runbook_lib.run.standing import record_verdict

    verdict = health(target.environment, platform_of(target), release)
    record_verdict(Journal(target.state), target.label, release.facts, verdict)
    if not verdict.passed:
        raise PracticeError(
            f"{target.label} is not healthy with {release} live: {'; '.join(verdict.reasons)}",
            next_step="run `runbook practice reset`",
        )


def ask(url: str, path: str, timeout: float) -> tuple[int, str]:
    """Status and body of a route; 0 when nothing answers."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(65_536).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()
