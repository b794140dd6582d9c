"""The impact in numbers."""

from __future__ import annotations

import pytest

from runbook_lib.incident.impact import impact
from tests.incident.recorded import SHOP, Record


def test_what_was_seen_before_the_mitigation_counts() -> None:
    record = Record().verdict(110, "FAIL").declared(120, began=100).verdict(125, "FAIL").rolled_back(130)
    found = impact(record.story)
    assert (found.seconds, found.failed_requests, found.seen_requests) == (34, 60, 200)
    assert (found.worst_error_rate, found.worst_p95_ms) == (0.3, 900)
    assert len(found.charts()) == 3


def test_an_incident_that_goes_on_has_no_length() -> None:
    assert impact(Record().declared(120).story).seconds is None


def test_what_a_triage_measured_counts_too() -> None:
    numbers = {"hurt": True, "requests": 23, "errors": 6, "p95_ms": 381.0}
    record = Record().declared(120, began=100).add("looked", 125, "run-0", environment=SHOP, **numbers)
    found = impact(record.rolled_back(130).story)
    assert (found.failed_requests, found.seen_requests, found.worst_p95_ms) == (6, 23, 381)
    assert found.worst_error_rate == pytest.approx(6 / 23)
    assert [(look.verdict, look.bad) for look in found.looks] == [("looked", True), ("PASS", False)]


def test_without_an_observation_it_is_said_not_to_be_known() -> None:
    found = impact(Record().declared(120).rolled_back(130).story)
    assert "not known" in found.lines()[0]
    assert found.worst_error_rate is None


def test_an_empty_incident_has_no_chart() -> None:
    assert impact(Record().declared(120).story).charts() == []
