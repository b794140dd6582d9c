"""The platforms there are. A platform is one file, one line here, and one line in tests/platforms/contract."""

from __future__ import annotations

from importlib import import_module

from runbook_lib.config import Target
from runbook_lib.platforms.base import Platform

PLATFORMS = {
    "docker": "runbook_lib.platforms.docker:DockerPlatform",
    "git": "runbook_lib.platforms.git:GitPlatform",
}


def platform_of(target: Target) -> Platform:
    """The platform that runs an environment; only the module that is needed is imported."""
    module, name = PLATFORMS[target.environment.platform].split(":")
    platform: Platform = getattr(import_module(module), name)(target)
    return platform
