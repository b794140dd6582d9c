"""Trying a channel again: what may help and cannot send twice, within bounds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import formatdate

import pytest

from runbook_lib.incident.channels import ChannelError, Patience, refused, seconds_of, send
from runbook_lib.incident.messages import Message

MESSAGE = Message("INC-1", "shop/production", "SEV2", "started", "team", "title", "text", "key")


@dataclass
class Scripted:
    """A channel that fails as it is told, then works."""

    errors: list[ChannelError]
    name: str = "scripted"
    sent: int = 0

    def send(self, message: Message, reference: str) -> str:
        self.sent += 1
        if self.errors:
            raise self.errors.pop(0)
        return "reference"


@dataclass
class Clock:
    waited: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.waited.append(seconds)


def tried(errors: Sequence[ChannelError], patience: Patience = Patience()) -> tuple[Scripted, Clock]:  # noqa: B008
    channel, clock = Scripted(list(errors)), Clock()
    send(channel, MESSAGE, "", patience, pause=clock)
    return channel, clock


def test_a_channel_that_works_is_asked_once() -> None:
    channel, clock = tried([])
    assert (channel.sent, clock.waited) == (1, [])


def test_one_that_answers_5xx_is_tried_again() -> None:
    channel, clock = tried([refused(500, None), refused(503, None)])
    assert channel.sent == 3
    assert clock.waited == sorted(clock.waited)


def test_retry_after_is_honoured() -> None:
    _, clock = tried([refused(429, "7")])
    assert clock.waited == [7]


def test_retry_after_has_a_bound() -> None:
    _, clock = tried([refused(429, "86400")], Patience(longest_wait=20))
    assert clock.waited == [20]


def test_it_ends_after_so_many_tries_and_says_how_many() -> None:
    with pytest.raises(ChannelError, match="500") as caught:
        tried([refused(500, None)] * 9, Patience(tries=3))
    assert caught.value.tries == 3


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410])
def test_a_refusal_that_will_stay_is_not_tried_again(status: int) -> None:
    with pytest.raises(ChannelError, match=str(status)) as caught:
        tried([refused(status, None)])
    assert caught.value.tries == 1


def test_what_perhaps_arrived_is_not_sent_again() -> None:
    with pytest.raises(ChannelError) as caught:
        tried([ChannelError("no answer", again=True, sure=False)])
    assert caught.value.tries == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("", None), ("3", 3.0), (" 120 ", 120.0), ("soon", None), ("-5", None), ("9" * 40, 9_999_999_999.0)],
)
def test_retry_after_is_read(header: str | None, seconds: float | None) -> None:
    assert seconds_of(header) == seconds


def test_retry_after_may_be_a_date() -> None:
    found = seconds_of(formatdate(time.time() + 30, usegmt=True))
    assert found is not None
    assert 25 <= found <= 31
