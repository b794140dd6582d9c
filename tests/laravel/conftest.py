"""The servers and the application that the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real import laravel_app
from tests.real.databases import mariadb, postgresql, redis_server
from tests.real.engine import unavailable

__all__ = ["mariadb", "postgresql", "redis_server"]


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application's Git repository, with a tag for each release."""
    if reason := laravel_app.missing():
        unavailable(reason)
    return laravel_app.build_repository(tmp_path_factory.mktemp("laravel") / "repository")


@pytest.fixture(scope="session")
def installed(repository: Path) -> dict[str, Path]:
    """A folder for each release, installed as a deployment does it."""
    return {tag: laravel_app.check_out(repository, tag) for tag in laravel_app.releases()}
