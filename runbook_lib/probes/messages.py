"""What the logs say, grouped by message over time: since when each occurs, and how often before."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from runbook_lib.platforms.base import LogLine
from runbook_lib.probes.logs import is_error, message_of

# A message began anew when it was silent for so many times its usual pause, within these bounds in seconds.
PAUSES = 20
SILENCE = (20.0, 600.0)
# In a silence during which another release went live, it is enough that it was so many times the usual pause.
PAUSES_AT_A_SWITCH = 4
USUAL = 200
# Messages that are told apart; text from outside could have any number.
MOST = 500
TIMES = 20_000
_SLOW = re.compile(r"(?i)\bslow (sql |database )?(query|queries|statement)")
# No errors by their level: processes of PHP-FPM that are too few, or were ended.
_TELLING = ("max_children setting", "seems busy (you may need", "exited on signal", "oom-kill", "Killed process")
_SUSPICIOUS = re.compile(
    r"(?i)\b(leaked|stolen|revoked|unknown|foreign|invalid|unauthori[sz]ed|suspicious)\b.{0,40}"
    r"\b(api[ _-]?key|key|token|signature|credential|secret)s?\b"
)


@dataclass
class HostLog:
    """What one host's log says. lines: how many were read; reaches: Unix time of the oldest, None without times;
    times: of each error message, when it occurred, by that host's clock; suspicious: the same for what looks like
    misused keys; samples: one whole line of each."""

    lines: int = 0
    reaches: float | None = None
    times: dict[str, list[float]] = field(default_factory=dict)
    suspicious: dict[str, list[float]] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)


def host_log(lines: Iterable[LogLine], now: float) -> HostLog:
    """Read the lines of one host. now: Unix time; lines that claim to be of the future are of now."""
    found = HostLog()
    for line in lines:
        found.lines += 1
        at = None if line.at is None else min(line.at, now + 300)
        if at is not None:
            found.reaches = at if found.reaches is None else min(found.reaches, at)
        for chosen, into in ((_is_of_interest(line.text), found.times), (_is_suspicious(line.text), found.suspicious)):
            if chosen and at is not None:
                _note(found, into, line.text, at)
    return found


def _is_of_interest(text: str) -> bool:
    """Errors, and warnings that tell of a cause."""
    beginning = text[:500]
    return is_error(text) or any(words in beginning for words in _TELLING) or _SLOW.search(beginning) is not None


def _is_suspicious(text: str) -> bool:
    return _SUSPICIOUS.search(text[:500]) is not None


def _note(found: HostLog, into: dict[str, list[float]], text: str, at: float) -> None:
    message = message_of(text)
    if message not in into and len(into) >= MOST:
        return
    times = into.setdefault(message, [])
    if len(times) < TIMES:
        times.append(at)
    found.samples.setdefault(message, text[:400])


@dataclass(frozen=True)
class Message:
    """One error message on all hosts. first, last: Unix times by this machine's clock; began: of the present burst, in
    which it was never silent for unusually long; count: within the burst; before: earlier ones; reaches: how far back
    the logs go."""

    text: str
    first: float
    last: float
    began: float
    count: int
    before: int
    hosts: tuple[str, ...]
    reaches: float
    sample: str = ""

    @property
    def is_new(self) -> bool:
        """Whether the logs go back far enough to say that it did not occur before."""
        return self.before == 0 and self.began - self.reaches > 1.0

    @property
    def per_minute(self) -> float:
        """How often it occurs in the present burst."""
        return self.count / max(1.0, (self.last - self.began) / 60)

    def __str__(self) -> str:
        return self.text


def messages(
    logs: Mapping[str, HostLog],
    skew: Mapping[str, float],
    *,
    suspicious: bool = False,
    switched: Collection[float] = (),
) -> list[Message]:
    """The messages of all hosts, the most frequent first. skew: seconds by which a host's clock is ahead; switched:
    Unix times at which the releases that are live went live."""
    times: dict[str, list[tuple[float, str]]] = {}
    for host, log in logs.items():
        for text, moments in (log.suspicious if suspicious else log.times).items():
            times.setdefault(text, []).extend((moment - skew.get(host, 0.0), host) for moment in moments)
    oldest = [log.reaches - skew.get(host, 0.0) for host, log in logs.items() if log.reaches is not None]
    reaches = max(oldest) if oldest else 0.0
    samples = {text: sample for log in logs.values() for text, sample in log.samples.items()}
    found = [_message(text, sorted(pairs), reaches, samples.get(text, ""), switched) for text, pairs in times.items()]
    return sorted(found, key=lambda message: (-message.last // SILENCE[0], -message.count))


def _message(
    text: str, pairs: list[tuple[float, str]], reaches: float, sample: str, switched: Collection[float]
) -> Message:
    moments = [moment for moment, _ in pairs]
    first_of_burst = len(moments) - 1
    pauses = sorted(later - earlier for earlier, later in pairwise(moments[-USUAL:]))
    while first_of_burst and not _anew(moments[first_of_burst - 1], moments[first_of_burst], pauses, switched):
        first_of_burst -= 1
    return Message(
        text,
        moments[0],
        moments[-1],
        moments[first_of_burst],
        len(moments) - first_of_burst,
        first_of_burst,
        tuple(sorted({host for _, host in pairs[first_of_burst:]})),
        reaches,
        sample,
    )


def _anew(earlier: float, later: float, pauses: list[float], switched: Collection[float]) -> bool:
    """Whether a message that came back after a silence began anew. pauses: between its occurrences, sorted."""
    silence = later - earlier
    if silence > min(max(PAUSES * _middle(pauses), SILENCE[0]), SILENCE[1]):
        return True
    if not any(earlier < moment <= later + 1 for moment in switched):
        return False
    others = [pause for pause in pauses if pause != silence]
    return silence > max(PAUSES_AT_A_SWITCH * _middle(others), SILENCE[0])


def _middle(pauses: list[float]) -> float:
    return pauses[len(pauses) // 2] if pauses else 0.0
