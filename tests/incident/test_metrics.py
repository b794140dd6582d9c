"""How long incidents took."""

from __future__ import annotations

from runbook_lib.incident.metrics import groups
from runbook_lib.incident.story import Story, told
from tests.incident.recorded import Record

DAY = 86_400.0
MONTH = 31 * DAY


def several() -> list[Story]:
    """Ten incidents, a day apart, the n-th verified n*10 s after it began; the last two are SEV3 in the next month."""
    record = Record()
    for number in range(1, 11):
        began = number * DAY if number <= 8 else MONTH + number * DAY
        name = f"INC-{number}"
        record.declared(began, name, severity="SEV1" if number <= 8 else "SEV3")
        record.verdict(began + number * 10, "PASS").closed(began + 1000, name)
    return told(record.events)


def test_median_and_p90_over_all_incidents() -> None:
    everything = groups(several())[0]
    figure = next(one for one in everything.figures if one.name == "verify")
    assert (everything.title, everything.incidents) == ("all", 10)
    assert (figure.count, figure.median, figure.p90, figure.mean) == (10, 55, 90, 55)


def test_by_severity_and_month() -> None:
    found = {group.title: group for group in groups(several())}
    assert list(found) == ["all", "SEV1", "SEV3", "1970-01", "1970-02"]
    assert (found["SEV1"].incidents, found["SEV3"].incidents) == (8, 2)
    assert next(one.median for one in found["SEV3"].figures if one.name == "verify") == 95


def test_what_did_not_happen_is_not_counted() -> None:
    open_one = told(Record().declared(100).events)
    assert [figure.name for figure in groups(open_one)[0].figures] == ["detect"]


def test_without_incidents_there_is_one_empty_group() -> None:
    (only,) = groups([])
    assert (only.incidents, only.figures) == (0, ())
