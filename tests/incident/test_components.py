"""The states of components, at each moment of a record."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runbook_lib.config import Loaded
from runbook_lib.incident.components import State, changes, components, state_of
from tests.incident.recorded import SHOP, Record


def state(record: Record, environment: str = SHOP) -> State:
    return state_of(changes(record.events), environment)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("SEV1", "major outage"), ("SEV2", "partial outage"), ("SEV3", "degraded"), ("SEV4", "operational")],
)
def test_an_open_incident_gives_the_state_of_its_severity(severity: str, expected: State) -> None:
    assert state(Record().declared(1, severity=severity)) == expected


def test_nothing_in_the_record_is_operational() -> None:
    assert state(Record()) == "operational"


def test_another_environment_is_not_concerned() -> None:
    assert state(Record().declared(1), "shop/staging") == "operational"


def test_a_verified_pass_returns_it_to_operational_by_itself() -> None:
    assert state(Record().declared(1).verdict(2, "PASS")) == "operational"


@pytest.mark.parametrize("result", ["FAIL", "INCONCLUSIVE"])
def test_no_other_verdict_does(result: str) -> None:
    assert state(Record().declared(1).verdict(2, result)) == "major outage"


def test_health_right_after_a_switch_does_not_yet() -> None:
    assert state(Record().declared(1).verdict(2, "PASS", kind="verified")) == "major outage"


def test_a_pass_of_staging_does_not() -> None:
    assert state(Record().declared(1).verdict(2, "PASS", where="shop/staging")) == "major outage"


def test_a_failure_after_the_pass_brings_it_back_while_the_incident_is_open() -> None:
    record = Record().declared(1).verdict(2, "PASS").verdict(3, "FAIL")
    assert state(record) == "major outage"
    assert state(record.closed(4)) == "operational"


def test_a_failure_without_an_incident_shows_nothing() -> None:
    assert state(Record().verdict(3, "FAIL")) == "operational"


def test_a_changed_severity_changes_it() -> None:
    record = Record().declared(1).add("incident changed", 2, incident="INC-1", severity="SEV3", commander="ada")
    assert state(record) == "degraded"


def test_a_changed_severity_after_the_pass_does_not_bring_it_back() -> None:
    record = Record().declared(1).verdict(2, "PASS")
    assert state(record.add("incident changed", 3, incident="INC-1", severity="SEV2", commander="ada")) == "operational"


def test_the_worst_of_two_incidents_counts() -> None:
    record = Record().declared(1, severity="SEV3").declared(2, "INC-2", severity="SEV2")
    assert state(record) == "partial outage"
    assert state(record.closed(3, "INC-2")) == "degraded"


def test_maintenance_mode_in_force_is_maintenance_until_it_is_lifted() -> None:
    record = Record().add("put in force", 1, what="maintenance mode", environment=SHOP, undo="x")
    assert state(record) == "maintenance"
    assert state(record.add("lifted", 2, what="maintenance mode", environment=SHOP)) == "operational"


def test_another_mitigation_in_force_is_no_maintenance() -> None:
    assert state(Record().add("put in force", 1, what="rate limit", environment=SHOP, undo="x")) == "operational"


def test_an_outage_is_worse_than_maintenance() -> None:
    record = Record().add("put in force", 1, what="maintenance mode", environment=SHOP, undo="x").declared(2)
    assert state(record) == "major outage"


def test_every_change_has_its_time() -> None:
    found = changes(Record().declared(10).verdict(20, "PASS").verdict(30, "PASS").closed(40).events)
    assert [(change.at, change.state) for change in found[SHOP]] == [(10, "major outage"), (20, "operational")]


def test_without_a_table_every_environment_that_is_nobodys_staging_is_a_line(
    configured: Callable[..., Loaded],
) -> None:
    staging = '[services.shop.environments.staging]\nplatform = "git"\nurl = "http://x"\n'
    staging += '[services.shop.environments.staging.git]\npath = "staging"\n'
    loaded = configured(staging)
    assert [one.environment for one in components(loaded)] == ["shop/production", "shop/staging"]
