"""Fixtures that every test may use."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from runbook_lib import command
from tests.real import laravel_app
from tests.real.balancers import haproxy, nginx
from tests.real.databases import archiving_postgresql, logging_mariadb, mariadb, postgresql, redis_server
from tests.real.engine import engine, unavailable

__all__ = [
    "archiving_postgresql",
    "engine",
    "haproxy",
    "logging_mariadb",
    "mariadb",
    "nginx",
    "postgresql",
    "redis_server",
]

# How fast a machine that is shared makes examples tells nothing of what they are for.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")


@pytest.fixture(autouse=True)
def no_secret_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that one test made must not be masked in what another one says."""
    monkeypatch.setattr(command, "_known", set(command._known))


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Git repository of the tests' Laravel application, with a tag for each release."""
    if reason := laravel_app.missing():
        unavailable(reason)
    return laravel_app.build_repository(tmp_path_factory.mktemp("laravel") / "repository")


@pytest.fixture(scope="session")
def installed(repository: Path) -> dict[str, Path]:
    """A folder for each release of it, installed as a deployment does it."""
    return {tag: laravel_app.check_out(repository, tag) for tag in laravel_app.releases()}


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], None]]:
    """Makes a folder one that cannot be written: permissions stop a user, a read-only mount stops root."""
    mounted: list[Path] = []

    def make(folder: Path) -> None:
        if os.geteuid() != 0:
            folder.chmod(0o555)
            return
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        mounted.append(folder)
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)

    yield make
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)
