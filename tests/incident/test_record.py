"""Incidents in the journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.errors import IncidentError
from runbook_lib.incident.record import (
    change,
    close,
    declare,
    incident_for,
    incident_of,
    incidents,
    note,
    runs_of,
    without_drills,
)
from runbook_lib.run.journal import Journal
from runbook_lib.run.run import DRILL, Run

SHOP = "shop/production"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def test_a_declared_incident_is_open(journal: Journal) -> None:
    one = declare(journal, SHOP, "checkouts fail", "SEV2", began=1.0)
    assert incidents(journal) == [one]
    assert (one.open, one.began, one.severity) == (True, 1.0, "SEV2")


def test_a_closed_incident_is_not_open(journal: Journal) -> None:
    one = declare(journal, SHOP, "checkouts fail", "SEV2")
    assert not close(journal, one.id, "verified").open


def test_a_closed_incident_is_not_closed_again(journal: Journal) -> None:
    one = declare(journal, SHOP, "checkouts fail", "SEV2")
    close(journal, one.id, "verified")
    with pytest.raises(IncidentError, match="is closed"):
        close(journal, one.id, "again")


def test_severity_and_commander_change(journal: Journal) -> None:
    one = declare(journal, SHOP, "checkouts fail", "SEV3", commander="ada")
    changed = change(journal, one.id, severity="SEV1")
    assert (changed.severity, changed.commander) == ("SEV1", "ada")


def test_a_severity_is_known_in_small_letters_too(journal: Journal) -> None:
    assert declare(journal, SHOP, "checkouts fail", "sev1").severity == "SEV1"


@pytest.mark.parametrize("severity", ["", "sev", "SEV9"])
def test_an_unknown_severity_is_refused(journal: Journal, severity: str) -> None:
    with pytest.raises(IncidentError, match="no severity"):
        declare(journal, SHOP, "checkouts fail", severity)


def test_an_unknown_incident_names_those_there_are(journal: Journal) -> None:
    one = declare(journal, SHOP, "checkouts fail", "SEV2")
    with pytest.raises(IncidentError, match=one.id):
        incident_of(journal, "INC-1")


def test_the_only_open_incident_is_joined(journal: Journal) -> None:
    one = declare(journal, SHOP, "checkouts fail", "SEV2")
    assert incident_for(journal, SHOP) == one.id
    assert incident_for(journal, "shop/staging") == ""


def test_of_two_open_incidents_none_is_joined(journal: Journal) -> None:
    for title in ("one", "two"):
        declare(journal, SHOP, title, "SEV2")
    assert incident_for(journal, SHOP) == ""


def test_the_environment_variable_names_the_incident(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = (declare(journal, SHOP, title, "SEV2") for title in ("one", "two"))
    monkeypatch.setenv("RUNBOOK_INCIDENT", one.id)
    assert incident_for(journal, SHOP) == one.id


def test_an_incident_that_does_not_exist_cannot_be_joined(journal: Journal) -> None:
    with pytest.raises(IncidentError, match="no incident 'INC-1'"):
        incident_for(journal, SHOP, "INC-1")


def test_a_note_keeps_its_text(journal: Journal) -> None:
    one = declare(journal, SHOP, "checkouts fail", "SEV2")
    note(journal, one.id, "step 4 was <missing>\nand 5")
    assert [event.data["text"] for event in journal.events(kind="noted")] == ["step 4 was <missing>\nand 5"]


def test_runs_belong_to_the_incident_that_they_name(journal: Journal) -> None:
    one = declare(journal, SHOP, "checkouts fail", "SEV2")
    run = Run.open(journal, "verify", SHOP, {"incident": one.id})
    Run.open(journal, "triage", SHOP, {"incident": ""})
    assert runs_of(journal, one.id) == [run.id]


def test_what_a_drill_declares_is_marked_by_whoever_declares_it(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(journal, SHOP, "earnest", "SEV2")
    declare(journal, SHOP, "by the drill itself", "SEV3", drill="review")
    monkeypatch.setenv(DRILL, "triage")
    close(journal, declare(journal, SHOP, "by a runbook that is drilled", "SEV3").id, "over")
    assert [one.kind for one in without_drills(journal.events())] == ["incident declared"]
    assert len(incidents(journal)) == 3
