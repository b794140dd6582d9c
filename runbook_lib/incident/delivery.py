"""Delivering messages: each written down before it is sent and after, and none sent twice.

The ledger is the journal: `message begun`, then `message sent` or `message failed`. One that was begun and has no end
was perhaps sent; it is not sent again unless somebody asks.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from runbook_lib.command import printable
from runbook_lib.errors import ConfigurationError, LockHeldError
from runbook_lib.incident.channels import Channel, ChannelError, Patience, send
from runbook_lib.incident.messages import Message
from runbook_lib.run.journal import Event, Journal
from runbook_lib.run.lock import Locks

Standing = Literal["sent", "failed", "perhaps", "new"]

KINDS = ("message begun", "message sent", "message failed")
# The same words are another update only after so much of the promised time between two.
FRESH_SHARE = 0.5
FRESH_SECONDS = 300.0
LOCK_SECONDS = 60.0


@dataclass(frozen=True)
class Outcome:
    """What came of one message on one channel. tries: how often it was sent; reason: why it was not."""

    audience: str
    channel: str
    standing: Standing
    already: bool = False
    reason: str = ""
    tries: int = 0

    @property
    def good(self) -> bool:
        return self.standing == "sent"

    def __str__(self) -> str:
        where = f"{self.audience} over {self.channel}"
        if self.standing == "perhaps":
            return f"{where}: perhaps sent, not repeated ({self.reason}); -p again true sends it again"
        if not self.good:
            return f"{where}: not sent after {self.tries} tries: {self.reason}"
        tries = f" at try {self.tries}" if self.tries > 1 else ""
        return f"{where}: {'was sent before' if self.already else f'sent{tries}'}"


@dataclass(frozen=True)
class Post:
    """Delivers for one run, or for none. journal: the ledger; every: seconds between two updates as promised, 0 for
    none; record: writes an event (default: the journal itself)."""

    journal: Journal
    run: str = ""
    every: float = 0.0
    patience: Patience = Patience()
    record: Callable[..., Event] | None = None

    def standing(self, message: Message, channel: str) -> Standing:
        """Where this very message stands on a channel."""
        events = self._events(message, channel)
        if not events:
            return "new"
        last = events[-1].kind.removeprefix("message ")
        if last == "failed" and not events[-1].data["sure"]:
            return "perhaps"
        return {"begun": "perhaps", "sent": "sent", "failed": "failed"}[last]  # type: ignore[return-value]

    def deliver(self, message: Message, channel: Channel, *, again: bool = False) -> Outcome:
        """Send it unless it was sent or perhaps sent. again: also when it was perhaps sent. JournalError; everything
        else that goes wrong is in the outcome and in the journal."""
        before = self.standing(message, channel.name)
        if before == "sent":
            return Outcome(message.audience, channel.name, "sent", already=True)
        if before == "perhaps" and not again:
            return Outcome(message.audience, channel.name, "perhaps", already=True, reason=self._why(message, channel))
        about = self._about(message, channel.name)
        self._write("message begun", {**about, "title": message.title, "text": message.text})
        try:
            reference, tries = send(channel, message, self.reference(message.incident, channel.name), self.patience)
        except (ChannelError, ConfigurationError) as error:
            return self._failed(message, channel, about, error)
        self._write("message sent", {**about, "reference": reference, "tries": tries})
        return Outcome(message.audience, channel.name, "sent", tries=tries)

    def _failed(self, message: Message, channel: Channel, about: dict[str, Any], error: Exception) -> Outcome:
        sure = getattr(error, "sure", True)
        reason = printable(getattr(error, "message", str(error)), 300)
        tries = self.patience.tries if getattr(error, "again", False) else 1
        self._write("message failed", {**about, "reason": reason, "sure": sure, "tries": tries})
        return Outcome(message.audience, channel.name, "failed" if sure else "perhaps", reason=reason, tries=tries)

    def reference(self, incident: str, channel: str) -> str:
        """What a channel returned for this incident last."""
        sent = [e.data for e in self.journal.events(kind="message sent") if e.data["incident"] == incident]
        return next((data["reference"] for data in reversed(sent) if data["channel"] == channel), "")

    def _why(self, message: Message, channel: Channel) -> str:
        last = self._events(message, channel.name)[-1]
        return str(last.data["reason"]) if last.kind == "message failed" else "it was interrupted while it was sent"

    def _events(self, message: Message, channel: str) -> list[Event]:
        """What the ledger has of this message, oldest first."""
        key = message.key_on(channel)
        found = [event for kind in KINDS for event in self.journal.events(kind=kind) if event.data["key"] == key]
        return sorted((event for event in found if self._counts(event, message)), key=lambda event: event.seq)

    def _counts(self, event: Event, message: Message) -> bool:
        """The same words said again much later are another update; everything else is said once an incident."""
        fresh = max(self.every * FRESH_SHARE, FRESH_SECONDS)
        mine = bool(self.run) and event.run == self.run
        return message.phase != "update" or mine or time.time() - event.at < fresh

    def _about(self, message: Message, channel: str) -> dict[str, Any]:
        return {
            "incident": message.incident,
            "environment": message.environment,
            "message": f"MSG-{secrets.token_hex(4)}",
            "key": message.key_on(channel),
            "phase": message.phase,
            "audience": message.audience,
            "channel": channel,
        }

    def _write(self, kind: str, data: dict[str, Any]) -> None:
        if self.record is None:
            self.journal.append(self.run, kind, data)
        else:
            self.record(kind, **data)


@contextlib.contextmanager
def one_at_a_time(journal: Journal, environment: str, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock under which messages about an environment are sent; wait for it. environment: label.
    LockHeldError when somebody else holds it for `seconds`."""
    locks = Locks(journal, "")
    deadline = time.monotonic() + seconds
    while True:
        try:
            locks.take([lock_name(environment)])
            break
        except LockHeldError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.2)
    try:
        yield
    finally:
        locks.release()


def lock_name(environment: str) -> str:
    """The name of that lock. Not the environment's own: people are told while it is being repaired."""
    return f"{environment} messages"
