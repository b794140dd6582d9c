"""Sending one message over one channel: what a channel is, and what can go wrong with it."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from runbook_lib.command import mask, printable
from runbook_lib.errors import RunbookError
from runbook_lib.incident.messages import Message

FIRST_WAIT = 0.5


class Channel(Protocol):
    """A way to tell people. name: of it, for readers; no secret."""

    @property
    def name(self) -> str: ...

    def send(self, message: Message, reference: str) -> str:
        """Send it once. reference: what this channel returned for the incident's message before, or an empty string.
        Returns what later messages refer to. ChannelError when it did not work."""
        ...


class ChannelError(RunbookError):
    """A channel did not take a message.

    again: another try may help. after: seconds that the other side asks to wait, or None. sure: it did not arrive;
    without it, it may have. tries: how often it was tried by then.
    """

    def __init__(self, reason: str, *, again: bool = False, after: float | None = None, sure: bool = True) -> None:
        super().__init__(printable(mask(reason), 300))
        self.again = again
        self.after = after
        self.sure = sure
        self.tries = 1


@dataclass(frozen=True)
class Patience:
    """How long a channel is bothered. tries: at most; longest_wait: seconds between two of them."""

    tries: int = 4
    longest_wait: float = 30.0


def send(
    channel: Channel,
    message: Message,
    reference: str,
    patience: Patience,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[str, int]:
    """Send it, trying again where that may help and cannot send it twice: refused, 429, 5xx. Returns what later
    messages refer to, and the number of tries. ChannelError of the last try."""
    from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    growing = wait_exponential(multiplier=FIRST_WAIT, max=patience.longest_wait)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.after if isinstance(error, ChannelError) else None
        return min(growing(state) if asked is None else asked, patience.longest_wait)

    trying = Retrying(
        stop=stop_after_attempt(patience.tries),
        wait=wait,
        retry=retry_if_exception(lambda error: isinstance(error, ChannelError) and error.again and error.sure),
        sleep=pause,
        reraise=True,
    )
    tries = 0
    try:
        for attempt in trying:
            with attempt:
                tries = attempt.retry_state.attempt_number
                reference = channel.send(message, reference)
    except ChannelError as error:
        error.tries = tries
        raise
    return reference, tries


def refused(status: int, retry_after: str | None, detail: str = "") -> ChannelError:
    """What an HTTP status other than 2xx means. retry_after: the header, seconds or a date."""
    again = status in (408, 420, 429) or status >= 500
    reason = f"it answers {status}" + (f": {detail}" if detail else "")
    return ChannelError(reason, again=again, after=seconds_of(retry_after) if again else None)


def seconds_of(retry_after: str | None) -> float | None:
    """The seconds that a Retry-After header asks for; None without a sensible one."""
    if not retry_after:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after[:10])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
