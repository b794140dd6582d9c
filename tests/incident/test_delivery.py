"""Deliveries: written down before and after, none twice, whatever happens in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from runbook_lib.command import Secret
from runbook_lib.errors import LockHeldError
from runbook_lib.incident import delivery
from runbook_lib.incident.apprise_channel import AppriseChannel
from runbook_lib.incident.channels import ChannelError, Patience
from runbook_lib.incident.delivery import Post, one_at_a_time
from runbook_lib.incident.messages import Message
from runbook_lib.run.journal import Journal
from runbook_lib.run.lock import Locks
from tests.incident.receivers import Answer, Receiver

MESSAGE = Message("INC-1", "shop/production", "SEV2", "started", "team", "title", "text", "key")
UPDATE = replace(MESSAGE, phase="update")


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Channel:
    """Counts what it gets; does something else first where it is told to."""

    first: Callable[[], None] = lambda: None
    name: str = "CHAT"
    got: list[tuple[str, str]] = field(default_factory=list)

    def send(self, message: Message, reference: str) -> str:
        self.first()
        self.got.append((message.text, reference))
        return f"ref-{len(self.got)}"


def kinds(journal: Journal) -> list[str]:
    return [event.kind for event in journal.events()]


def fails(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_it_is_written_down_before_and_after(journal: Journal) -> None:
    channel = Channel(lambda: before.extend(kinds(journal)))
    before: list[str] = []
    assert Post(journal).deliver(MESSAGE, channel).good
    assert before == ["message begun"]
    assert kinds(journal) == ["message begun", "message sent"]
    begun, sent = (event.data for event in journal.events())
    assert begun["message"] == sent["message"]
    assert (begun["text"], sent["audience"], sent["channel"]) == ("text", "team", "CHAT")


def test_what_was_sent_is_not_sent_again(journal: Journal) -> None:
    channel = Channel()
    assert Post(journal).deliver(MESSAGE, channel).good
    again = Post(journal, "another run").deliver(MESSAGE, channel)
    assert (again.good, again.already, len(channel.got)) == (True, True, 1)


def test_a_kill_while_it_is_sent_leaves_it_perhaps_sent(journal: Journal) -> None:
    with pytest.raises(Crash):
        Post(journal).deliver(MESSAGE, Channel(fails(Crash())))
    channel = Channel()
    outcome = Post(journal).deliver(MESSAGE, channel)
    assert (outcome.standing, channel.got) == ("perhaps", [])
    assert "perhaps sent" in str(outcome)


def test_what_was_perhaps_sent_is_sent_when_somebody_asks(journal: Journal) -> None:
    with pytest.raises(Crash):
        Post(journal).deliver(MESSAGE, Channel(fails(Crash())))
    channel = Channel()
    assert Post(journal).deliver(MESSAGE, channel, again=True).good
    assert len(channel.got) == 1


def test_what_surely_failed_is_sent_the_next_time(journal: Journal) -> None:
    channel = Channel(fails(ChannelError("it answers 500", again=True)))
    outcome = Post(journal, patience=Patience(1)).deliver(MESSAGE, channel)
    assert (outcome.standing, outcome.reason) == ("failed", "it answers 500")
    assert Post(journal).deliver(MESSAGE, Channel()).good
    assert kinds(journal) == ["message begun", "message failed", "message begun", "message sent"]


def test_what_perhaps_arrived_stays_perhaps_sent(journal: Journal) -> None:
    outcome = Post(journal).deliver(MESSAGE, Channel(fails(ChannelError("no answer", sure=False))))
    assert outcome.standing == "perhaps"
    assert Post(journal).deliver(MESSAGE, Channel()).standing == "perhaps"


def test_the_same_update_later_is_another_update(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Channel()
    Post(journal, every=1800).deliver(UPDATE, channel)
    assert Post(journal, every=1800).deliver(UPDATE, channel).already
    later = next(journal.events()).at + 1000
    monkeypatch.setattr(delivery.time, "time", lambda: later)
    assert not Post(journal, every=1800).deliver(UPDATE, channel).already
    assert len(channel.got) == 2


def test_a_run_that_is_continued_much_later_repeats_no_update(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = Channel()
    Post(journal, "run-1", every=60).deliver(UPDATE, channel)
    later = next(journal.events()).at + 100_000
    monkeypatch.setattr(delivery.time, "time", lambda: later)
    assert Post(journal, "run-1", every=60).deliver(UPDATE, channel).already


def test_a_channel_gets_what_it_returned_for_the_incident_before(journal: Journal) -> None:
    channel = Channel()
    Post(journal).deliver(MESSAGE, channel)
    Post(journal).deliver(replace(MESSAGE, key="other"), channel)
    Post(journal).deliver(replace(MESSAGE, incident="INC-2", key="third"), channel)
    assert [reference for _, reference in channel.got] == ["", "ref-1", ""]


def test_a_secret_is_in_no_event(journal: Journal, receiver: Receiver) -> None:
    token = "V3rySecretT0ken"
    receiver.answers.append(Answer(403, body=f"no {token}"))
    channel = AppriseChannel("CHAT", Secret(f"json://{receiver.address}/{token}"), 2)
    outcome = Post(journal).deliver(replace(MESSAGE, text=f"see {token}"), channel)
    assert token not in str(outcome)
    assert token not in journal.file.read_bytes().decode("latin-1")
    assert [e.data["reason"] for e in journal.events(kind="message failed")] == ["it answers 403"]


def test_two_processes_send_one_after_the_other(journal: Journal) -> None:
    """The second finds what the first has sent."""
    channel, there = Channel(), threading.Event()

    def first() -> None:
        with one_at_a_time(Journal(journal.folder), "shop/production"):
            there.set()
            Post(Journal(journal.folder)).deliver(
                MESSAGE, Channel(lambda: threading.Event().wait(0.5), got=channel.got)
            )

    thread = threading.Thread(target=first)
    thread.start()
    there.wait(5)
    with one_at_a_time(journal, "shop/production"):
        outcome = Post(journal).deliver(MESSAGE, channel)
    thread.join()
    assert outcome.already
    assert len(channel.got) == 1


def test_who_cannot_wait_any_longer_says_who_is_sending(journal: Journal) -> None:
    locks = Locks(journal, "run-7")
    locks.take(["shop/production messages"])
    try:
        with pytest.raises(LockHeldError, match="run-7"), one_at_a_time(journal, "shop/production", 0.3):
            pass
    finally:
        locks.release()
