"""The commands `runbook incident ...` and `runbook status-page`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from runbook_lib.cli import main
from runbook_lib.config import Loaded
from runbook_lib.run.journal import Journal
from tests.incident.conftest import SHOP, audience
from tests.incident.receivers import Answer, Receiver


@pytest.fixture
def runbook(configured: Callable[..., Loaded], journal: Journal) -> Callable[..., Result]:
    configured()
    return lambda *argv: CliRunner().invoke(main, list(argv))


@pytest.fixture
def as_json(runbook: Callable[..., Result]) -> Callable[..., Any]:
    def run(*argv: str) -> Any:
        done = runbook(*argv, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return run


def test_from_opening_to_closing(as_json: Callable[..., Any], runbook: Callable[..., Result]) -> None:
    one = as_json("incident", "open", "checkouts fail", "--severity", "SEV1", "--began", "2026-01-01T10:00")
    assert (one["environment"], one["severity"], one["told"]) == (SHOP, "SEV1", [])
    assert as_json("incident", "note", "cold cache", "--about", "rollback", "--step", "4")["step"] == "4"
    assert as_json("incident", "change", "--commander", "ben")["commander"] == "ben"
    status = as_json("incident", "status")
    assert (status["state"], status["notes"][0]["text"]) == ("major outage", "cold cache")
    assert as_json("incident", "close", "--reason", "verified")["left"] == []
    assert [found["open"] for found in as_json("incident", "list")] == [False]
    assert as_json("incident", "metrics")[0]["incidents"] == 1
    shown = runbook("incident", "status", "--incident", one["id"])
    assert "cold cache" in shown.stdout
    assert "closed" in shown.stdout


def test_follow_ups_are_agreed_on_and_done(as_json: Callable[..., Any]) -> None:
    one = as_json("incident", "open", "checkouts fail")
    made = as_json(
        "incident", "follow-up", "alert earlier", "--owner", "ben", "--due", "2026-04-01", "--incident", one["id"]
    )
    assert as_json("incident", "done", made["id"])["done"]
    assert [found["done"] for found in as_json("incident", "status")["follow_ups"]] == [True]


def test_a_follow_up_after_the_end_is_of_the_last_incident(as_json: Callable[..., Any]) -> None:
    one = as_json("incident", "open", "checkouts fail")
    as_json("incident", "close", "--reason", "verified")
    made = as_json("incident", "follow-up", "alert earlier", "--owner", "ben", "--due", "2026-04-01")
    assert made["incident"] == one["id"]


def test_joining_prints_what_a_shell_needs(as_json: Callable[..., Any], runbook: Callable[..., Result]) -> None:
    one = as_json("incident", "open", "checkouts fail")
    assert runbook("incident", "join", one["id"]).stdout == f"export RUNBOOK_INCIDENT={one['id']}\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("note", "x"), "no incident is open"),
        (("close", "--reason", "x"), "no incident is open"),
        (("status", "--incident", "INC-1"), "no incident 'INC-1'"),
        (("open", "x", "--severity", "high"), "no severity 'high'"),
        (("open", "x", "--environment", "nowhere"), "no environment 'nowhere'"),
        (("open", "x", "--began", "soon"), "'soon' is no time"),
        (("done", "FU-1"), "no follow-up 'FU-1'"),
        (("join", "\x1b[31m"), r"no incident '\\x1b[31m'"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_next_step(
    runbook: Callable[..., Result], journal: Journal, argv: tuple[str, ...], said: str
) -> None:
    done = runbook("incident", *argv)
    assert done.exit_code == 1
    assert said in done.stderr
    assert "Next:" in done.stderr
    assert "Traceback" not in done.output
    assert list(journal.events()) == []


def test_of_two_open_ones_both_are_named(as_json: Callable[..., Any], runbook: Callable[..., Result]) -> None:
    ids = [as_json("incident", "open", title)["id"] for title in ("one", "two")]
    done = runbook("incident", "note", "x")
    assert done.exit_code == 1
    assert all(name in done.stderr for name in ids)


def test_hostile_text_is_harmless_at_a_terminal(runbook: Callable[..., Result]) -> None:
    runbook("incident", "open", "\x1b[31mred\x07")
    runbook("incident", "note", "\x1b]0;title\x07 text")
    for argv in (("list",), ("status",)):
        shown = runbook("incident", *argv).stdout
        assert "\x1b" not in shown
        assert "\x07" not in shown
        assert "red" in shown


def test_an_empty_record_lists_nothing(runbook: Callable[..., Result]) -> None:
    assert "No incidents yet" in runbook("incident", "list").stdout
    assert "incidents: 0" in runbook("incident", "metrics").stdout


def test_opening_tells_people_where_that_is_automatic_and_says_what_failed(
    runbook: Callable[..., Result],
    configured: Callable[..., Loaded],
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receiver.answers.append(Answer(403))
    monkeypatch.setenv("CHAT", f"json://{receiver.address}/T0kenOfTheChat")
    configured(audience("team", "CHAT") + "[services.shop.communication]\nautomatic = true\n")
    done = runbook("incident", "open", "checkouts fail")
    assert done.exit_code == 0
    assert "team over CHAT: not sent: it answers 403" in done.stdout
    assert "status page over page: sent" in done.stdout
    assert "T0kenOfTheChat" not in done.output


def test_reminding_is_quiet_where_nothing_is_due(as_json: Callable[..., Any]) -> None:
    as_json("incident", "open", "checkouts fail")
    assert as_json("incident", "remind") == []


def test_the_status_page_is_written(as_json: Callable[..., Any], tmp_path: Path) -> None:
    one = as_json("incident", "open", "checkouts fail", "--severity", "SEV2")
    said = as_json("status-page", "--out", str(tmp_path / "page"))
    assert (said["state"], said["open"]) == ("partial outage", [one["id"]])
    assert "partial-outage" in (tmp_path / "page" / "index.html").read_text()
    as_json("incident", "close", "--reason", "verified")
    assert as_json("status-page", "--out", str(tmp_path / "page"))["state"] == "operational"


def test_without_any_configuration_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    done = CliRunner().invoke(main, ["incident", "open", "x"])
    assert done.exit_code == 1
    assert "runbook practice start" in done.stderr
