"""The procedure of review.ipynb."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import icalendar
import pytest

from runbook_lib.actions.review import Review
from runbook_lib.config import Loaded
from runbook_lib.errors import IncidentError, StepFailedError
from runbook_lib.incident.record import Incident, close, note
from runbook_lib.run.journal import Journal
from tests.incident.conftest import audience
from tests.incident.receivers import Receiver
from tests.incident.test_proposal import checkout, git, remote

__all__ = ["checkout", "remote"]

Configured = Callable[..., Loaded]


@pytest.fixture
def over(configured: Configured, journal: Journal, incident: Incident) -> Incident:
    configured()
    return close(journal, incident.id, "verified")


def reviewed(**more: object) -> str:
    """Do what the notebook does."""
    review = Review.open(**more)  # type: ignore[arg-type]
    for look in (review.times, review.impact, review.timeline, review.steps, review.standing, review.plan):
        assert look()._repr_html_()
    review.gate()
    review.write()
    return review.close()


def postmortems(folder: Path) -> list[Path]:
    return sorted((folder / "docs" / "postmortems").glob("*"))


def test_a_post_mortem_is_written(over: Incident, tmp_path: Path) -> None:
    assert "succeeded" in reviewed()
    (file,) = postmortems(tmp_path)
    assert over.id in file.name
    assert "# checkouts fail" in file.read_text()


def test_one_that_was_edited_by_hand_stays_and_another_is_written_when_asked(over: Incident, tmp_path: Path) -> None:
    reviewed()
    (file,) = postmortems(tmp_path)
    file.write_text("by hand")
    with pytest.raises(IncidentError, match="stays as it is"):
        reviewed()
    assert "succeeded" in reviewed(beside=True)
    assert file.read_text() == "by hand"
    assert len(postmortems(tmp_path)) == 2


@pytest.mark.usefixtures("over")
def test_somebody_who_writes_it_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    review = Review.open()
    review.plan()
    review.gate()
    review._file.parent.mkdir(parents=True)
    review._file.write_text("by hand")
    with pytest.raises(StepFailedError, match="stays as it is"):
        review.write()
    assert review._file.read_text() == "by hand"


@pytest.mark.usefixtures("over")
def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    assert "planned" in reviewed(dry_run=True, meeting="2026-12-01T10:00")
    assert postmortems(tmp_path) == []


def test_an_existing_post_mortem_does_not_stop_a_meeting(
    over: Incident, configured: Configured, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviewed()
    monkeypatch.setenv("CHAT", f"json://{receiver.address}")
    configured(audience("team", "CHAT", more='phases = ["review"]'))
    assert "succeeded" in reviewed(meeting="2026-12-01T10:00+00:00", place="room 1", attendees="ada@shop.example")
    calendar = next(file for file in postmortems(tmp_path) if file.suffix == ".ics")
    (event,) = icalendar.Calendar.from_ical(calendar.read_text()).walk("VEVENT")
    assert str(event["SUMMARY"]) == f"Review of {over.id}"
    assert len(receiver.got) == 1
    assert "2026-12-01 10:00 UTC, 60 min, room 1" in receiver.texts[0]


def test_notes_become_a_branch_once(
    checkout: Path, remote: Path, journal: Journal, incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(journal, incident.id, "step 4 was missing", about="rollback", step="4")
    close(journal, incident.id, "verified")
    (checkout / "runbooks.toml").write_text(
        '[journal]\nfolder = "../.runbooks"\n[review]\nremote = "origin"\n'
        '[services.shop.environments.production]\nplatform = "git"\nurl = "http://shop.example"\n'
        '[services.shop.environments.production.git]\npath = "shop"\n'
        '[services.shop.environments.production.approval]\npolicy = "none"\n'
    )
    monkeypatch.chdir(checkout)
    assert "succeeded" in reviewed()
    assert f"review/{incident.id}-rollback" in git(remote, "branch")
    assert [e.data["pushed"] for e in journal.events(kind="change proposed")] == ["pushed to origin"]
    assert "succeeded" in reviewed(beside=True)
    assert git(remote, "branch").count("review/") == 1


def test_where_no_branch_can_be_made_the_note_stays_in_the_post_mortem(
    over: Incident, journal: Journal, tmp_path: Path
) -> None:
    note(journal, over.id, "step 4 was missing", about="rollback", step="4")
    review = Review.open()
    assert "notes about rollback stay in the post-mortem" in str(review.plan())
    review.gate()
    review.write()
    assert "succeeded" in review.close()
    assert "step 4 was missing" in postmortems(tmp_path)[0].read_text()


def test_follow_ups_agreed_on_in_the_notebook_are_in_the_post_mortem(over: Incident, tmp_path: Path) -> None:
    review = Review.open()
    review.follow_up("alert earlier", "ben", "2026-12-24")
    review.plan()
    review.gate()
    review.write()
    review.close()
    assert "| alert earlier | ben | 2026-12-24 | open |" in postmortems(tmp_path)[0].read_text()


def test_without_any_incident_there_is_nothing_to_review(configured: Configured) -> None:
    configured()
    with pytest.raises(IncidentError, match="had no incident"):
        reviewed()


def test_an_incident_without_a_single_event_more_is_reviewed(over: Incident) -> None:
    assert "succeeded" in reviewed(incident=over.id)
