"""The calendar file, read by a library that knows the standard."""

from __future__ import annotations

from datetime import UTC, datetime

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import ParameterError
from runbook_lib.incident.meeting import OCTETS, Meeting, meeting

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def made(title: str = "Review of INC-1", at: str = "2026-03-02T10:00+02:00", **more: object) -> Meeting:
    given = {"minutes": 45, "place": "room 1", "attendees": ["ada@shop.example"], **more}
    return meeting("INC-1", title, at, **given)  # type: ignore[arg-type]


def event(one: Meeting) -> icalendar.Event:
    (found,) = icalendar.Calendar.from_ical(one.ics(NOW)).walk("VEVENT")
    return found  # type: ignore[no-any-return]


def test_it_says_when_where_what_and_who() -> None:
    found = event(made())
    assert found.decoded("DTSTART") == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert found.decoded("DTEND") == datetime(2026, 3, 2, 8, 45, tzinfo=UTC)
    assert found.decoded("DTSTAMP") == NOW
    assert str(found["SUMMARY"]) == "Review of INC-1"
    assert str(found["LOCATION"]) == "room 1"
    assert str(found["ATTENDEE"]) == "mailto:ada@shop.example"


def test_the_same_meeting_at_another_time_is_the_same_to_a_calendar() -> None:
    assert event(made())["UID"] == event(made(at="2026-03-09T10:00"))["UID"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=300))
def test_any_title_comes_back_and_no_line_is_too_long(title: str) -> None:
    text = made(title).ics(NOW)
    assert all(len(line.encode()) <= OCTETS for line in text.split("\r\n"))
    assert "\n" not in text.replace("\r\n", "")


@pytest.mark.parametrize("title", [r"a;b,c\d", "ü" * 120, "x\r\nATTENDEE:mailto:evil@example", "", '"quoted"'])
def test_a_title_stays_text(title: str) -> None:
    found = event(made(title))
    assert "evil@example" not in str(found["ATTENDEE"])
    assert len([name for name in found if name == "ATTENDEE"]) == 1
    if "\n" not in title:
        assert str(found["SUMMARY"]) == title


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"at": "tomorrow"}, "no time for a meeting"),
        ({"at": "2026-02-30T10:00"}, "no time for a meeting"),
        ({"minutes": 0}, "0 minutes"),
        ({"minutes": 100_000}, "minutes"),
        ({"attendees": ["ada"]}, "no mail address"),
        ({"attendees": ["a@b\r\nX:y"]}, "no mail address"),
    ],
)
def test_what_is_no_meeting_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        made(**wrong)  # type: ignore[arg-type]
