"""Runs in these tests are alone, silent and asked nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runbook_lib.run import live
from runbook_lib.run import run as runs
from tests.incident.conftest import configured, incident, journal, mailbox, receiver

__all__ = ["configured", "incident", "journal", "mailbox", "receiver"]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(live, "echo", False)
    monkeypatch.setattr(live, "listeners", [])
    monkeypatch.setenv("RUNBOOK_INTERACTIVE", "0")
    yield
    for run in runs.open_runs():
        run._let_go()
