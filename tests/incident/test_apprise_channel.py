"""Channels of apprise against real receivers on the loopback address."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from runbook_lib.command import Secret, mask
from runbook_lib.incident.apprise_channel import AppriseChannel, conceal
from runbook_lib.incident.channels import ChannelError, Patience, send
from runbook_lib.incident.messages import Message
from tests.incident.receivers import Answer, Mailbox, Receiver, text_of

TOKEN = "T0kenThatNobodyMaySee"
MESSAGE = Message(
    "INC-1", "shop/production", "SEV2", "started", "team", "Checkouts fail", "<b>Every</b> second &amp; more\nline", "k"
)


def channel(url: str, timeout: float = 2.0) -> AppriseChannel:
    return AppriseChannel("CHAT", Secret(url), timeout)


def failure(url: str, timeout: float = 2.0) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        channel(url, timeout).send(MESSAGE, "")
    assert TOKEN not in str(caught.value)
    return caught.value


@pytest.fixture
def hanging() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


# Services of apprise that can be pointed at an address of one's own, and where in their request the text is.
SERVICES = {
    "json": ("json://{at}/hook/{token}", "message"),
    "form": ("form://{at}/hook/{token}", "message="),
    "xml": ("xml://{at}/hook/{token}", "<Message>"),
    "gotify": ("gotify://{at}/{token}", "message"),
    "ntfy": ("ntfy://{at}/{token}", "message"),
    "mattermost": ("mmost://{at}/{token}", "text"),
    "rocketchat": ("rocket://{token}/{token}@{at}/room?mode=webhook", "text"),
}


@pytest.mark.parametrize("service", ["json", "form", "xml", "gotify", "ntfy", "mattermost"])
def test_a_message_arrives_once_with_its_text(receiver: Receiver, service: str) -> None:
    url, where = SERVICES[service]
    channel(url.format(at=receiver.address, token=TOKEN)).send(MESSAGE, "")
    assert len(receiver.got) == 1
    assert where in receiver.got[0].text
    assert "second" in receiver.got[0].text


def test_text_stays_text(receiver: Receiver) -> None:
    channel(f"json://{receiver.address}").send(MESSAGE, "")
    assert receiver.texts == [MESSAGE.text]


def test_mail_arrives_once_with_subject_and_text(mailbox: Mailbox) -> None:
    channel(f"mailto://127.0.0.1:{mailbox.port}/?from=runbooks@shop.example&to=team@shop.example").send(MESSAGE, "")
    assert [mail["Subject"] for mail in mailbox.mails] == [MESSAGE.title]
    assert mailbox.mails[0]["To"] == "team@shop.example"


def test_mail_as_html_shows_markup_as_text(mailbox: Mailbox) -> None:
    url = f"mailto://127.0.0.1:{mailbox.port}/?from=runbooks@shop.example&to=team@shop.example&format=html"
    channel(url).send(MESSAGE, "")
    html = [part for part in mailbox.mails[0].walk() if part.get_content_type() == "text/html"]
    payload = html[0].get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert b"&lt;b&gt;Every" in payload
    assert b"<b>Every" not in payload


def test_plain_mail_keeps_the_text(mailbox: Mailbox) -> None:
    url = f"mailto://127.0.0.1:{mailbox.port}/?from=runbooks@shop.example&to=team@shop.example&format=text"
    channel(url).send(MESSAGE, "")
    assert "<b>Every</b> second &amp; more" in text_of(mailbox.mails[0])


def test_mail_that_is_refused_for_now_may_be_tried_again(mailbox: Mailbox) -> None:
    mailbox.refuse.append("451 later")
    url = f"mailto://127.0.0.1:{mailbox.port}/?from=runbooks@shop.example&to=team@shop.example"
    error = failure(url)
    assert (error.again, error.sure) == (True, True)
    send(channel(url), MESSAGE, "", Patience())
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize("service", ["json", "gotify", "ntfy", "mattermost"])
@pytest.mark.parametrize(("status", "again"), [(500, True), (503, True), (429, True), (400, False), (404, False)])
def test_what_the_other_side_answers_is_known(receiver: Receiver, service: str, status: int, again: bool) -> None:
    receiver.answers.append(Answer(status))
    error = failure(SERVICES[service][0].format(at=receiver.address, token=TOKEN))
    assert str(status) in error.message
    assert (error.again, error.sure) == (again, True)


def test_retry_after_is_seen_and_honoured(receiver: Receiver) -> None:
    receiver.answers.append(Answer(429, {"Retry-After": "1"}))
    began = time.monotonic()
    _, tries = send(channel(f"json://{receiver.address}"), MESSAGE, "", Patience())
    assert tries == 2
    assert len(receiver.got) == 2
    assert time.monotonic() - began >= 1


def test_one_that_refuses_connections_may_be_tried_again() -> None:
    error = failure(f"json://127.0.0.1:{closed_port()}/{TOKEN}")
    assert (error.message, error.again, error.sure) == ("it could not be reached", True, True)


def test_mail_that_refuses_connections_may_be_tried_again() -> None:
    error = failure(f"mailto://127.0.0.1:{closed_port()}/?from=a@shop.example&to=b@shop.example")
    assert (error.again, error.sure) == (True, True)


def test_one_that_takes_it_and_hangs_perhaps_got_it(receiver: Receiver) -> None:
    receiver.answers.append(Answer(hang=30))
    error = failure(f"json://{receiver.address}/{TOKEN}", timeout=0.3)
    assert not error.sure
    assert len(receiver.got) == 1


def test_one_that_closes_without_an_answer_perhaps_got_it(receiver: Receiver) -> None:
    receiver.answers.append(Answer(0))
    assert not failure(f"json://{receiver.address}/{TOKEN}").sure


def test_mail_that_hangs_ends_in_time(hanging: int) -> None:
    began = time.monotonic()
    error = failure(f"mailto://127.0.0.1:{hanging}/?from=a@shop.example&to=b@shop.example", timeout=0.3)
    assert not error.sure
    assert time.monotonic() - began < 5


def test_one_that_drips_for_ever_is_left_alone() -> None:
    """Each byte comes in time, the answer never does."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not over.wait(0.05):
                    connection.sendall(b"X-More: x\r\n")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        error = failure(f"json://127.0.0.1:{server.getsockname()[1]}/{TOKEN}", timeout=0.2)
        over.set()
        thread.join()
    assert not error.sure


@pytest.mark.parametrize("url", ["nonsense", f"nosuch://{TOKEN}", "", f"json://[{TOKEN}", f"slack://{TOKEN}"])
def test_a_url_that_is_none_is_refused_without_showing_it(
    url: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    error = failure(url)
    assert not error.again
    shown = capsys.readouterr()
    assert TOKEN not in shown.out + shown.err + caplog.text


def test_nothing_secret_is_in_a_log_of_everything(receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    receiver.answers.append(Answer(500))
    heard: list[logging.LogRecord] = []
    ear = logging.Handler()
    ear.emit = heard.append  # type: ignore[method-assign]
    root = logging.getLogger()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        failure(f"json://user:{TOKEN}@{receiver.address}/{TOKEN}")
    finally:
        root.removeHandler(ear)
        root.setLevel(level)
    shown = capsys.readouterr()
    assert {record.name for record in heard} == {"urllib3.connectionpool"}
    assert TOKEN not in shown.out + shown.err + "".join(record.getMessage() for record in heard)


URLS = [
    f"slack://AAAAAAAAA/BBBBBBBBB/{TOKEN}/#channel",
    f"discord://4174216298/{TOKEN}",
    f"mailtos://runbooks:{TOKEN}@mail.shop.example?to=ops@shop.example",
    f"tgram://123456789:{TOKEN}/987654321",
    f"pagerduty://{TOKEN}@key",
    f"json://hook.shop.example/?token={TOKEN}",
    f"json://hook.shop.example/?+Authorization={TOKEN}",
    f"gotify://gotify.shop.example/{TOKEN}?priority=high&format=markdown",
    f"opsgenie://{TOKEN.upper()}",
]


@pytest.mark.parametrize("url", URLS, ids=lambda url: url.partition(":")[0])
def test_the_parts_of_a_url_that_are_secret_are_masked_wherever_they_turn_up(url: str) -> None:
    conceal(url)
    token = TOKEN if TOKEN in url else TOKEN.upper()
    assert token not in mask(f"POST https://elsewhere.example/api/{token} failed")
    assert mask("the markdown of hook.shop.example and gotify.shop.example") == (
        "the markdown of hook.shop.example and gotify.shop.example"
    )


def test_a_percent_encoded_token_is_masked_in_both_forms() -> None:
    conceal("json://hook.shop.example/secret%2Ftoken%21")
    assert mask("secret/token! secret%2Ftoken%21") == "[secret] [secret]"


def test_a_short_password_is_masked_too() -> None:
    conceal("mailto://ada:hunter2@mail.shop.example")
    assert "hunter2" not in mask("535 5.7.8 hunter2 is wrong")
