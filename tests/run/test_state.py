"""Where a run stands, read back from its events."""

from __future__ import annotations

import pytest

from runbook_lib.run.journal import Event
from runbook_lib.run.state import State


def state(*events):
    found = State()
    for number, (kind, data) in enumerate(events, 1):
        found.take(Event(number, "r1", 0.0, kind, data))
    return found


def step(kind, **data):
    return (kind, {"section": "s", "step": "s.link", **data})


@pytest.mark.parametrize(
    ("outcome", "settled"),
    [("done", True), ("already", True), ("settled", True), ("failed", False), ("unknown", False)],
)
def test_a_step_is_settled_by_its_outcome(outcome, settled):
    found = state(step("step started"), step("step finished", outcome=outcome))
    assert found.settled("s.link") is settled


def test_a_step_that_only_started_is_not_settled():
    found = state(step("step started"))
    assert found.steps == {"s.link": "started"}
    assert not found.settled("s.link")
    assert found.anything_started


def test_a_step_that_is_unknown_is_not_settled():
    assert not state().settled("s.link")
    assert not state().anything_started


@pytest.mark.parametrize(
    ("kinds", "stands"),
    [
        (["section started"], "started"),
        (["section started", "section finished"], "finished"),
        (["section started", "going back"], "going back"),
        (["section started", "going back", "went back"], "went back"),
        (["section started", "section finished", "going back"], "going back"),
    ],
)
def test_a_section_stands_where_its_last_event_left_it(kinds, stands):
    assert state(*((kind, {"section": "s"}) for kind in kinds)).sections == {"s": stands}


def test_the_plan_is_known_by_its_snapshot_and_digest():
    found = state(("planned", {"digest": "d", "facts": {"snapshot": {"live": "v2"}}}))
    assert (found.digest, found.snapshot) == ("d", {"live": "v2"})


def test_the_newest_verdict_counts():
    found = state(
        ("observed", {"section": "s", "verdict": "FAIL"}),
        ("verified", {"section": "s", "verdict": "FAIL"}),
        ("observed", {"section": "s", "verdict": "PASS"}),
    )
    assert found.verdicts["observed s"]["verdict"] == "PASS"
    assert found.verdicts["verified s"]["verdict"] == "FAIL"


def test_an_event_that_says_nothing_of_where_it_stands_changes_nothing():
    assert state(("sampled", {"text": "x"}), ("something new", {})).sections == {}
