"""Runs in these tests are alone, silent and asked nothing; each has a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.run import live
from tests.actions.routes import serving
from tests.levers.mitigating import Project, let_go


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(live, "echo", False)
    monkeypatch.setattr(live, "listeners", [])
    monkeypatch.setenv("RUNBOOK_INTERACTIVE", "0")
    monkeypatch.delenv("RUNBOOK_INCIDENT", raising=False)
    yield
    let_go()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.chdir(tmp_path)
    with serving() as routes:
        routes.statuses |= {"/": 200}
        yield Project(tmp_path, routes)
