"""What a person sees of a run."""

from __future__ import annotations

import pytest

from runbook_lib.run import live
from runbook_lib.run.journal import Event
from runbook_lib.run.live import line, tell

STEP = {"section": "staging", "host": "web-1", "title": "current -> releases/v1", "seconds": 0.25, "remark": ""}
JUDGED = {"section": "staging", "what": "health", "verdict": "FAIL", "reasons": ["/up: 500", "/ready: 503"]}
SHOWN = {"host": "web-1", "title": "switch", "shows": ["ln -s a b"]}
SECTIONS = [
    {"name": "staging", "skipped": "", "steps": [SHOWN, SHOWN]},
    {"name": "production", "skipped": "it passed", "steps": []},
]
PLAN = {"digest": "d" * 64, "facts": {"title": "Roll back", "warnings": ["no backup"], "sections": SECTIONS}}
CAUSE = {
    "name": "bad-release",
    "title": "v2 is bad",
    "score": 0.9,
    "for": ["errors began with it"],
    "against": ["it was verified"],
    "command": "papermill rollback.ipynb -p tag v1",
}
LINES = {
    "opened": ({"runbook": "rollback", "environment": "shop/production"}, "rollback  shop/production  run r1"),
    "continued": ({"former": "ada@web", "left": "running"}, "continuing run r1, which ada@web left running"),
    "planned": (PLAN, "Roll back, 2 steps, plan " + "d" * 64),
    "looked": (
        {
            "environment": "shop/production",
            "impact": "30% of 20 requests failed",
            "hurt": True,
            "lines": ["since: 12:00"],
        },
        "shop/production: 30% of 20 requests failed",
    ),
    "diagnosed": ({"causes": [CAUSE], "unseen": ["redis: no table"]}, "1 likely cause, the likeliest first"),
    "carrying on": ({"command": "papermill rollback.ipynb"}, "carrying on with: papermill rollback.ipynb"),
    "incident declared": (
        {"incident": "INC-1", "severity": "SEV2", "title": "checkout fails", "commander": "ada"},
        "incident INC-1 SEV2 is declared: checkout fails (ada)",
    ),
    "approval asked": (
        {"wait": 600, "digest": "d" * 64, "policy": "confirm"},
        "waiting up to 600 s for approval of plan dddddddddddd (confirm): `runbook approve r1`",
    ),
    "approved": ({"by": "bob", "how": "command"}, "approved by bob (command)"),
    "lock taken over": ({"name": "shop/production", "holder": "ada@web"}, "from ada@web, which is gone"),
    "section started": ({"section": "staging", "title": "make it live", "seconds": 12}, "make it live, about 12 s"),
    "section skipped": ({"section": "staging", "why": "it passed"}, "staging: nothing to do, it passed"),
    "step finished": ({**STEP, "outcome": "done"}, "current -> releases/v1"),
    "verified": (JUDGED, "health: FAIL  /up: 500; /ready: 503"),
    "observed": ({**JUDGED, "what": "observation of 8 s"}, "observation of 8 s: FAIL"),
    "going back": ({"section": "staging", "reason": "500"}, "staging: going back, because 500"),
    "went back": ({"section": "staging", "remark": "v2 serves again"}, "staging: v2 serves again"),
    "observing": ({"section": "staging", "seconds": 60.0}, "observing staging for 60 s"),
    "sampled": ({"section": "staging", "text": "5 of 60 s"}, "5 of 60 s"),
    "put in force": (
        {"what": "maintenance mode", "environment": "shop/production", "undo": "papermill off"},
        "maintenance mode is in force in shop/production until: papermill off",
    ),
    "recommended": ({"steps": [["1", "stop writes", "papermill mitigate.ipynb"]]}, "what to do now"),
    "moments": ({"lines": ["from 2026-01-01 10:00:00 UTC on: backup b1"]}, "UTC on: backup b1"),
    "recovered": ({"when": "2026-01-01 10:00:00 UTC", "line": "3 logs"}, "2026-01-01 10:00:00 UTC: 3 logs"),
    "counted": ({"backup": "20260101", "note": "3 rows are newer"}, "since 20260101: 3 rows are newer"),
    "jobs counted": (
        {
            "problem": "",
            "counts": {"App\\Jobs\\Send": 3},
            "environment": "shop/production",
            "release": "v1",
            "decision": "aside",
        },
        "App\\Jobs\\Send 3; they are set aside",
    ),
    "lifted": ({"what": "maintenance mode", "environment": "shop/production"}, "is lifted in shop/production"),
    "marked": ({"release": {"tag": "v2"}, "mark": "bad", "reason": "500"}, "v2 is marked bad: 500"),
    "interrupted": ({"reason": "SIGTERM"}, "interrupted: SIGTERM"),
    "closed": ({"status": "failed", "seconds": 3, "reason": "500"}, "failed after 3.0 s: 500"),
}


@pytest.fixture
def printed(monkeypatch):
    lines = []
    monkeypatch.setattr(live, "echo", True)
    monkeypatch.setattr("builtins.print", lambda text, flush: lines.append(text))
    return lines


def event(kind, data):
    return Event(1, "r1", 0.0, kind, data)


@pytest.mark.parametrize(("kind", "data", "says"), [(kind, *what) for kind, what in LINES.items()], ids=LINES)
def test_an_event_has_a_line(kind, data, says):
    assert says in line(event(kind, data))


def test_every_line_is_tested():
    assert set(live._LINES) == set(LINES)


def test_a_diagnosis_is_shown_with_its_evidence_its_command_and_what_was_not_seen():
    text = line(event("diagnosed", {"causes": [CAUSE], "unseen": ["redis: no table"]}))
    for part in ("1. v2 is bad  (bad-release, 90%)", "+ errors began with it", "- it was verified",
                 "> papermill rollback.ipynb -p tag v1", "not looked at: redis: no table"):  # fmt: skip
        assert part in text


def test_a_plan_is_shown_with_its_steps_warnings_and_what_is_left_out():
    text = line(event("planned", PLAN))
    assert text.count("switch") == 2
    assert "! no backup" in text
    assert "nothing to do, it passed" in text


@pytest.mark.parametrize(("asked", "dry_run", "shown"), [(True, False, 2), (False, True, 2), (False, False, 0)])
def test_a_plan_is_shown_with_its_commands_when_asked_and_in_a_dry_run(asked, dry_run, shown):
    text = line(event("planned", {**PLAN, "dry_run": dry_run}), commands=asked)
    assert text.count("$ ln -s a b") == shown


def test_a_dry_run_is_called_one():
    data = {"runbook": "rollback", "environment": "e", "dry_run": True}
    assert "nothing will be changed" in line(event("opened", data))


@pytest.mark.parametrize("kind", ["step started", "section finished", "something new"])
def test_what_nobody_waits_for_has_no_line(kind):
    assert line(event(kind, {})) is None


def test_text_from_outside_comes_out_printable_and_short():
    text = line(event("interrupted", {"reason": "\x1b[2J\u202e\r\n" + "x" * 5000}))
    assert text.isprintable()
    assert len(text) < 500


def test_colour_is_for_terminals_alone():
    failed = event("closed", {"status": "failed", "seconds": 1})
    assert "\x1b[31m" in line(failed, colour=True)
    assert "\x1b" not in line(failed)


def test_every_listener_hears_of_an_event_and_its_line_is_printed(printed):
    heard = []
    live.listeners.append(heard.append)
    told = event("interrupted", {"reason": "SIGTERM"})
    tell(told)
    assert heard == [told]
    assert printed == [line(told)]


def test_a_listener_that_fails_is_dropped_and_the_others_are_not(printed):
    heard = []
    live.listeners.extend([lambda event: 1 / 0, heard.append])
    tell(event("opened", LINES["opened"][0]))
    tell(event("opened", LINES["opened"][0]))
    assert len(heard) == 2
    assert live.listeners == [heard.append] or len(live.listeners) == 1


def test_nothing_is_printed_where_somebody_else_prints(printed, monkeypatch):
    monkeypatch.setattr(live, "echo", False)
    tell(event("interrupted", {"reason": "x"}))
    assert printed == []
