"""Faults that are brought about on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib import practice
from runbook_lib.errors import LockHeldError, PracticeError
from runbook_lib.practice import deployment
from runbook_lib.practice.faults import FAULTS, fault
from runbook_lib.practice.ground import Ground


def test_unknown_fault_names_those_there_are(project: Path) -> None:
    with pytest.raises(PracticeError, match="no fault 'dwn'") as caught:
        practice.break_("dwn", project)
    assert caught.value.next_step == "did you mean down? there are bad-release, down, hang"
    assert not (project / ".runbooks").exists()


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_says_what_it_does(name: str) -> None:
    assert fault(name).__doc__


@pytest.mark.slow
def test_bad_release_goes_live_again_in_both(project: Path) -> None:
    practice.start(project)
    ground = Ground.of(project)
    for target in deployment.targets(ground):
        deployment.deploy(target, "v1.4.2", deployment.new_run())
    assert {at.health for at in practice.status(project).environments.values()} == {"healthy"}
    practice.break_("bad-release", project)
    found = practice.status(project).environments.values()
    assert {(at.serves, at.health) for at in found} == {("v1.5.0", "failing")}


@pytest.mark.slow
def test_down_kills_production_alone_and_start_repairs(project: Path) -> None:
    practice.break_("down", project)
    found = practice.status(project)
    assert found.state == "degraded"
    assert {name: at.health for name, at in found.environments.items()} == {
        "staging": "failing",
        "production": "down",
    }
    practice.start(project)
    assert practice.status(project).state == "running"


@pytest.mark.slow
def test_hang_stops_answers_and_start_repairs(project: Path) -> None:
    practice.break_("hang", project)
    assert practice.status(project).environments["production"].health == "down"
    practice.start(project)
    assert practice.status(project).state == "running"


@pytest.mark.slow
def test_bad_release_is_refused_while_a_run_is_at_work(running: Path) -> None:
    with deployment.locked(Ground.of(running), "rollback-1"), pytest.raises(LockHeldError):
        practice.break_("bad-release", running)
