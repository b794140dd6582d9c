"""Status pages elsewhere, against servers that behave as their descriptions say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from runbook_lib.command import Secret
from runbook_lib.incident.channels import ChannelError, Patience, send
from runbook_lib.incident.components import STATES, State
from runbook_lib.incident.messages import Message
from runbook_lib.incident.pages_elsewhere import CachetPage, StatuspagePage
from tests.incident.receivers import Answer, Receiver
from tests.incident.statuspages import KEY, CachetServer, StatuspageServer, served

MESSAGE = Message("INC-1", "shop/production", "SEV1", "started", "status page", "Checkouts fail", "<b>text</b>", "k")


@pytest.fixture
def statuspage() -> Iterator[StatuspageServer]:
    server = StatuspageServer()
    with served(server) as server.url:
        yield server


@pytest.fixture
def cachet() -> Iterator[CachetServer]:
    server = CachetServer()
    with served(server) as server.url:
        yield server


def at_statuspage(url: str, state: State = "major outage", key: str = KEY, timeout: float = 2) -> StatuspagePage:
    return StatuspagePage.at(url, Secret(key), "p4ge", "c0mp", state, notify=True, timeout=timeout)


def at_cachet(url: str, state: State = "major outage", key: str = KEY, timeout: float = 2) -> CachetPage:
    return CachetPage.at(url, Secret(key), 7, state, notify=False, timeout=timeout)


def test_statuspage_gets_an_incident_and_its_updates(statuspage: StatuspageServer) -> None:
    reference = at_statuspage(statuspage.url).send(MESSAGE, "")
    assert statuspage.components == {"c0mp": "major_outage"}
    for phase, text in (("update", "still"), ("mitigated", "better"), ("verified", "over")):
        state: State = "operational" if phase == "verified" else "major outage"
        message = replace(MESSAGE, phase=phase, text=text)  # type: ignore[arg-type]
        assert at_statuspage(statuspage.url, state).send(message, reference) == reference
    (one,) = statuspage.incidents.values()
    assert [update["status"] for update in reversed(one["incident_updates"])] == [
        "investigating", "identified", "monitoring", "resolved",
    ]  # fmt: skip
    assert one["incident_updates"][-1]["body"] == MESSAGE.text
    assert (one["name"], one["impact_override"], one["deliver_notifications"]) == ("Checkouts fail", "critical", True)
    assert statuspage.components == {"c0mp": "operational"}


def test_cachet_gets_an_incident_and_its_updates(cachet: CachetServer) -> None:
    reference = at_cachet(cachet.url).send(MESSAGE, "")
    assert cachet.components == {7: 4}
    at_cachet(cachet.url, "operational").send(replace(MESSAGE, phase="verified", text="over"), reference)
    (one,) = cachet.incidents.values()
    assert (one["name"], one["message"], one["notify"]) == ("Checkouts fail", MESSAGE.text, False)
    assert [(update["status"], update["message"]) for update in one["updates"]] == [(4, "over")]
    assert cachet.components == {7: 1}


@pytest.mark.parametrize("state", STATES)
def test_every_state_can_be_shown(statuspage: StatuspageServer, cachet: CachetServer, state: State) -> None:
    at_statuspage(statuspage.url).show(state)
    at_cachet(cachet.url).show(state)
    assert (statuspage.components["c0mp"] == "operational") == (state == "operational")
    assert (cachet.components[7] == 1) == (state == "operational")


@pytest.mark.parametrize("make", [at_statuspage, at_cachet])
def test_a_wrong_key_is_refused_and_not_shown(
    statuspage: StatuspageServer, cachet: CachetServer, make: type[StatuspagePage]
) -> None:
    url = statuspage.url if make is at_statuspage else cachet.url
    with pytest.raises(ChannelError, match="401") as caught:
        make(url, key="AnotherSecretKey").send(MESSAGE, "")
    assert not caught.value.again
    assert "AnotherSecretKey" not in str(caught.value)


def test_a_rate_limit_is_waited_for(statuspage: StatuspageServer) -> None:
    """Statuspage answers 420 or 429 above one request a second."""
    statuspage.failing += [(420, {}), (429, {"Retry-After": "0"})]
    _, tries = send(at_statuspage(statuspage.url), MESSAGE, "", Patience())
    assert (tries, len(statuspage.incidents)) == (3, 1)


def test_an_incident_that_is_gone_there_is_said_to_be(cachet: CachetServer) -> None:
    with pytest.raises(ChannelError, match="404"):
        at_cachet(cachet.url).send(MESSAGE, "99")


def test_one_that_hangs_perhaps_took_it(receiver: Receiver) -> None:
    receiver.answers.append(Answer(hang=20))
    with pytest.raises(ChannelError) as caught:
        at_statuspage(f"http://{receiver.address}", timeout=0.3).send(MESSAGE, "")
    assert not caught.value.sure


@pytest.mark.parametrize("body", ["<html>", "{}", "[]", '{"id": ""}'])
def test_an_answer_that_names_no_incident_is_an_error(receiver: Receiver, body: str) -> None:
    receiver.answers.append(Answer(201, body=body))
    with pytest.raises(ChannelError) as caught:
        at_statuspage(f"http://{receiver.address}").send(MESSAGE, "")
    assert not caught.value.sure


def test_a_redirect_is_not_followed_with_the_key(receiver: Receiver) -> None:
    receiver.answers.append(Answer(302, {"Location": f"http://{receiver.address}/elsewhere"}))
    with pytest.raises(ChannelError, match="302"):
        at_cachet(f"http://{receiver.address}").send(MESSAGE, "")
    assert len(receiver.got) == 1
