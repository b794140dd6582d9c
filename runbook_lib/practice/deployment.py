"""Putting a release of the shop live in a practice environment, the way a runbook does: through its platform."""

from __future__ import annotations

import http.client
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runbook_lib.errors import PlatformError, PracticeError
from runbook_lib.practice.ground import ENVIRONMENTS, SERVICE, Ground

if TYPE_CHECKING:
    from runbook_lib.command import Command
    from runbook_lib.config import Target
    from runbook_lib.laravel.artisan import Artisan, Migration
    from runbook_lib.platforms.base import Platform, Release

# Where the shop runs, and the version of Laravel whose artisan it stands in for.
HOST = "local"
LARAVEL = 10


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
    """Put a release live, its migrations run first; the release. RunbookError of the step that failed, with what
    served before put back or not: a caller that builds starts over."""
    from runbook_lib.platforms import platform_of
    from runbook_lib.platforms.base import find_release

    platform = platform_of(target)
    release = find_release(platform.releases(), tag)
    for step in platform.switch(release, platform.readings(release), target.name, run).steps:
        if step.id.endswith(".link"):
            # The folder is complete and does not serve yet.
            _migrate(target, platform, release, run)
            if step.done is not None and step.done():
                # It is live already, and since when it is must not be lost.
                continue
        step.do()
    return release


def take_back(target: Target, bringer: str, older: str, run: str) -> None:
    """Undo the migrations that one release brought and an older one does not have. RunbookError."""
    from runbook_lib.platforms import platform_of

    platform = platform_of(target)
    found = {release.tag: release for release in platform.releases()}
    if bringer not in found:
        return
    try:
        newer, known = (_migrations(target, platform, found[tag]) for tag in (bringer, older))
    except PlatformError:
        return  # a release that has no folder here brought nothing
    names = {migration.name for migration in known}
    brought = [migration for migration in newer if migration.ran and migration.name not in names]
    if brought:
        undo = _artisan(target).migrate_rollback(step=len(brought))
        _change(target, platform, found[bringer], "take-back", undo, run)


def _migrations(target: Target, platform: Platform, release: Release) -> list[Migration]:
    """The migrations that a release has, and which of them ran."""
    from runbook_lib.laravel.artisan import migrations

    return migrations(platform.read(release, _artisan(target).migrate_status())[HOST])


def _migrate(target: Target, platform: Platform, release: Release, run: str) -> None:
    _change(target, platform, release, "migrate", _artisan(target).migrate(), run)


def _artisan(target: Target) -> Artisan:
    from runbook_lib.laravel.steps import artisan

    laravel = target.environment.laravel
    if laravel is None:
        raise PracticeError(f"{target.label} has no table laravel", next_step="run `runbook practice reset`")
    return artisan(laravel, LARAVEL)


def _change(target: Target, platform: Platform, release: Release, name: str, command: Command, run: str) -> None:
    """Run an artisan command inside a release; StepFailedError with what it said when it fails."""
    from runbook_lib.connectors import connector_to
    from runbook_lib.platforms.command_step import Bench

    bench = Bench(connector_to(HOST, target.state), f"{target.name}.{HOST}", run)
    bench.step(name, name, platform.command(release, command, HOST)).do()


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
