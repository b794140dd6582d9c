"""Readings from the platform: which release is live on each host or replica."""

from __future__ import annotations

from runbook_lib.errors import CommandError, PlatformError
from runbook_lib.platforms.base import Platform, Release
from runbook_lib.probes.http import Reading


def on_release(platform: Platform, release: Release) -> list[Reading]:
    """One reading for each replica: does it run exactly this commit or image?"""
    try:
        current = platform.current()
    except (PlatformError, CommandError) as error:
        return [Reading("release", "platform", False, error.message, 0.0)]
    if not current:
        return [Reading("release", "platform", False, "no host or replica was found", 0.0)]
    return [Reading("release", host, live.id == release.id, f"runs {live}", 0.0) for host, live in current.items()]
