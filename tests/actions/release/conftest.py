"""A Laravel application in memory whose routes follow maintenance mode, and the run that operates it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.run.journal import Journal
from runbook_lib.run.run import Run
from tests.actions.application import Application, closing
from tests.actions.routes import Routes, serving

SECRET = "way-in-7f3a91"


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Routes]:
    monkeypatch.setenv("BYPASS", SECRET)
    with serving() as routes:
        routes.secret = SECRET
        yield routes


@pytest.fixture
def served(routes: Routes, tmp_path: Path) -> Application:
    """Its routes answer 503 while a host is down."""
    application = Application(url=routes.url, folder=tmp_path)
    closing(routes, application)
    return application


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The run that a section belongs to."""
    return Run.open(Journal(tmp_path / "state"), "rollback", "shop/production", {})
