"""Post-mortems: complete in their facts, never overwritten, and text stays text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import markdown
import pytest
import yaml  # type: ignore[import-untyped]

from runbook_lib.errors import IncidentError
from runbook_lib.incident.follow_ups import FollowUp
from runbook_lib.incident.postmortem import MOMENTS, TO_COMPLETE, file_name, text, write
from runbook_lib.run.in_force import InForce
from tests.incident.recorded import SHOP, Record

HOSTILE = '<script>alert(1)</script> | ](javascript:x) `rm -rf` \x1b[31m\n---\n# heading "quoted"'


def whole() -> Record:
    record = Record().verdict(110, "FAIL").declared(120, began=100)
    record.add("noted", 125, incident="INC-1", text="the cache was cold", by="ben")
    about = {"incident": "INC-1", "message": "MSG-1", "audience": "team", "channel": "CHAT", "phase": "started"}
    record.add("message begun", 126, title="Checkouts fail", text="x", **about)
    record.add("message sent", 127, reference="", tries=1, **about)
    return record.rolled_back(130).closed(200)


def test_the_usual_sections_are_there() -> None:
    headings = re.findall("(?m)^## (.+)$", text(whole().story, (), ()))
    assert headings == [
        "Summary", "Impact", "Timeline", "What was done", "What changed", "Messages", "Still in force", "Notes",
        "Contributing causes", "What went well", "What was difficult", "Where we were lucky", "Follow-ups",
    ]  # fmt: skip


def test_the_facts_are_there() -> None:
    follow_up = FollowUp("FU-1", "INC-1", "alert earlier", "ben", "2026-04-01")
    mitigation = InForce("rate limit", SHOP, 140.0, "run-1", "papermill mitigate.ipynb")
    found = text(whole().story, [follow_up], [mitigation])
    for fact in (
        "the cache was cold", "told team over CHAT", "do production.link",
        "30 of 100 requests watched before the mitigation failed",
        "alert earlier", "rate limit is in force", "Roll back shop/production", "approved plan dddddddddddd",
    ):  # fmt: skip
        assert fact in found
    assert found.count(TO_COMPLETE) == 6


def test_the_front_matter_says_when() -> None:
    front = yaml.safe_load(text(whole().story, (), ()).split("---")[1])
    assert front["incident"] == "INC-1"
    assert {name: front[name] for name in MOMENTS}["verified"] == "1970-01-01T00:02:19.000+00:00"
    assert front["seconds"] == {"detect": 10, "decide": 21, "mitigate": 34, "verify": 39, "close": 80}


def test_an_empty_incident_has_a_post_mortem_that_says_what_is_not_known() -> None:
    found = text(Record().declared(120).story, (), ())
    for said in ("not in the record", "It is not over yet", "No runbook was run", "Nobody was told", "No notes"):
        assert said in found


def test_hostile_text_stays_text() -> None:
    record = Record().declared(120, title=HOSTILE, commander=HOSTILE)
    record.add("noted", 121, incident="INC-1", text=HOSTILE, by=HOSTILE).opened(130, "r", parameters={"tag": HOSTILE})
    record.step(131, "r", title=HOSTILE, outcome="failed")
    record.add("closed", 140, "r", status="failed", reason=HOSTILE, seconds=1)
    record.verdict(150, "FAIL", reasons=[f"1 new error message in the logs: {HOSTILE}"])
    follow_up = FollowUp("FU-1", "INC-1", HOSTILE, HOSTILE, "2026-04-01")
    found = text(record.story, [follow_up], [InForce(HOSTILE, SHOP, 1.0, "r", HOSTILE)])
    _, front, body = found.split("---\n", 2)
    assert yaml.safe_load(front)["title"] == HOSTILE
    html = markdown.markdown(body, extensions=["tables"])
    assert "<script" not in html
    assert "javascript:" not in "".join(re.findall('href="([^"]*)"', html))
    assert "\x1b" not in found
    assert "<h1>heading" not in html
    assert "<code>rm" not in html


def test_it_is_written_where_there_is_none(tmp_path: Path) -> None:
    story = whole().story
    file = write(tmp_path / "docs", story, "facts")
    assert file.name == file_name(story) == "1970-01-01-INC-1.md"
    assert file.read_text() == "facts"


def test_one_that_was_edited_by_hand_stays_as_it_is(tmp_path: Path) -> None:
    story = whole().story
    file = write(tmp_path, story, "facts")
    file.write_text("facts, and what I think")
    with pytest.raises(IncidentError, match="stays as it is"):
        write(tmp_path, story, "facts")
    assert file.read_text() == "facts, and what I think"


def test_another_is_written_beside_it_when_somebody_asks(tmp_path: Path) -> None:
    story = whole().story
    first = write(tmp_path, story, "by hand")
    names = [write(tmp_path, story, "new", beside=True).name for _ in range(2)]
    assert names == ["1970-01-01-INC-1.2.md", "1970-01-01-INC-1.3.md"]
    assert first.read_text() == "by hand"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "docs").write_text("a file")
    with pytest.raises(IncidentError, match="docs"):
        write(tmp_path / "docs", whole().story, "x")


def test_the_same_record_gives_the_same_text() -> None:
    assert text(whole().story, (), ()) == text(whole().story, (), ())
    assert json.dumps(MOMENTS)
