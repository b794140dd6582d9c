"""Incidents as the journal tells them."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.incident.record import close, declare, incident_of, note
from runbook_lib.incident.story import Moments, stories, story, told
from runbook_lib.run.journal import Journal
from runbook_lib.run.run import Run
from tests.incident.recorded import SHOP, Record


def whole() -> Record:
    """Began at 100, seen at 110, declared at 120, rolled back from 130 on, closed at 200."""
    record = Record().verdict(110, "FAIL").declared(120, began=100)
    return record.rolled_back(130).closed(200)


def test_the_moments_of_a_whole_incident() -> None:
    assert whole().story.moments == Moments(
        began=100, declared=120, detected=110, decided=131, mitigated=134, verified=139, closed=200
    )


def test_the_durations_of_a_whole_incident() -> None:
    assert whole().story.moments.seconds == {"detect": 10, "decide": 21, "mitigate": 34, "verify": 39, "close": 80}


def test_an_empty_incident_has_no_more_than_its_declaration() -> None:
    one = Record().declared(120).story
    assert one.moments == Moments(began=120, declared=120, detected=120)
    assert (one.runs, one.moments.seconds) == ({}, {"detect": 0})


def test_a_diagnosis_before_the_declaration_detected_it() -> None:
    record = Record().add("diagnosed", 105, environment=SHOP, causes=[{"name": "bad-release"}])
    assert record.declared(120, began=100).story.moments.detected == 105


def test_a_diagnosis_without_a_cause_detected_nothing() -> None:
    record = Record().add("diagnosed", 105, environment=SHOP, causes=[])
    assert record.declared(120, began=100).story.moments.detected == 120


def test_what_happened_before_it_began_is_no_part_of_it() -> None:
    record = Record().verdict(50, "FAIL").declared(120, began=100)
    assert record.story.moments.detected == 120


def test_a_pass_before_the_last_failure_verifies_nothing() -> None:
    record = Record().declared(120).verdict(130, "PASS").verdict(140, "FAIL")
    assert record.story.moments.verified is None
    assert record.verdict(150, "PASS").story.moments.verified == 150


def test_another_environments_verdicts_are_not_its_own() -> None:
    record = Record().declared(120).verdict(130, "PASS", where="shop/staging")
    assert record.story.moments.verified is None


def test_a_dry_run_decides_and_mitigates_nothing() -> None:
    record = Record().declared(120).opened(130, "r", dry_run=True)
    record.add("approved", 131, "r", digest="d", by="ada", how="policy").step(132, "r")
    record.verdict(133, "PASS", "r", "verified")
    assert (record.story.moments.decided, record.story.moments.mitigated) == (None, None)


def test_telling_people_decides_nothing() -> None:
    record = Record().declared(120).opened(130, "r", "communicate")
    record.add("approved", 131, "r", digest="d", by="ada", how="policy").step(132, "r")
    assert record.story.moments.decided is None


def test_a_run_that_only_looked_mitigates_nothing() -> None:
    record = Record().declared(120).opened(130, "r", "verify").verdict(133, "PASS", "r", "verified")
    assert record.story.moments.mitigated is None


def test_a_run_that_failed_mitigates_nothing() -> None:
    record = Record().declared(120).opened(130, "r").step(132, "r").verdict(133, "PASS", "r", "verified")
    record.add("closed", 140, "r", status="failed", reason="observation", seconds=1)
    assert record.story.moments.mitigated is None


def test_maintenance_mode_mitigates_nothing() -> None:
    record = Record().declared(120).opened(130, "r", "maintenance_mode").step(131, "r")
    record.add("put in force", 132, "r", what="maintenance mode", environment=SHOP, undo="x")
    record.verdict(133, "PASS", "r", "verified")
    assert record.story.moments.mitigated is None


def test_changes_are_followed() -> None:
    record = Record().declared(120)
    record.add("incident changed", 121, incident="INC-1", severity="SEV3", commander="ben", by="ada").closed(130)
    one = record.story.incident
    assert (one.severity, one.commander, one.closed) == ("SEV3", "ben", 130)


def test_after_the_end_the_environment_is_somebody_elses() -> None:
    record = Record().declared(120).closed(130).verdict(140, "FAIL")
    assert record.story.verdicts == []


def test_two_incidents_at_once_keep_their_runs_apart() -> None:
    record = Record().declared(120).declared(121, "INC-2", environment="shop/staging")
    record.rolled_back(130).opened(131, "run-2", incident="INC-2")
    first, second = told(record.events)
    assert (list(first.runs), list(second.runs)) == (["run-1"], ["run-2"])


def test_the_run_that_declared_it_belongs_to_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    run = Run.open(journal, "triage", SHOP, {"incident": ""})
    one = declare(journal, SHOP, "checkouts fail", "SEV2", run=run.id)
    note(journal, one.id, "seen", run.id)
    run.close()
    close(journal, one.id, "over")
    found = story(journal, incident_of(journal, one.id))
    assert list(found.runs) == [run.id]
    assert [event.kind for event in found.events] == [
        "opened",
        "incident declared",
        "noted",
        "closed",
        "incident closed",
    ]


def test_every_event_is_told_once(tmp_path: Path) -> None:
    record = whole()
    sequence = [event.seq for event in record.story.events]
    assert len(sequence) == len(set(sequence))
    assert stories(Journal(tmp_path)) == []
