"""The procedure of communicate.ipynb, against real receivers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.actions.communicate import Communication
from runbook_lib.config import Loaded
from runbook_lib.errors import ApprovalPendingError, DeliveryError, IncidentError, ParameterError, PlanDriftError
from runbook_lib.incident.record import Incident, change, declare
from runbook_lib.run.journal import Journal
from tests.incident.conftest import SHOP, audience
from tests.incident.receivers import Answer, Mailbox, Receiver, http, text_of
from tests.incident.statuspages import KEY, StatuspageServer, served

Configured = Callable[..., Loaded]


@pytest.fixture
def chat(receiver: Receiver, configured: Configured, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """A team with one channel, which works."""
    monkeypatch.setenv("CHAT", f"json://{receiver.address}/T0kenOfTheChat")
    configured(audience("team", "CHAT"))
    return receiver


def told(phase: str = "started", **more: object) -> str:
    """Do what the notebook does."""
    communication = Communication.open(phase, impact="checkouts fail", doing="rolling back", **more)  # type: ignore[arg-type]
    communication.situation()
    communication.plan()
    communication.preview()
    communication.gate()
    communication.send()
    return communication.close()


def sent(journal: Journal) -> list[tuple[str, str]]:
    return [(e.data["audience"], e.data["channel"]) for e in journal.events(kind="message sent")]


@pytest.mark.usefixtures("incident")
def test_people_are_told_and_it_is_written_down(chat: Receiver, journal: Journal) -> None:
    assert "succeeded" in told()
    assert len(chat.texts) == 1
    assert "checkouts fail" in chat.texts[0]
    assert sent(journal) == [("team", "CHAT"), ("status page", "page")]


@pytest.mark.usefixtures("incident")
def test_the_same_command_again_tells_nobody_twice(chat: Receiver) -> None:
    told()
    assert "succeeded" in told()
    assert len(chat.got) == 1


@pytest.mark.usefixtures("incident")
def test_each_phase_is_told(chat: Receiver, journal: Journal) -> None:
    for phase in ("started", "update", "mitigated"):
        told(phase)
    titles = [request.json["title"] for request in chat.got]
    assert [title.partition("]")[2].split(":")[0].strip() for title in titles] == [
        "shop production", "Update", "Mitigated",
    ]  # fmt: skip


@pytest.mark.usefixtures("incident")
def test_a_dry_run_shows_every_word_and_sends_nothing(chat: Receiver, journal: Journal) -> None:
    communication = Communication.open("started", impact="checkouts fail", dry_run=True)
    plan = str(communication.plan())
    assert "Impact: checkouts fail" in plan
    assert "Impact: checkouts fail" in str(communication.preview())
    communication.gate()
    communication.send()
    assert "planned" in communication.close()
    assert chat.got == []
    assert sent(journal) == []


@pytest.mark.usefixtures("incident")
def test_each_audience_has_its_own_words_and_channels(
    receiver: Receiver, mailbox: Mailbox, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT", f"json://{receiver.address}")
    monkeypatch.setenv("MAIL", f"mailto://127.0.0.1:{mailbox.port}/?from=a@shop.example&to=b@shop.example&format=text")
    configured(audience("team", "CHAT") + audience("customers", "MAIL"))
    told()
    assert "rolling back" in receiver.texts[0]
    assert "rolling back" not in text_of(mailbox.mails[0])
    assert mailbox.mails[0]["Subject"] == "shop: we are looking into a problem"


@pytest.mark.usefixtures("incident")
def test_an_audience_is_told_of_its_phases_only(
    receiver: Receiver, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT", f"json://{receiver.address}")
    configured(audience("team", "CHAT", more='phases = ["started"]'))
    told("update")
    assert receiver.got == []


@pytest.mark.usefixtures("incident")
def test_a_channel_that_fails_stops_no_other_and_is_reported(
    chat: Receiver, configured: Configured, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http() as broken:
        broken.answers += [Answer(500)] * 9
        monkeypatch.setenv("BROKEN", f"json://{broken.address}")
        configured(
            audience("management", "BROKEN", "NOT_SET")
            + audience("team", "CHAT")
            + "[services.shop.communication]\ntries = 2\nlongest_wait = 0.1\n"
        )
        with pytest.raises(DeliveryError) as caught:
            told()
        assert "management over BROKEN: not sent after 2 tries: it answers 500" in caught.value.message
        assert "NOT_SET is not set" in caught.value.message
        assert len(broken.got) == 2
    assert len(chat.got) == 1
    assert [e.data["status"] for e in journal.events(kind="closed")] == ["failed"]


@pytest.mark.usefixtures("incident")
def test_the_same_command_after_a_failure_sends_what_is_missing(
    chat: Receiver, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http() as broken:
        broken.answers += [Answer(404)]
        monkeypatch.setenv("BROKEN", f"json://{broken.address}")
        configured(audience("management", "BROKEN") + audience("team", "CHAT"))
        with pytest.raises(DeliveryError):
            told()
        assert "succeeded" in told()
        assert len(broken.got) == 2
    assert len(chat.got) == 1


@pytest.mark.usefixtures("incident")
def test_no_secret_url_is_in_plan_journal_or_error(
    chat: Receiver, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    chat.answers.append(Answer(401, body="T0kenOfTheChat is wrong"))
    with pytest.raises(DeliveryError) as caught:
        told()
    shown = capsys.readouterr()
    everything = str(caught.value) + shown.out + shown.err + journal.file.read_bytes().decode("latin-1")
    wal = journal.file.with_name("journal.db-wal")
    everything += wal.read_bytes().decode("latin-1") if wal.exists() else ""
    assert "T0kenOfTheChat" not in everything


def test_nobody_is_told_that_it_is_over_before_something_shows_it(
    chat: Receiver, journal: Journal, incident: Incident
) -> None:
    with pytest.raises(IncidentError, match="no observation"):
        told("verified")
    assert chat.got == []
    verdict = {"environment": SHOP, "verdict": "PASS", "reasons": [], "numbers": {}, "section": "production"}
    journal.append("", "observed", {**verdict, "what": "observation", "release": {}})
    told("verified", incident=incident.id)
    assert len(chat.got) == 1


@pytest.mark.usefixtures("chat")
def test_without_an_incident_there_is_nothing_to_tell(journal: Journal) -> None:
    with pytest.raises(IncidentError, match="no open incident"):
        told()
    assert list(journal.runs()) == []


@pytest.mark.usefixtures("chat", "incident")
def test_of_two_open_incidents_one_must_be_named(journal: Journal) -> None:
    second = declare(journal, SHOP, "search is slow", "SEV3")
    with pytest.raises(IncidentError, match="more than one"):
        told()
    assert "succeeded" in told(incident=second.id)


@pytest.mark.usefixtures("chat", "incident")
def test_a_phase_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ParameterError, match="started, update, mitigated, verified, review"):
        told("begun")


@pytest.mark.usefixtures("incident")
def test_the_gate_asks_for_exactly_these_words(chat: Receiver, configured: Configured, journal: Journal) -> None:
    configured(audience("team", "CHAT") + "[services.shop.communication.approval]\npolicy = 'confirm'\nwait = 0\n")
    with pytest.raises(ApprovalPendingError):
        told()
    assert chat.got == []
    (planned,) = journal.events(kind="planned")
    # Later in another process, with the times of the plan in the words.
    assert "succeeded" in told(approve=planned.data["digest"])
    assert len(chat.got) == 1


def test_what_changed_since_the_approval_is_not_sent(chat: Receiver, journal: Journal, incident: Incident) -> None:
    communication = Communication.open("started")
    communication.plan()
    communication.gate()
    change(journal, incident.id, severity="SEV1")
    with pytest.raises(PlanDriftError):
        communication.send()
    assert chat.got == []


@pytest.mark.usefixtures("incident")
def test_pages_elsewhere_are_told_too(configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    server = StatuspageServer()
    monkeypatch.setenv("KEY", KEY)
    with served(server) as url:
        configured(
            f"[status_page.statuspage]\npage = 'p4ge'\nkey = {{ env = 'KEY' }}\nurl = '{url}'\n"
            "[[status_page.components]]\nname = 'Shop'\nenvironment = 'shop/production'\nstatuspage = 'c0mp'\n"
        )
        told()
        told("update")
    (one,) = server.incidents.values()
    assert [update["status"] for update in one["incident_updates"]] == ["identified", "investigating"]
    assert server.components == {"c0mp": "partial_outage"}


KILLED = """
import sys
from runbook_lib.actions.communicate import Communication
communication = Communication.open("started", impact="checkouts fail")
communication.plan()
communication.gate()
communication.send()
print(communication.close())
"""


@pytest.mark.slow
@pytest.mark.usefixtures("incident")
def test_killed_while_a_message_is_on_its_way_it_is_not_sent_again(
    chat: Receiver, configured: Configured, tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed after the first channel and within the second; then the same command."""
    with http() as slow:
        slow.answers.append(Answer(hang=60))
        monkeypatch.setenv("SLOW", f"json://{slow.address}")
        configured(audience("team", "CHAT") + audience("management", "SLOW"))
        argv = [sys.executable, "-c", KILLED]
        process = subprocess.Popen(argv, cwd=tmp_path, env=dict(os.environ), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not slow.got and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (len(chat.got), len(slow.got)) == (1, 1)
        again = subprocess.run(argv, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False)
        assert again.returncode != 0
        assert "management over SLOW: perhaps sent, not repeated" in again.stderr
        assert (len(chat.got), len(slow.got)) == (1, 1)
        assert sent(journal) == [("team", "CHAT"), ("status page", "page")]
        slow.answers.clear()
        communication = Communication.open("started", impact="checkouts fail", again=True)
        communication.plan()
        communication.gate()
        communication.send()
        assert "succeeded" in communication.close()
        assert (len(chat.got), len(slow.got)) == (1, 2)
