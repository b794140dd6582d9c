"""Delivering messages: each written down before it is sent and after, and none sent twice.

The ledger is the journal: `message begun`, then `message sent` or `message failed`. One that was begun and has no end
was perhaps sent; it is not sent again unless somebody asks.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from runbook_lib.errors import LockHeldError
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
            tried = f" after {self.tries} tries" if self.tries > 1 else ""
            return f"{where}: not sent{tried}: {self.reason}"
        tries = f" at try {self.tries}" if self.tries > 1 else ""
        return f"{where}: {'was sent before' if self.already else f'sent{tries}'}"


@dataclass(frozen=True)
class Post:
    """Delivers for one run, or for none. journal: the ledger; every: seconds between two updates as promised, 0 for
    none."""

    journal: Journal
    run: str = ""
    every: float = 0.0
    patience: Patience = field(default_factory=Patience)

    def standing(self, message: Message, channel: str) -> Standing:
        """Where this very message stands on a channel."""
        return self.outcome(message, channel).standing

    def outcome(self, message: Message, channel: str) -> Outcome:
        """What the ledger has of this message on a channel."""
        events = self._events(message, channel)
        if not events:
            return Outcome(message.audience, channel, "new", reason="it was not begun")
        last = events[-1]
        if last.kind == "message begun":
            reason = "it was interrupted while it was sent"
            return Outcome(message.audience, channel, "perhaps", already=True, reason=reason)
        if last.kind == "message sent":
            return Outcome(message.audience, channel, "sent", already=True, tries=last.data["tries"])
        standing: Standing = "failed" if last.data["sure"] else "perhaps"
        data = last.data
        return Outcome(message.audience, channel, standing, already=True, reason=data["reason"], tries=data["tries"])

    def deliver(self, message: Message, channel: Channel, *, again: bool = False) -> Outcome:
        """Send it unless it was sent or perhaps sent. again: also when it was perhaps sent. JournalError; everything
        else that goes wrong is in the outcome and in the journal."""
        before = self.outcome(message, channel.name)
        if before.standing == "sent" or (before.standing == "perhaps" and not again):
            return before
        about = self._about(message, channel.name)
        self._write("message begun", {**about, "title": message.title, "text": message.text})
        try:
            reference, tries = send(channel, message, self.reference(message.incident, channel.name), self.patience)
        except ChannelError as error:
            return self._failed(message, channel, about, error)
        self._write("message sent", {**about, "reference": reference, "tries": tries})
        return Outcome(message.audience, channel.name, "sent", tries=tries)

    def _failed(self, message: Message, channel: Channel, about: dict[str, Any], error: ChannelError) -> Outcome:
        self._write("message failed", {**about, "reason": error.message, "sure": error.sure, "tries": error.tries})
        standing: Standing = "failed" if error.sure else "perhaps"
        return Outcome(message.audience, channel.name, standing, reason=error.message, tries=error.tries)

    def reference(self, incident: str, channel: str) -> str:
        """What a channel returned for this incident last."""
        sent = [e.data for e in self.journal.events(kind="message sent") if e.data["incident"] == incident]
        return next((data["reference"] for data in reversed(sent) if data["channel"] == channel), "")

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
        self.journal.append(self.run, kind, data)


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
