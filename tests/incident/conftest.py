"""A journal, a configuration with people to tell, and receivers that are real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_lib import config
from runbook_lib.config import Loaded
from runbook_lib.incident.record import Incident, declare
from runbook_lib.run import live
from runbook_lib.run import run as runs
from runbook_lib.run.journal import Journal
from tests.incident.receivers import Mailbox, Receiver, http, smtp

SHOP = "shop/production"

BASE = """
[services.shop.environments.production]
platform = "git"
url = "http://shop.example"
[services.shop.environments.production.git]
path = "shop"
[services.shop.environments.production.approval]
policy = "none"
"""


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(live, "echo", False)
    monkeypatch.setattr(live, "listeners", [])
    monkeypatch.setenv("RUNBOOK_INTERACTIVE", "0")
    monkeypatch.setenv("RUNBOOK_ACTOR", "ada")
    monkeypatch.delenv("RUNBOOK_INCIDENT", raising=False)
    yield
    for run in runs.open_runs():
        run._let_go()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / ".runbooks")


@pytest.fixture
def incident(journal: Journal) -> Incident:
    return declare(journal, SHOP, "checkouts fail", "SEV2")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http() as receiver:
        yield receiver


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with smtp() as mailbox:
        yield mailbox


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Loaded]:
    """Writes a runbooks.toml of the shop with more in it, and goes there."""

    def write(more: str = "") -> Loaded:
        file = tmp_path / "runbooks.toml"
        file.write_text(BASE + more)
        monkeypatch.chdir(tmp_path)
        return config.load(file)

    return write


def audience(name: str, *channels: str, more: str = "") -> str:
    """The table of an audience whose channels are environment variables."""
    references = ", ".join(f'{{ env = "{channel}" }}' for channel in channels)
    return f"[services.shop.communication.audiences.{name}]\nchannels = [{references}]\n{more}\n"
