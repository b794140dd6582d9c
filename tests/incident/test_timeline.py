"""The timeline."""

from __future__ import annotations

from runbook_lib.incident.timeline import LONGEST, timeline
from tests.incident.recorded import Record


def test_it_is_in_order_and_names_who() -> None:
    record = Record().declared(100).rolled_back(130).closed(200)
    lines = timeline(record.story)
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert (lines[0].who, lines[0].what) == ("ada", "declared SEV1: checkouts fail (led by ada)")
    assert ("ben", "approved plan dddddddddddd (command)") in [(line.who, line.what) for line in lines]
    assert lines[-1].what == "closed: verified"


def test_telling_people_shows_as_messages_only() -> None:
    record = Record().declared(100).opened(110, "c", "communicate").step(111, "c")
    about = {"incident": "INC-1", "message": "M", "audience": "team", "channel": "CHAT", "phase": "started"}
    record.add("message sent", 112, "c", reference="", tries=1, **about)
    record.add("closed", 113, "c", status="succeeded", reason="", seconds=1)
    assert [line.what for line in timeline(record.story)[1:]] == ["told team over CHAT: started"]


def test_a_long_one_is_cut_in_its_middle_and_says_so() -> None:
    record = Record().declared(100)
    for number in range(2000):
        record.add("noted", 101 + number, incident="INC-1", text=f"note {number}", by="ada")
    lines = timeline(record.story)
    assert len(lines) == LONGEST + 1
    assert lines[LONGEST // 2].what.startswith("(1601 more lines")
    assert lines[-1].what == "note: note 1999"
    assert len(timeline(record.story, None)) == 2001
