"""Drills on the real Laravel application with a real PostgreSQL and a real Redis."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.laravel_staging import staging
from tests.notebooks.conftest import NOTEBOOKS, Project
from tests.real import databases, laravel_app
from tests.real.engine import unavailable

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    if reason := laravel_app.missing() or databases.missing("pgsql") or databases.missing("redis"):
        unavailable(reason)
    root = tmp_path_factory.mktemp("staging")
    shutil.copytree(NOTEBOOKS, root / "notebooks", ignore=shutil.ignore_patterns(".*"))
    with staging(Project(root)) as project:
        yield project


@pytest.mark.parametrize(
    ("name", "blamed"),
    [
        ("quiet", ""),
        ("bad-release", "bad-release"),
        ("database-down", "database-down"),
        ("cache-down", "cache-down"),
        ("cache-hang", "cache-down"),
        ("queue-backlog", "queue-backlog"),
        ("lock", "database-lock"),
        ("down", "process-down"),
        ("hang", "process-hung"),
        ("high-error-rate", "bad-release"),
        ("site-down", "process-down"),
    ],
)
def test_a_fault_of_the_real_application_is_blamed_and_ended(shop: Project, name: str, blamed: str) -> None:
    config = str(shop.root / "runbooks.toml")
    done = shop.run("runbook", "drill", name, "--on", "laravel", "--config", config)
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads(Path(shop.root / ".runbooks" / "drills" / f"{name}.json").read_text())
    assert (record["on"], record["status"], record["blamed"]) == ("laravel", "passed", blamed)
