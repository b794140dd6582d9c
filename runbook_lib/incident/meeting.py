"""The review meeting as a calendar file (RFC 5545), to be opened or sent."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runbook_lib.command import printable
from runbook_lib.errors import ParameterError

OCTETS = 75
_NAMESPACE = uuid.UUID("9d1c1f0a-7a1e-4a55-9a0c-0f6f8f5b2f3e")
_ADDRESS = re.compile(r"^[^\s@<>,;:\"()\\]+@[^\s@<>,;:\"()\\]+$")


@dataclass(frozen=True)
class Meeting:
    """A meeting. at: with a time zone; attendees: mail addresses."""

    incident: str
    title: str
    at: datetime
    minutes: int = 60
    place: str = ""
    attendees: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f", {self.place}" if self.place else ""
        return f"{self.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {self.minutes} min{where}"

    def ics(self, now: datetime) -> str:
        """The calendar file, with the line ends that the standard asks for. now: for its DTSTAMP."""
        return "".join(f"{part}\r\n" for line in self._lines(now) for part in _folded(line))

    def _lines(self, now: datetime) -> Iterator[str]:
        # The same meeting has the same UID, so that a calendar updates it instead of adding another.
        yield from (
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//runbooks//review//EN",
            "METHOD:PUBLISH",
            "BEGIN:VEVENT",
        )
        yield f"UID:{uuid.uuid5(_NAMESPACE, self.incident)}"
        yield f"DTSTAMP:{_utc(now)}"
        yield f"DTSTART:{_utc(self.at)}"
        yield f"DTEND:{_utc(self.at + timedelta(minutes=self.minutes))}"
        yield f"SUMMARY:{_text(self.title)}"
        yield f"DESCRIPTION:{_text('We look at what happened and what we learn from it; nobody is blamed.')}"
        if self.place:
            yield f"LOCATION:{_text(self.place)}"
        yield from (f"ATTENDEE;ROLE=REQ-PARTICIPANT;RSVP=TRUE:mailto:{who}" for who in self.attendees)
        yield from ("END:VEVENT", "END:VCALENDAR")


def meeting(incident: str, title: str, at: str, minutes: int, place: str, attendees: Sequence[str]) -> Meeting:
    """A meeting from what a person gives. at: 2026-03-02T10:00, local time unless it names an offset. ParameterError
    for a time, length or address that is none."""
    try:
        when = datetime.fromisoformat(at.strip()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ParameterError(
            f"{printable(at, 60)!r} is no time for a meeting", next_step="write it as 2026-03-02T10:00"
        ) from error
    if not 5 <= minutes <= 24 * 60:
        raise ParameterError(f"a meeting of {minutes} minutes", next_step="it takes 5 minutes to a day")
    wrong = [who for who in attendees if not _ADDRESS.match(who)]
    if wrong:
        raise ParameterError(
            f"{printable(wrong[0], 60)!r} is no mail address", next_step="separate addresses by commas"
        )
    return Meeting(incident, title, when, minutes, place, tuple(attendees))


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    """A value of type TEXT (RFC 5545, 3.3.11)."""
    shown = "\n".join(printable(line, 500) for line in value.splitlines())
    return shown.replace("\\", "\\\\").replace(";", r"\;").replace(",", r"\,").replace("\n", r"\n")


def _folded(line: str) -> Iterator[str]:
    """Lines of at most 75 octets, continued with a space (3.1); no character is torn apart."""
    part, size = "", 0
    for character in line:
        width = len(character.encode())
        if size + width > OCTETS:
            yield part
            part, size = " ", 1
        part, size = part + character, size + width
    yield part
