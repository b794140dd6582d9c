"""Taking migrations back: exactly the planned ones, behind closed doors, after a backup, and forward again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.actions.release.doors import Doors
from runbook_lib.actions.release.taking_back import TakingBack, refuse
from runbook_lib.command import Result
from runbook_lib.errors import CommandError, PlatformError, StepFailedError
from runbook_lib.run import run as runs
from runbook_lib.run.gate import Terms
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Plan, Section, Step
from runbook_lib.run.run import Run
from tests.actions.application import Application, closing
from tests.actions.routes import serving

OLD, A, B = "2025_01_01_000000_old", "2026_01_01_000000_a", "2026_01_02_000000_b"
BACKUP: dict[str, Any] = {"backup": {"run": ["pg_dump"], "check": ["pg_restore", "--list"]}}


@pytest.fixture
def application() -> Application:
    return Application(applied=[OLD, A, B])


@pytest.fixture(autouse=True)
def _doors(application: Application, tmp_path: Path) -> Iterator[None]:
    with serving() as routes:
        closing(routes, application)
        application.url, application.folder = routes.url, tmp_path
        yield


@pytest.fixture(autouse=True)
def run(tmp_path: Path) -> Run:
    """The run that the section belongs to."""
    return Run.open(Journal(tmp_path / "state"), "rollback", "shop/production", {})


def section(application: Application, *broken: str, **laravel: Any) -> Section:
    """The section of a deployment whose code is switched by one step."""

    def step(name: str) -> Step:
        def do() -> str:
            if name in broken:
                raise StepFailedError(f"{name} does not work here")
            application.ran.append(("web-1", name))
            return ""

        return Step(f"production.{name}", name, do, lambda: None)

    made = Section("production", "shop/production", "make v1 live", (step("switch"),), (step("back.switch"),))
    target = application.target(application.url, application.folder, **{**BACKUP, **laravel})
    doors = Doors(target, application, application.hosts, "production", runs.open_runs()[0])
    columns = {"table": "there", "column id": "integer not null", "column note": "text null"}
    operations = [{"kind": "add column", "subject": "orders.note", "guards": []}]
    return TakingBack(doors, {"brought": [A, B], "tables": {"orders": columns}, "operations": operations}).around(made)


def done(made: Section) -> list[str]:
    """Do all steps of a section, as a run does them; what they remark."""
    return [step.do() for step in made.steps]


def down_step(made: Section) -> Step:
    return next(step for step in made.steps if step.id.endswith("migrate-rollback"))


# -- the section ----------------------------------------------------------------------------------------------------


def test_writes_stop_then_backup_then_database_then_code_then_open(application: Application) -> None:
    for step in section(application).steps:
        step.do()
    assert application.ran == [
        ("web-1", "down"),
        ("web-2", "down"),
        ("web-1", "pg_dump"),
        ("web-1", "pg_restore"),
        ("web-1", "migrate:rollback"),
        ("web-1", "switch"),
        ("web-1", "up"),
        ("web-2", "up"),
    ]
    assert application.applied == [OLD]


def test_back_is_code_then_database_then_open(application: Application) -> None:
    for step in section(application).back:
        step.do()
    assert application.names == ["back.switch", "migrate", "up", "up"]


def test_the_plan_names_what_is_undone_newest_first(application: Application) -> None:
    made = section(application)
    assert made.title == "make v1 live, taking back 2 migrations"
    assert down_step(made).shows[1:] == (f"undoes {B}", f"undoes {A}")
    assert "--step=2" in down_step(made).shows[0]


def test_ids_are_each_a_steps_own(application: Application) -> None:
    made = section(application)
    ids = [step.id for step in (*made.steps, *made.back)]
    assert len(set(ids)) == len(ids)


def test_what_the_assessment_said_is_held_against_the_schema(application: Application) -> None:
    assert "differences as expected: 1" in done(section(application))


def test_a_column_that_is_still_there_after_its_migration_was_taken_back_fails(application: Application) -> None:
    application.forgets = True
    made = section(application)
    with pytest.raises(StepFailedError, match=r"and yet orders\.note is still there"):
        done(made)
    assert "switch" not in application.names


def test_what_nobody_expected_is_told(application: Application) -> None:
    application.columns["surprise"] = "text"
    assert "differences as expected: 1, not expected: orders: column surprise is new" in done(section(application))


def test_maintenance_mode_is_in_force_from_before_the_first_command_until_it_is_over(
    application: Application, run: Run
) -> None:
    seen: dict[str, int] = {}
    application.during = lambda name: seen.setdefault(name, len(in_force(run.journal)))
    for step in section(application).steps:
        step.do()
    assert (seen["down"], seen["migrate:rollback"], seen["up"]) == (1, 1, 1)
    assert in_force(run.journal) == []


def test_nothing_is_done_where_maintenance_mode_does_not_close(application: Application) -> None:
    application.leaks = True
    made = section(application)
    with pytest.raises(StepFailedError, match="does not close the application"):
        done(made)
    assert application.names == ["down", "down"]


def test_doors_that_were_closed_before_stay_closed(application: Application, run: Run) -> None:
    doors = Doors(application.target(application.url), application, application.hosts, "production", run, True)
    assert [step.id for step in doors.opened()] == []
    assert not [step for step in doors.closed() if "note" in step.id]


def test_making_the_section_runs_nothing(application: Application) -> None:
    section(application)
    assert application.ran == []


def test_a_backup_without_a_check_is_one_step(application: Application) -> None:
    for step in section(application, backup={"run": ["pg_dump"]}).steps:
        step.do()
    assert application.names[:4] == ["down", "down", "pg_dump", "migrate:rollback"]


def test_a_lock_in_the_database_is_not_waited_for_long(application: Application) -> None:
    down_step(section(application)).do()
    assert "lock_timeout" in application.commands[-1].raw_env["PGOPTIONS"]


# -- the step that takes back -----------------------------------------------------------------------------------------


def test_what_is_taken_back_is_gone_and_done(application: Application) -> None:
    step = down_step(section(application))
    assert step.done() is False
    assert step.do() == "2 migrations taken back"
    assert (application.applied, step.done()) == ([OLD], True)


def test_a_set_that_is_undone_already_is_done(application: Application) -> None:
    application.applied = [OLD]
    assert down_step(section(application)).done() is True


def test_only_the_rest_is_undone_when_a_part_is(application: Application) -> None:
    step = down_step(section(application))
    application.applied = [OLD, A]
    assert step.done() is False
    step.do()
    assert "--step=1" in application.commands[-1].raw
    assert application.applied == [OLD]


@pytest.mark.parametrize(
    "applied",
    [
        pytest.param([OLD, A, B, "2026_01_03_000000_c"], id="a newer one came"),
        pytest.param([A, B, OLD], id="another order"),
        pytest.param([A, OLD], id="a part undone, not the newest"),
    ],
)
def test_nothing_is_undone_when_the_newest_are_others(application: Application, applied: list[str]) -> None:
    step = down_step(section(application))
    application.applied = list(applied)
    with pytest.raises(StepFailedError, match="the newest migrations are") as told:
        step.do()
    assert "make a new plan" in str(told.value)
    assert (application.ran, application.applied) == ([], applied)


def test_undoing_that_stops_halfway_fails_and_says_where(application: Application) -> None:
    application.stops_after = 1
    with pytest.raises(StepFailedError, match=f"after undoing {B}: broken"):
        down_step(section(application)).do()
    assert application.applied == [OLD, A]


def test_undoing_that_says_well_done_and_did_nothing_fails(application: Application) -> None:
    step = down_step(section(application))
    application._rolled_back = lambda count: Result(0, "Nothing to rollback.")  # type: ignore[method-assign]
    with pytest.raises(StepFailedError, match="not undone"):
        step.do()


def test_a_release_that_lacks_the_files_is_told(application: Application) -> None:
    step = down_step(section(application))
    application._rolled_back = lambda count: Result(0, f"Migration not found: {B}")  # type: ignore[method-assign]
    with pytest.raises(StepFailedError, match="run it in the release that brought them"):
        step.do()


def test_a_database_that_does_not_answer_is_neither_done_nor_undone(application: Application) -> None:
    step = down_step(section(application))
    application.reached = False
    for ask in (step.done, step.do):
        with pytest.raises(CommandError, match="Connection refused"):
            ask()
    assert application.ran == []


# -- interrupted ------------------------------------------------------------------------------------------------------


def begun(application: Application, *undone: str, code: int = 0) -> None:
    """A killed run's command, which went on by itself: it has undone these, and ends when its end is waited for."""
    lines = "\n".join(f"Rolled back:  {name} (1.20ms)" for name in (B, A))
    application.applied = [name for name in application.applied if name not in undone]

    def end() -> Result:
        application.applied = [OLD]
        return Result(code, lines)

    application.under_way[f"{runs.open_runs()[0].id}/production.web-1.migrate-rollback"] = end


@pytest.mark.parametrize("undone", [(), (B,)])
def test_undoing_that_is_still_under_way_is_waited_for_and_not_begun_again(
    application: Application, undone: tuple[str, ...]
) -> None:
    step = down_step(section(application))
    begun(application, *undone)
    step.do()
    assert (application.ran, application.applied) == ([], [OLD])


def test_the_rest_of_what_was_cut_off_is_undone_under_a_mark_of_its_own(application: Application) -> None:
    application.stops_after = 1
    with pytest.raises(StepFailedError):
        down_step(section(application)).do()
    application.stops_after = None
    down_step(section(application)).do()
    assert (application.names, application.applied) == (["migrate:rollback", "migrate:rollback"], [OLD])


def test_what_failed_before_it_undid_anything_is_tried_again(application: Application) -> None:
    application.failing = {"migrate:rollback"}
    with pytest.raises(StepFailedError):
        down_step(section(application)).do()
    application.failing = set()
    down_step(section(application)).do()
    assert application.applied == [OLD]


# -- carried out ------------------------------------------------------------------------------------------------------


def carried_out(run: Run, made: Section) -> None:
    run.propose(dict, lambda snapshot: Plan("Roll back", (made,), snapshot))
    run.approve(Terms("none", expires=60, wait=0, word=""))
    run.apply("production")


@pytest.mark.parametrize("broken", ["pg_dump", "pg_restore"])
def test_without_a_backup_that_is_good_nothing_is_undone_nor_migrated(
    application: Application, run: Run, broken: str
) -> None:
    application.failing = {broken}
    with pytest.raises(StepFailedError, match=f"{broken} does not work here"):
        carried_out(run, section(application))
    assert "migrate:rollback" not in application.names
    assert "migrate" not in application.names
    assert (application.applied, application.down) == ([OLD, A, B], set())


def test_when_the_code_does_not_switch_the_database_goes_forward_again(application: Application, run: Run) -> None:
    with pytest.raises(StepFailedError, match="switch does not work here"):
        carried_out(run, section(application, "switch"))
    assert application.names[-5:] == ["migrate:rollback", "back.switch", "migrate", "up", "up"]
    assert application.down == set()


def test_undoing_that_failed_is_gone_forward_from(application: Application, run: Run) -> None:
    application.stops_after = 1
    with pytest.raises(StepFailedError, match="not taken back as planned"):
        carried_out(run, section(application))
    assert application.names[-4:] == ["back.switch", "migrate", "up", "up"]


# -- what is refused ---------------------------------------------------------------------------------------------------


def reading(**down: str) -> dict[str, Any]:
    return {"migrations": [{"name": name, "down": can} for name, can in down.items()]}


def test_migrations_that_can_be_reversed_are_not_refused(application: Application) -> None:
    refuse(application.target(**BACKUP), reading(a="yes", b="yes"))


@pytest.mark.parametrize("can", ["no", "unknown", "partly"])
def test_one_without_a_down_that_reverses_it_is_refused_by_name(application: Application, can: str) -> None:
    with pytest.raises(PlatformError, match="of shop/production cannot be taken back: b ") as told:
        refuse(application.target(**BACKUP), reading(a="yes", b=can))
    assert "fix forward" in str(told.value)


def test_what_cannot_be_read_is_refused(application: Application) -> None:
    with pytest.raises(PlatformError, match="cannot be read"):
        refuse(application.target(**BACKUP), reading())


def test_without_a_backup_it_is_refused(application: Application) -> None:
    with pytest.raises(PlatformError, match="has no backup configured"):
        refuse(application.target(), reading(a="yes"))


def test_what_the_live_release_lacks_is_refused_by_name(application: Application) -> None:
    with pytest.raises(PlatformError, match=r"^b can only be taken back by a release that has them"):
        refuse(application.target(**BACKUP), reading(a="yes", b="elsewhere"))
