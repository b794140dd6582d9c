"""Faults that are brought about on purpose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runbook_lib import practice
from runbook_lib.errors import LockHeldError, PracticeError
from runbook_lib.laravel.sql import rows_of, sql_command
from runbook_lib.migrations import assess, brought, files_at
from runbook_lib.migrations.rules import Verdict
from runbook_lib.platforms import platform_of
from runbook_lib.practice import deployment, repository
from runbook_lib.practice.faults import FAULTS, fault
from runbook_lib.practice.ground import Ground


def test_unknown_fault_names_those_there_are(project: Path) -> None:
    with pytest.raises(PracticeError, match="no fault 'dwn'") as caught:
        practice.break_("dwn", project)
    assert caught.value.next_step == "did you mean down? there are " + ", ".join(FAULTS)
    assert not (project / ".runbooks").exists()


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_says_what_it_does(name: str) -> None:
    assert fault(name).help


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
def test_a_release_that_is_deployed_again_is_live_since_the_first_time(project: Path) -> None:
    """Else what went wrong with it would have begun before it."""
    practice.start(project)
    production = deployment.targets(Ground.of(project))[1]
    os.utime(Ground.of(project).site("production").current, (1_700_000_000,) * 2, follow_symlinks=False)
    practice.break_("bad-release", project)
    assert platform_of(production).switched("local") == 1_700_000_000


def column_of_names(project: Path) -> list[str]:
    """What production calls the names of its products."""
    target = deployment.targets(Ground.of(project))[1]
    assert target.environment.laravel is not None
    connector, command = platform_of(target).live(
        sql_command(target.environment.laravel, "SELECT name FROM pragma_table_info('products')"), "local"
    )
    return [row["name"] for row in rows_of(connector.read(command))][2:]


@pytest.mark.slow
def test_bad_migration_renames_a_column_that_the_good_release_reads(project: Path) -> None:
    assert practice.break_("bad-migration", project).startswith("v1.5.1 is live in staging and production")
    found = practice.status(project).environments.values()
    assert {(at.release, at.serves, at.health) for at in found} == {("v1.5.1", "v1.5.1", "failing")}
    assert column_of_names(project) == ["title"]
    production = deployment.targets(Ground.of(project))[1]
    deployment.deploy(production, "v1.4.2", deployment.new_run())
    assert deployment.ask(production.environment.url, "/", 2)[0] == 500


@pytest.mark.parametrize(("tag", "verdict"), [("v1.5.0", Verdict.SAFE), ("v1.5.1", Verdict.DOWN)])
def test_what_a_bad_release_brought_is_assessed(tmp_path: Path, tag: str, verdict: Verdict) -> None:
    repository.build(tmp_path / "repository")
    repository.add_worse(tmp_path / "repository")
    good, bad = (
        {file.migration: file for file in files_at(tmp_path / "repository", release)} for release in ("v1.4.2", tag)
    )
    newer = [bad[name] for name in brought(bad, good)]
    assert assess(newer, database="sqlite", earlier=list(good.values())).verdict is verdict


@pytest.mark.slow
def test_bad_release_after_bad_migration_takes_its_migration_back(project: Path) -> None:
    practice.break_("bad-migration", project)
    practice.break_("bad-release", project)
    assert column_of_names(project) == ["name"]
    production = practice.status(project).environments["production"]
    assert production.serves == "v1.5.0"
    assert deployment.ask(production.url, "/", 2)[0] == 200
    practice.break_("bad-migration", project)
    assert column_of_names(project) == ["title"]


@pytest.mark.slow
def test_reset_removes_the_release_of_bad_migration(project: Path) -> None:
    practice.break_("bad-migration", project)
    practice.reset(project)
    assert column_of_names(project) == ["name"]
    releases = platform_of(deployment.targets(Ground.of(project))[1]).releases()
    assert [release.tag for release in releases] == ["v1.5.0", "v1.4.2", "v1.4.1", "v1.4.0"]


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
