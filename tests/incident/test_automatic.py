"""Updates driven by runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from runbook_lib.config import Loaded
from runbook_lib.incident import automatic
from runbook_lib.incident.record import Incident
from runbook_lib.run import live
from runbook_lib.run.gate import Terms
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Plan, Section, Step, Verdict
from runbook_lib.run.run import Run
from tests.incident.conftest import SHOP, audience
from tests.incident.receivers import Answer, Receiver
from tests.incident.statuspages import KEY, StatuspageServer, served

AUTOMATIC = "[services.shop.communication]\nautomatic = true\ntries = 2\nlongest_wait = 0.1\ntimeout = 2\n"
PASS, FAIL = Verdict("PASS", ("good",), {}), Verdict("FAIL", ("sick",), {})


@pytest.fixture
def chat(receiver: Receiver, configured: Callable[..., Loaded], monkeypatch: pytest.MonkeyPatch) -> Receiver:
    monkeypatch.setenv("CHAT", f"json://{receiver.address}")
    configured(audience("team", "CHAT") + AUTOMATIC)
    return receiver


def repaired(
    configured: Callable[[], Loaded],
    journal: Journal,
    incident: str,
    *,
    runbook: str = "rollback",
    health: Verdict = PASS,
    seen: Verdict = PASS,
    environment: str = SHOP,
) -> float:
    """Carry out a run with one step, as a procedure does it; the seconds that it took."""
    loaded = configured()
    run = Run.open(journal, runbook, SHOP, {"incident": incident})
    automatic.listen(loaded, loaded.target(), journal, run.id, runbook, incident)
    began = time.monotonic()
    step = Step("production.link", "link", lambda: "", lambda: False)
    section = Section("production", environment, "switch", (step,), verify=lambda: health, observed=True)
    try:
        run.propose(dict, lambda snapshot: Plan("Roll back to v1.4.2", (section,), snapshot))
        run.approve(Terms("none", 60, 0, ""))
        run.apply("production")
        run.observe("production", 1, lambda report: seen)
        run.close()
    except Exception as error:
        run.end(error)
    return time.monotonic() - began


def settled() -> None:
    """Wait for what is sent from other threads."""
    for thread in threading.enumerate():
        if thread.name == "messages":
            thread.join(20)


@pytest.fixture
def loaded(chat: Receiver, journal: Journal) -> Callable[[], Loaded]:
    from runbook_lib import config

    return lambda: config.load(journal.folder.parent / "runbooks.toml")


@pytest.fixture(autouse=True)
def _settle() -> Iterator[None]:
    yield
    settled()


def titles(receiver: Receiver) -> list[str]:
    return [request.json["title"].partition("] ")[2].partition(":")[0] for request in receiver.got]


def test_mitigated_and_verified_are_told_in_order(
    chat: Receiver, loaded: Callable[[], Loaded], journal: Journal, incident: Incident
) -> None:
    repaired(loaded, journal, incident.id)
    settled()
    assert titles(chat) == ["Mitigated", "Resolved"]
    assert "What was done: Roll back to v1.4.2" in chat.texts[0]
    assert live.listeners == []


def test_a_run_that_fails_tells_nothing(
    chat: Receiver, loaded: Callable[[], Loaded], journal: Journal, incident: Incident
) -> None:
    repaired(loaded, journal, incident.id, health=FAIL)
    settled()
    assert titles(chat) == []


def test_an_observation_that_fails_is_not_told_to_be_over(
    chat: Receiver, loaded: Callable[[], Loaded], journal: Journal, incident: Incident
) -> None:
    repaired(loaded, journal, incident.id, seen=FAIL)
    settled()
    assert titles(chat) == ["Mitigated"]


def test_staging_tells_nothing(
    chat: Receiver, loaded: Callable[[], Loaded], journal: Journal, incident: Incident
) -> None:
    repaired(loaded, journal, incident.id, environment="shop/staging")
    settled()
    assert titles(chat) == []


@pytest.mark.parametrize("runbook", ["communicate", "review", "maintenance_mode"])
def test_runs_that_repair_nothing_tell_nothing(
    chat: Receiver, loaded: Callable[[], Loaded], journal: Journal, incident: Incident, runbook: str
) -> None:
    repaired(loaded, journal, incident.id, runbook=runbook)
    settled()
    assert titles(chat) == []


def test_a_run_without_an_incident_tells_nothing(
    chat: Receiver, loaded: Callable[[], Loaded], journal: Journal
) -> None:
    repaired(loaded, journal, "")
    assert live.listeners == []
    assert titles(chat) == []


def test_where_it_is_not_automatic_nothing_is_told(
    chat: Receiver,
    configured: Callable[..., Loaded],
    loaded: Callable[[], Loaded],
    journal: Journal,
    incident: Incident,
) -> None:
    configured(audience("team", "CHAT"))
    repaired(loaded, journal, incident.id)
    settled()
    assert titles(chat) == []


def test_a_slow_channel_holds_up_no_run(
    chat: Receiver, loaded: Callable[[], Loaded], journal: Journal, incident: Incident
) -> None:
    chat.answers += [Answer(hang=1.5), Answer(hang=1.5)]
    assert repaired(loaded, journal, incident.id) < 1.4
    settled()
    assert len(chat.got) == 2


def test_a_channel_that_fails_fails_no_run_and_is_reported(
    chat: Receiver,
    loaded: Callable[[], Loaded],
    journal: Journal,
    incident: Incident,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chat.answers += [Answer(403), Answer(403)]
    repaired(loaded, journal, incident.id)
    settled()
    assert journal.runs(1)[0].status == "succeeded"
    assert "team over CHAT: not sent: it answers 403" in capsys.readouterr().out
    assert len(list(journal.events(kind="message failed"))) == 2


def test_the_component_elsewhere_returns_to_operational_by_itself(
    configured: Callable[..., Loaded], journal: Journal, incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where messages are for people to write."""
    server = StatuspageServer()
    monkeypatch.setenv("KEY", KEY)
    with served(server) as url:
        here = configured(
            f"[status_page.statuspage]\npage = 'p4ge'\nkey = {{ env = 'KEY' }}\nurl = '{url}'\n"
            "[[status_page.components]]\nname = 'Shop'\nenvironment = 'shop/production'\nstatuspage = 'c0mp'\n"
        )
        automatic.started(here, here.target(), journal, incident.id)
        assert server.components == {"c0mp": "partial_outage"}
        repaired(lambda: here, journal, incident.id)
        settled()
        assert server.components == {"c0mp": "operational"}
        assert server.incidents == {}


def test_a_run_that_is_opened_twice_is_heard_once(
    chat: Receiver, loaded: Callable[[], Loaded], journal: Journal, incident: Incident
) -> None:
    here = loaded()
    for _ in range(2):
        automatic.listen(here, here.target(), journal, "run-1", "rollback", incident.id)
    assert len(live.listeners) == 1
