"""What the status page says at each moment."""

from __future__ import annotations

from typing import Any

from runbook_lib.config import Component
from runbook_lib.publishing.status import DAY, Status, status
from tests.incident.recorded import SHOP, Record

SHOP_LINE = Component(name="Online shop", environment=SHOP)
NOW = 100 * DAY


def page(record: Record, now: float = NOW) -> Status:
    return status(record.events, [SHOP_LINE], title="Status", url="https://status.example", days=90, now=now)


def told(record: Record, at: float, phase: str, text: str, title: str = "", **more: Any) -> Record:
    message = f"MSG-{at}"
    about = {"incident": "INC-1", "message": message, "audience": "status page", "channel": "page", "phase": phase}
    record.add("message begun", at, title=title or f"Shop: {phase}", text=text, **{**about, **more})
    return record.add("message sent", at, reference="", tries=1, **{**about, **more})


def test_a_quiet_record_is_operational() -> None:
    found = page(Record())
    assert (found.state, found.incidents, found.components[0].share) == ("operational", (), 1.0)
    assert len(found.components[0].days) == 90


def test_each_moment_has_its_state() -> None:
    begin = NOW - 3600
    record = Record().declared(begin).rolled_back(begin + 60).closed(begin + 600)
    at = {second: page(record, begin + second).state for second in (-1, 1, 64, 68, 70, 700)}
    assert at == {
        -1: "operational", 1: "major outage", 64: "major outage", 68: "major outage", 70: "operational",
        700: "operational",
    }  # fmt: skip


def test_what_was_declared_for_a_drill_is_no_incident() -> None:
    record = Record().declared(NOW - 100, drill="communicate")
    assert (page(record).state, page(record).incidents) == ("operational", ())


def test_an_incident_is_over_when_it_is_verified() -> None:
    record = told(Record().declared(NOW - 100), NOW - 90, "started", "x").verdict(NOW - 50, "PASS")
    assert page(record, NOW - 60).open
    assert page(record).incidents[0].over == NOW - 50


def test_an_incident_that_comes_back_is_open_again() -> None:
    record = Record().declared(NOW - 100).verdict(NOW - 50, "PASS").verdict(NOW - 40, "FAIL")
    assert page(record).open


def test_updates_are_what_was_told_to_the_page_only() -> None:
    record = told(Record().declared(NOW - 100), NOW - 90, "started", "for everybody")
    told(record, NOW - 80, "started", "for the team", audience="team", channel="CHAT")
    record.add("noted", NOW - 70, incident="INC-1", text="internal", by="ada")
    (one,) = page(record).incidents
    assert [(update.phase, update.text) for update in one.updates] == [("started", "for everybody")]
    assert one.title == "Shop: started"


def test_without_an_update_the_title_says_no_more_than_the_state() -> None:
    (one,) = page(Record().declared(NOW - 100, title="secret project leaks")).incidents
    assert one.title == "Online shop: major outage"


def test_what_nobody_noticed_is_not_on_the_page() -> None:
    assert page(Record().declared(NOW - 100, severity="SEV4")).incidents == ()


def test_other_environments_are_not_on_the_page() -> None:
    assert page(Record().declared(NOW - 100, environment="shop/staging")).incidents == ()


def test_incidents_come_newest_first_and_old_ones_leave() -> None:
    record = Record().declared(NOW - 95 * DAY).closed(NOW - 94 * DAY)
    for number, days in ((2, 20), (3, 10)):
        record.declared(NOW - days * DAY, f"INC-{number}").closed(NOW - days * DAY + 60, f"INC-{number}")
    assert [one.id for one in page(record).incidents] == ["INC-3", "INC-2"]


def test_the_share_of_time_and_the_days_know_the_outage() -> None:
    record = Record().declared(NOW - 9 * DAY).closed(NOW - 8.1 * DAY)
    line = page(record).components[0]
    assert round(line.share, 4) == 0.99
    assert [state for _, state in line.days].count("major outage") == 1


def test_maintenance_counts_as_working() -> None:
    record = Record().add("put in force", NOW - DAY, what="maintenance mode", environment=SHOP, undo="x")
    found = page(record)
    assert (found.state, found.components[0].share) == ("maintenance", 1.0)
