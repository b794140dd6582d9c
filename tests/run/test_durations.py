"""How long sections took before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runbook_lib.run import journal as journals
from runbook_lib.run.durations import durations
from runbook_lib.run.journal import Journal


class Clock:
    now = 1_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(journals, "time", clock)
    return clock


def record(journal: Journal, clock: Clock, run: str, seconds: dict[str, float], **told: str) -> None:
    """A run as the journal keeps it."""
    status = told.pop("status", "succeeded")
    opened = {"runbook": "rollback", "environment": "shop/production", **told}
    more = {"parameters": {}, "identity": run, "dry_run": False, "actor": "ada", "host": "desk", "pid": 1}
    journal.append(run, "opened", {**opened, **more})
    for section, took in seconds.items():
        journal.append(run, "section started", {"section": section})
        clock.now += took
        journal.append(run, "section finished", {"section": section})
    if status:
        journal.append(run, "closed", {"status": status, "reason": "", "seconds": 1})


def seen(journal: Journal) -> dict[str, float]:
    return durations(journal, "rollback", "shop/production")


def test_each_section_took_its_own_time(journal: Journal, clock: Clock) -> None:
    record(journal, clock, "r1", {"staging": 4.0, "production": 9.5})
    assert seen(journal) == {"staging": 4.0, "production": 9.5}


def test_without_a_run_nothing_is_expected(journal: Journal) -> None:
    assert seen(journal) == {}


def test_the_newest_run_counts(journal: Journal, clock: Clock) -> None:
    record(journal, clock, "r1", {"production": 4.0})
    record(journal, clock, "r2", {"production": 8.0})
    assert seen(journal) == {"production": 8.0}


@pytest.mark.parametrize(
    "other",
    [
        {"status": "failed"},
        {"status": "planned"},
        {"status": ""},
        {"runbook": "maintenance_mode"},
        {"environment": "shop/staging"},
    ],
)
def test_what_did_not_succeed_here_does_not_count(journal: Journal, clock: Clock, other: dict[str, str]) -> None:
    record(journal, clock, "r1", {"production": 4.0})
    record(journal, clock, "r2", {"production": 8.0}, **other)
    assert seen(journal) == {"production": 4.0}


def test_a_section_that_did_not_finish_is_left_out(journal: Journal, clock: Clock) -> None:
    record(journal, clock, "r1", {"staging": 4.0}, status="")
    journal.append("r1", "section started", {"section": "production"})
    journal.append("r1", "closed", {"status": "succeeded", "reason": "", "seconds": 1})
    assert seen(journal) == {"staging": 4.0}


def test_a_clock_that_went_back_is_no_negative_time(journal: Journal, clock: Clock) -> None:
    record(journal, clock, "r1", {"production": -50.0})
    assert seen(journal) == {"production": 0.0}
