"""What is looked at on each host: the machine, what is live there, its log."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from runbook_lib.config import Hosts, Target
from runbook_lib.errors import RunbookError
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import Platform, Release
from runbook_lib.probes import hosts
from runbook_lib.probes.messages import HostLog, host_log


@dataclass
class OnHost:
    """What was seen on one host so far; filled part by part, so that one that hangs half-way has said something."""

    machine: hosts.HostState | None = None
    release: Release | None = None
    switched: float | None = None
    log: HostLog | None = None
    failed: dict[str, str] = field(default_factory=dict)


def platform_with_hosts(target: Target) -> tuple[Platform, list[str]]:
    """The platform and the names of its hosts. RunbookError."""
    platform = platform_of(target)
    return platform, platform.hosts()


def look_at(
    platform: Platform, name: str, on: OnHost, settings: Hosts, *, parts: Collection[str], back: float, timeout: float
) -> None:
    """Look at one host, part by part: what fails is noted, and the next part is tried. parts: hosts and logs are known
    here; back: seconds of the past that its log is read for; timeout: of one command."""
    if "hosts" in parts:
        _try(on, "host", lambda: setattr(on, "machine", hosts.state(platform, name, settings, timeout)))
    _try(on, "reading ahead", lambda: platform.read_ahead(name))
    _try(on, "release", lambda: setattr(on, "release", platform.release_on(name)))
    _try(on, "time of the release", lambda: setattr(on, "switched", platform.switched(name)))
    if "logs" in parts:
        now = time.time()
        _try(on, "log", lambda: setattr(on, "log", host_log(platform.logs(now - back, name), now)))


def _try(on: OnHost, what: str, step: Callable[[], None]) -> None:
    # A host that cannot be reached is not tried again for the next part: each try may take seconds.
    if any("cannot be reached" in why for why in on.failed.values()):
        return
    try:
        step()
    except RunbookError as error:
        on.failed[what] = error.message
