"""Practice environments in folders of their own, ended with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_lib import practice
from runbook_lib.practice import server
from runbook_lib.practice.ground import Ground


@pytest.fixture(autouse=True)
def _no_outer_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A folder without a configuration; what was started in it is ended."""
    folder = tmp_path / "project"
    folder.mkdir()
    yield folder
    practice.stop(folder)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose practice environment runs, for tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("running")
    practice.start(folder)
    yield folder
    practice.stop(folder)


@pytest.fixture
def pids() -> Callable[[Path], set[int]]:
    """The processes of a project's practice environment."""

    def of(folder: Path) -> set[int]:
        ground = Ground.of(folder)
        parts = (lock for site in ground.sites for lock in site.processes.values())
        locks = [*parts, ground.traffic_lock, ground.provider_lock]
        return {pid for lock in locks if (pid := server.holder(lock)) is not None}

    return of


@pytest.fixture
def lines() -> list[str]:
    """What was said; its append is the callable."""
    return []
