"""How runbooks were followed."""

from __future__ import annotations

from typing import Any

from runbook_lib.incident.followed import Followed, followed
from tests.incident.recorded import Record


def run(*, closed: str = "succeeded", reason: str = "", parameters: dict[str, Any] | None = None) -> Record:
    record = Record().declared(1).opened(2, "r", parameters=parameters or {})
    steps = [{"id": name, "title": f"do {name}"} for name in ("a", "b", "c")]
    sections = [
        {"name": "staging", "skipped": "a recent PASS", "steps": []},
        {"name": "production", "skipped": "", "steps": steps},
    ]
    facts = {"title": "x", "warnings": [], "snapshot": {}, "sections": sections}
    record.add("planned", 3, "r", digest="d", facts=facts, dry_run=False)
    return record


def told(record: Record) -> Followed:
    return followed(record.story.runs["r"])


def test_done_failed_and_skipped_steps_are_told_apart() -> None:
    record = run().step(4, "r", "a").step(5, "r", "b", "failed")
    record.add("closed", 6, "r", status="failed", reason="step b failed", seconds=1)
    one = told(record)
    assert one.done == ("do a (a)",)
    assert one.failed == ("do b (b)",)
    assert one.skipped == ("staging: a recent PASS", "do c (c): not reached")
    assert one.ended == "failed: step b failed"
    assert one.deviations == ("ended failed: step b failed",)


def test_a_run_as_planned_deviates_nowhere() -> None:
    record = run()
    for name in ("a", "b", "c"):
        record.step(4, "r", name)
    record.add("closed", 6, "r", status="succeeded", reason="", seconds=1)
    assert told(record).deviations == ()


def test_decisions_against_the_runbook_are_deviations() -> None:
    record = run(parameters={"skip_staging": True, "migrations": "ahead", "tag": "v1"})
    assert told(record).deviations == (
        "decided by parameter: skip_staging True",
        "decided by parameter: migrations ahead",
    )


def test_going_back_takeovers_and_settled_steps_are_deviations() -> None:
    record = run().add("lock taken over", 4, "r", name="shop/production", holder="ben@web", token=2)
    record.add("continued", 4, "r", actor="ben", former="ada", left="interrupted")
    record.step(5, "r", "a", "settled").add("going back", 6, "r", section="production", reason="sick")
    assert told(record).deviations == (
        "took over the lock of shop/production from ben@web",
        "continued by ben after it was left interrupted",
        "do a was settled: as it was",
        "production went back: sick",
    )


def test_a_dry_run_skips_nothing() -> None:
    record = Record().declared(1).opened(2, "r", dry_run=True)
    facts = {"title": "x", "sections": [{"name": "p", "skipped": "", "steps": [{"id": "a", "title": "a"}]}]}
    record.add("planned", 3, "r", digest="d", facts=facts, dry_run=True)
    assert told(record).skipped == ()


def test_a_run_that_goes_on_is_unfinished() -> None:
    assert told(run()).ended == "unfinished"
