"""What a run leaves in its folder."""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser

import pytest

from runbook_lib.errors import StepFailedError, VerificationFailedError
from runbook_lib.run import evidence
from runbook_lib.run.journal import Event
from runbook_lib.run.plan import Verdict

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def folder(world):
    return world.journal.folder_of(world.journal.runs()[0].run)


def record(world):
    return json.loads((folder(world) / "run.json").read_text())


def page(world):
    return (folder(world) / "page.html").read_text()


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)


def test_the_record_tells_the_run_as_plain_data(world):
    world.procedure()
    about = record(world)
    assert about["status"] == "succeeded"
    assert about["actor"] == "ada"
    assert about["parameters"] == {"tag": "v1"}
    assert about["plan"]["digest"] == world.last("planned").data["digest"]
    assert [step["step"] for step in about["steps"]] == [
        "staging.files", "staging.link", "production.files", "production.link",
    ]  # fmt: skip
    assert [verdict["verdict"] for verdict in about["verdicts"]] == ["PASS"] * 3
    assert [event["kind"] for event in about["events"]] == world.kinds()


def test_the_record_of_a_failure_says_why_and_what_next(world):
    world.failing.add("staging.link")
    with pytest.raises(StepFailedError):
        world.procedure()
    assert "does not work here" in record(world)["reason"]
    assert "runbook show" in record(world)["next"]


def test_the_page_needs_nothing_else(world):
    world.procedure()
    assert not re.search(r"""(?:src|href)\s*=|@import|url\(""", page(world))
    assert "As it happened" in page(world)


def test_text_from_outside_stays_text_on_the_page(world):
    world.health["staging"] = Verdict("FAIL", (HOSTILE,), {HOSTILE: HOSTILE})
    with pytest.raises(VerificationFailedError):
        world.procedure()
    tags = Tags()
    tags.feed(page(world))
    assert not tags.seen & {"script", "img"}
    assert "&lt;script&gt;" in page(world)


def test_times_are_in_utc(world):
    world.procedure()
    assert record(world)["closed"].endswith("+00:00")


def test_bytes_that_are_no_text_are_kept_as_escapes(world):
    world.health["staging"] = Verdict("FAIL", (b"caf\xe9".decode("utf-8", "surrogateescape"),))
    with pytest.raises(VerificationFailedError):
        world.procedure()
    assert "caf\udce9" in record(world)["reason"]
    assert "caf" in page(world)


def test_a_reader_never_sees_half_a_file(world, monkeypatch):
    world.procedure()
    before = page(world)
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("power cut")))
    with pytest.raises(OSError, match="power cut"):
        evidence.write(world.journal, world.journal.runs()[0].run)
    assert page(world) == before


def test_a_folder_that_cannot_be_written_fails_no_run(world, monkeypatch):
    def no_room(*_):
        raise OSError("no room")

    monkeypatch.setattr(evidence, "_write", no_room)
    world.procedure()
    assert world.status == "succeeded"
    assert os.listdir(folder(world)) == []


def test_a_run_without_a_plan_has_a_page_too():
    opened = Event(1, "r1", 0.0, "opened", {"runbook": "rollback", "environment": "shop/production"})
    closed = Event(2, "r1", 1.0, "closed", {"status": "refused", "reason": "no such tag", "seconds": 1.0})
    assert "no such tag" in evidence.page([opened, closed])
