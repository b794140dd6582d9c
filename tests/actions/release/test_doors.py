"""Maintenance mode on every host: noted before it begins, proven, lifted when it has ended."""

from __future__ import annotations

import pytest

from runbook_lib.actions.release import doors
from runbook_lib.actions.release.doors import Doors
from runbook_lib.config import Target
from runbook_lib.errors import StepFailedError
from runbook_lib.run.in_force import in_force
from runbook_lib.run.run import Run
from tests.actions.application import Application
from tests.actions.release.conftest import SECRET
from tests.actions.routes import Routes

BYPASS = {"bypass": {"env": "BYPASS"}}


def target(application: Application, **laravel: object) -> Target:
    return application.target(application.url, application.folder, **laravel)


def made(application: Application, run: Run, *, closed_before: bool = False, **laravel: object) -> Doors:
    return Doors(target(application, **laravel), application, application.hosts, "production", run, closed_before)


def forced(run: Run) -> list[str]:
    return [item.what for item in in_force(run.journal)]


# -- steps ------------------------------------------------------------------------------------------------------------


def test_closing_is_noted_then_done_on_every_host_then_proven(served: Application, run: Run) -> None:
    remarks = [step.do() for step in made(served, run).closed()]
    assert served.ran == [("web-1", "down"), ("web-2", "down")]
    assert remarks[-1] == "home page answers 503"
    assert forced(run) == ["maintenance mode"]


def test_opening_is_done_on_every_host_then_lifted(served: Application, run: Run) -> None:
    both = made(served, run)
    for step in (*both.closed(), *both.opened()):
        step.do()
    assert (served.down, forced(run)) == (set(), [])


def test_users_are_told_to_come_again_and_a_person_is_let_in(served: Application, run: Run) -> None:
    next(step for step in made(served, run, **BYPASS).closed() if step.id.endswith("maintenance")).do()
    (command,) = served.commands
    assert "--retry=60" in command.raw
    assert command.raw_env["MAINTENANCE_SECRET"] == SECRET
    assert SECRET not in str(command.raw) + str(command)


@pytest.mark.parametrize("when", ["closed", "opened"])
def test_what_was_closed_before_is_neither_noted_nor_opened(served: Application, run: Run, when: str) -> None:
    steps = list(getattr(made(served, run, closed_before=True), when)())
    assert [step.id for step in steps if "note" in step.id or "open" in step.id or "lifted" in step.id] == []


def test_doors_that_close_nothing_are_no_doors(served: Application, run: Run) -> None:
    served.leaks = True
    *_, proof = made(served, run).closed()
    with pytest.raises(StepFailedError, match="does not close the application: home page") as told:
        proof.do()
    assert "which driver keeps maintenance mode" in str(told.value)


def test_where_nothing_answers_it_is_not_called_closed(served: Application, run: Run) -> None:
    served.url = "http://127.0.0.1:9"
    *_, proof = made(served, run).closed()
    with pytest.raises(StepFailedError, match="does not close") as told:
        proof.do()
    assert "start what serves it" in str(told.value)


def test_the_note_is_done_once_it_is_written(served: Application, run: Run) -> None:
    note = doors.noted(run, target(served), "production.close.note")
    assert note.done() is False
    note.do()
    assert note.done() is True


# -- what is in force -------------------------------------------------------------------------------------------------


def test_only_what_was_noted_is_lifted(served: Application, run: Run) -> None:
    doors.lift(run, target(served))
    assert [event.kind for event in run.journal.events(run.id) if event.kind == "lifted"] == []


def test_what_is_in_force_names_the_command_that_ends_it(served: Application, run: Run) -> None:
    doors.note(run, target(served))
    (item,) = in_force(run.journal)
    assert item.undo == "papermill maintenance_mode.ipynb -p mode off -p environment production"


def test_noted_doors_are_closed_without_a_look(served: Application, run: Run) -> None:
    doors.note(run, target(served))
    assert doors.are_closed(run.journal, target(served), served)


def test_doors_that_somebody_closed_by_hand_are_found(served: Application, run: Run) -> None:
    assert not doors.are_closed(run.journal, target(served), served)
    served.down = {"web-1", "web-2"}
    assert doors.are_closed(run.journal, target(served), served)


def test_a_site_that_answers_503_without_laravels_file_is_not_closed(served: Application, run: Run) -> None:
    served.down, served.reached = {"web-1"}, False
    assert not doors.are_closed(run.journal, target(served), served)


# -- the secret path --------------------------------------------------------------------------------------------------


def test_the_secret_path_lets_in_where_others_are_kept_out(served: Application) -> None:
    served.down = {"web-1"}
    asked = target(served, **BYPASS)
    secret = doors.bypass(asked)
    assert secret is not None
    (reading,) = doors.look_through(asked.environment, secret)
    assert (reading.ok, reading.status) == (True, 200)
    assert [r.status for r in doors.look(asked.environment, on=True)] == [503]


def test_a_secret_that_lets_nobody_in_is_told_and_gives_no_key(served: Application, routes: Routes) -> None:
    served.down, routes.secret = {"web-1"}, "of-somebody-else"
    asked = target(served, **BYPASS)
    secret = doors.bypass(asked)
    assert secret is not None
    (reading,) = doors.look_through(asked.environment, secret)
    assert (reading.ok, reading.saw) == (False, "the secret path gives no cookie, and answers 503")
    assert doors.keys(asked.environment, secret) == {}


def test_without_a_secret_path_nobody_is_let_in(served: Application) -> None:
    assert doors.bypass(target(served)) is None
