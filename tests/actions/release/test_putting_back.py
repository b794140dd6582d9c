"""Jobs that were set aside return once a release is live that can run them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.actions.release.putting_back import PuttingBack
from runbook_lib.actions.release.waiting_jobs import SettingAside, WaitingJobs
from runbook_lib.errors import ParameterError, PlanDriftError, ReleaseRefusedError
from runbook_lib.platforms.git import GitPlatform
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Section
from runbook_lib.run.run import Run
from tests.actions.release.queued_shop import PLACE, SEND, QueuedShop
from tests.platforms.git_shop import alone


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QueuedShop:
    alone(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return QueuedShop(tmp_path).build()


@pytest.fixture
def journal(shop: QueuedShop) -> Journal:
    return Journal(shop.target.state)


@pytest.fixture
def mark(shop: QueuedShop, journal: Journal) -> str:
    """v4 is live, which cannot send; two jobs are kept from its workers."""
    run = Run.open(journal, "rollback", "shop/production", {})
    jobs = WaitingJobs(shop.target, GitPlatform(shop.target), shop.release("v4"))
    made = SettingAside(jobs, "production", run)
    made.around(Section("production", "shop/production", "make v4 live")).steps[0].do()
    run.close()
    shop.make_live("v4")
    return made.mark


@pytest.fixture
def put_back(shop: QueuedShop) -> Callable[[str], str]:
    def procedure(mark: str) -> str:
        made = PuttingBack.open(mark)
        made.plan()
        made.gate()
        made.run.apply("production")
        return made.close()

    return procedure


def test_they_return_to_their_queues_and_are_no_longer_in_force(
    shop: QueuedShop, journal: Journal, mark: str, put_back: Callable[[str], str]
) -> None:
    assert shop.waiting() == {PLACE: 2}
    shop.make_live("v5")
    assert ": succeeded" in put_back(mark)
    assert shop.waiting() == {PLACE: 2, SEND: 2}
    assert in_force(journal) == []


def test_while_the_live_release_cannot_run_them_they_are_kept(shop: QueuedShop, journal: Journal, mark: str) -> None:
    with pytest.raises(ReleaseRefusedError, match=r"v4 .*which is live, has no App\\Jobs\\Send: its"):
        PuttingBack.open(mark).plan()
    assert shop.waiting() == {PLACE: 2}
    assert len(in_force(journal)) == 1


def test_a_mark_that_nobody_knows_is_refused_and_names_those_there_are(mark: str) -> None:
    with pytest.raises(ParameterError, match="no jobs are set aside under 'another'") as told:
        PuttingBack.open("another")
    assert mark in str(told.value)


def test_what_was_put_back_is_not_put_back_twice(shop: QueuedShop, mark: str, put_back: Callable[[str], str]) -> None:
    shop.make_live("v5")
    put_back(mark)
    with pytest.raises(ParameterError, match="no jobs are set aside"):
        put_back(mark)
    assert shop.waiting() == {PLACE: 2, SEND: 2}


def test_what_changed_since_the_plan_returns_nothing(shop: QueuedShop, mark: str) -> None:
    shop.make_live("v5")
    made = PuttingBack.open(mark)
    made.plan()
    made.gate()
    shop.lose_one_that_is_kept()
    with pytest.raises(PlanDriftError):
        made.run.apply("production")
    assert shop.waiting() == {PLACE: 2}
