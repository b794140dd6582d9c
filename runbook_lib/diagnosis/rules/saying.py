"""How evidence is put into words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from runbook_lib.diagnosis.facts import Facts
from runbook_lib.probes.logs import example_of
from runbook_lib.probes.messages import Message


def clock(moment: float) -> str:
    """A Unix time for a reader."""
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S UTC")


def lasting(seconds: float) -> str:
    """A length of time for a reader."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def hurting(facts: Facts) -> list[str]:
    """The impact as evidence; nothing where there is none."""
    return [facts.impact.words] if facts.impact.hurt else []


def said(message: Message) -> str:
    """A message as evidence; where a part of it differs each time, one that was logged."""
    times = f"{message.count} x since {clock(message.began)}"
    varies = "…" in message.text and message.sample
    return f"{times}, such as {example_of(message.sample)}" if varies else f"{times}: {message.text}"


def matching(facts: Facts, pattern: str) -> list[Message]:
    """The present messages that match."""
    wanted = re.compile(pattern, re.IGNORECASE)
    return [message for message in facts.current if wanted.search(f"{message.sample} {message.text}")]


# Below that share of the present messages, what some of them say is likely beside the point.
FEW = 0.1


def share(facts: Facts, told: Iterable[Message]) -> float:
    """How much of what is logged now some messages are, 0 to 1."""
    return sum(m.count for m in told) / max(1, sum(m.count for m in facts.current))


def is_backed_up(facts: Facts) -> bool:
    """Whether more jobs wait, or for longer, than the configuration allows."""
    limits, last = facts.queue_limits, facts.queues[-1] if facts.queues else None
    return bool(limits and last) and (last.waiting > limits.max_waiting or last.oldest_age > limits.max_age)  # type: ignore[union-attr]


def texts(messages: Iterable[Message]) -> frozenset[str]:
    """The messages that a cause accounts for."""
    return frozenset(message.text for message in messages)


def capped(score: float) -> float:
    return max(0.0, min(0.99, score))
