"""Updates that are due, and who is reminded of them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from runbook_lib.config import Loaded, Target
from runbook_lib.incident import due as dues
from runbook_lib.incident.due import due
from runbook_lib.incident.record import Incident, change, close
from runbook_lib.incident.reminding import remind_all
from runbook_lib.run.journal import Journal
from tests.incident.conftest import audience
from tests.incident.receivers import Receiver


@pytest.fixture
def target(configured: Callable[..., Loaded]) -> Target:
    return configured().target()


def sent(journal: Journal, incident: Incident, phase: str) -> None:
    about = {"incident": incident.id, "audience": "team", "channel": "CHAT", "key": "k", "message": "M"}
    journal.append("", "message sent", {**about, "phase": phase, "reference": "", "tries": 1})


def test_the_first_one_is_due_so_long_after_the_declaration(
    journal: Journal, target: Target, incident: Incident
) -> None:
    found = due(journal, target, incident, 1800)
    assert found is not None
    assert found.at == incident.declared + 1800
    assert not found.over
    assert str(found).endswith("papermill communicate.ipynb -p phase update -p environment production")


@pytest.mark.parametrize("phase", ["started", "update", "mitigated"])
def test_each_message_moves_it(journal: Journal, target: Target, incident: Incident, phase: str) -> None:
    sent(journal, incident, phase)
    found = due(journal, target, incident, 1800)
    assert found is not None
    assert found.at > incident.declared + 1800


def test_a_reminder_is_no_update(journal: Journal, target: Target, incident: Incident) -> None:
    sent(journal, incident, "reminder")
    found = due(journal, target, incident, 1800)
    assert found is not None
    assert found.at == incident.declared + 1800


def test_none_is_due_once_it_is_over_closed_or_nothing_is_promised(
    journal: Journal, target: Target, incident: Incident
) -> None:
    assert due(journal, target, incident, 0) is None
    sent(journal, incident, "verified")
    assert due(journal, target, incident, 1800) is None
    assert due(journal, target, close(journal, incident.id, "over"), 1800) is None


@pytest.fixture
def late(incident: Incident, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour after the incident was declared."""
    monkeypatch.setattr(dues.time, "time", lambda now=time.time: now() + 3700)


@pytest.mark.usefixtures("late")
def test_the_team_is_reminded_once(
    journal: Journal,
    incident: Incident,
    configured: Callable[..., Loaded],
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHAT", f"json://{receiver.address}")
    loaded = configured(audience("team", "CHAT"))
    assert len(remind_all(loaded, journal)) == 1
    assert remind_all(loaded, journal) == []
    assert [request.json["title"] for request in receiver.got] == [f"An update of {incident.id} is due"]
    assert [event.data["incident"] for event in journal.events(kind="update due")] == [incident.id]


@pytest.mark.usefixtures("late")
def test_a_channel_that_fails_does_not_stop_reminding(
    journal: Journal, incident: Incident, configured: Callable[..., Loaded]
) -> None:
    loaded = configured(audience("team", "NOT_SET"))
    said = remind_all(loaded, journal)
    assert incident.id in said[0]
    assert "NOT_SET is not set" in said[1]


def test_nobody_is_reminded_early(journal: Journal, incident: Incident, configured: Callable[..., Loaded]) -> None:
    assert remind_all(configured(audience("team", "CHAT")), journal) == []


@pytest.mark.usefixtures("late")
def test_a_severity_that_promises_nothing_reminds_nobody(
    journal: Journal, incident: Incident, configured: Callable[..., Loaded]
) -> None:
    change(journal, incident.id, severity="SEV4")
    assert remind_all(configured(audience("team", "CHAT")), journal) == []
