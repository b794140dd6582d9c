"""Commands of your own as levers, and with them what all levers have in common: in force, undone by hand, taken back by
anybody, killed and continued."""

from __future__ import annotations

import os

import pytest

from runbook_lib import Mitigation
from runbook_lib.errors import (
    CommandError,
    ConfigurationError,
    LockHeldError,
    ParameterError,
    StepFailedError,
    UnsettledStepError,
    VerificationFailedError,
)
from runbook_lib.run.lock import Locks
from tests.levers.mitigating import Project, carried_out, mitigate, plan, undo

# A file is the effect: `sh` gets its name and the value as words.
LEVER = """
[LEVERS.commands.close_checkout]
run = ["sh", "-c", 'echo run >> log; printf %s "$1" > closed', "sh", "{value}"]
undo = ["sh", "-c", "echo undo >> log; rm -f closed"]
done = ["test", "-e", "closed"]
"""
ONCE = '[LEVERS.commands.restart_database]\nrun = ["sh", "-c", "echo run >> log"]\n'
ACTION = "close_checkout"


@pytest.fixture
def lever(project: Project) -> Project:
    project.configure(LEVER)
    return project


def log(project: Project) -> list[str]:
    file = project.root / "log"
    return file.read_text().split() if file.exists() else []


def test_it_is_done_and_in_force(lever: Project) -> None:
    summary = mitigate(ACTION, "fraud")
    assert (lever.root / "closed").read_text() == "fraud"
    [item] = lever.in_force
    assert item.what == "close_checkout fraud"
    assert item.undo in summary
    assert lever.says == ["in effect"]


def test_it_is_noted_before_the_first_command(lever: Project) -> None:
    mitigate(ACTION, "fraud")
    kinds = lever.kinds()
    steps = [event.data["step"] for event in lever.journal.events(kind="step started")]
    assert kinds.index("put in force") < kinds.index("step finished")
    assert steps == ["production.note", "production.local.run"]


def test_it_is_taken_back_from_the_record(lever: Project) -> None:
    """By anybody: also with a configuration that has no levers any more."""
    mitigate(ACTION, "fraud")
    lever.configure()
    assert "succeeded" in undo(ACTION)
    assert (log(lever), lever.in_force) == (["run", "undo"], [])


def test_the_command_that_is_recorded_takes_it_back(lever: Project) -> None:
    mitigate(ACTION, "it's $HOME")
    assert lever.in_force[0].undo.endswith("""-p value 'it'"'"'s $HOME' -p environment production""")
    undo(ACTION, "it's $HOME")
    assert lever.in_force == []


def test_several_with_other_values_are_taken_back_one_by_one(lever: Project) -> None:
    mitigate(ACTION, "one")
    mitigate(ACTION, "two")
    undo(ACTION, "one")
    assert [item.what for item in lever.in_force] == ["close_checkout two"]


def test_what_is_in_force_is_not_put_in_force_again(lever: Project) -> None:
    mitigate(ACTION, "fraud")
    with pytest.raises(ParameterError, match=r"close_checkout fraud is in force already") as caught:
        mitigate(ACTION, "fraud")
    assert "undo true" in caught.value.next_step


def test_every_later_plan_lists_it(lever: Project) -> None:
    mitigate(ACTION, "fraud")
    lever.configure(LEVER + ONCE)
    table = plan("restart_database")
    assert any("close_checkout fraud is in force in shop/production" in note for note in table.notes)


def test_what_was_undone_by_hand_is_said_and_lifted_without_a_command(lever: Project) -> None:
    mitigate(ACTION, "fraud")
    (lever.root / "closed").unlink()
    assert lever.says == ["not in effect: undone by hand, or never come to be"]
    assert "succeeded" in undo(ACTION)
    assert (log(lever), lever.in_force) == (["run"], [])
    assert [event.data["by"] for event in lever.journal.events(kind="lifted")] == ["was undone by hand"]


def test_nothing_in_force_is_an_error(lever: Project) -> None:
    with pytest.raises(ParameterError, match=r"no close_checkout is in force in shop/production"):
        undo(ACTION)


def test_a_dry_run_does_and_notes_nothing(lever: Project) -> None:
    table = plan(ACTION, "fraud")
    assert any("run: sh" in cell for row in table.rows for cell in row)
    assert (log(lever), lever.in_force) == ([], [])


def test_a_command_that_fails_goes_back_and_is_lifted(lever: Project) -> None:
    lever.configure(LEVER.replace("echo run >> log", "echo run >> log; exit 3"))
    with pytest.raises(StepFailedError, match=r"ended with status 3.*all is as before"):
        mitigate(ACTION, "fraud")
    assert (lever.in_force, lever.says) == ([], [])


def test_an_effect_that_does_not_show_goes_back_and_is_lifted(lever: Project) -> None:
    lever.configure(LEVER + 'verify = ["sh", "-c", "echo not closed for users; false"]\n')
    with pytest.raises(VerificationFailedError, match=r"not closed for users.*all is as before"):
        mitigate(ACTION, "fraud")
    assert (log(lever), lever.in_force) == (["run", "undo"], [])


def test_an_undo_that_does_not_work_stays_in_force(lever: Project) -> None:
    lever.configure(LEVER.replace("rm -f closed", "true"))
    mitigate(ACTION, "fraud")
    with pytest.raises(VerificationFailedError, match=r"still holds"):
        undo(ACTION)
    assert len(lever.in_force) == 1


def test_without_undo_it_is_done_once_and_over(project: Project) -> None:
    project.configure(ONCE)
    assert "look whether it helped" in mitigate("restart_database")
    mitigate("restart_database")
    assert (log(project), project.in_force) == (["run", "run"], [])


def test_without_a_proof_of_its_own_the_health_routes_tell(project: Project) -> None:
    project.configure(ONCE)
    project.routes.statuses["/ready"] = 503
    with pytest.raises(VerificationFailedError, match=r"/ready.*503.*there is no way back"):
        mitigate("restart_database")


HOSTILE = ["; touch pwned", "$(touch pwned)", "`touch pwned`", "a\tb", "| cat", "{n} {rate}", "\u00e4\u4e2d"]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_one_word_and_never_read_by_a_shell(lever: Project, value: str) -> None:
    if "\t" in value:
        with pytest.raises(ParameterError, match=r"control characters"):
            mitigate(ACTION, value)
        return
    mitigate(ACTION, value)
    assert (lever.root / "closed").read_text() == value
    assert not (lever.root / "pwned").exists()


@pytest.mark.parametrize("value", ["--force", "-rf", "x" * 201, "a\nb", "a\x1b[31m", "a\0b"])
def test_a_value_that_could_be_something_else_is_refused(lever: Project, value: str) -> None:
    with pytest.raises(ParameterError):
        mitigate(ACTION, value)
    assert (log(lever), lever.in_force) == ([], [])


def test_a_value_is_asked_for_where_there_is_a_place_for_it(lever: Project) -> None:
    with pytest.raises(ParameterError, match=r"needs a value"):
        mitigate(ACTION)
    lever.configure(ONCE)
    with pytest.raises(ParameterError, match=r"takes no value"):
        mitigate("restart_database", "now")


def test_an_action_that_is_none_names_those_there_are(lever: Project) -> None:
    with pytest.raises(ParameterError, match=r"no mitigation is called 'close_chekout'") as caught:
        mitigate("close_chekout")
    assert "close_checkout" in caught.value.next_step


def test_an_own_command_cannot_take_the_name_of_a_mitigation(project: Project) -> None:
    project.configure('[LEVERS.commands.scale]\nrun = ["true"]\n')
    with pytest.raises(ConfigurationError, match=r"commands.scale: that is the name of a mitigation"):
        mitigate("scale", "2")


def test_two_at_once_are_kept_apart_by_the_lock(lever: Project) -> None:
    holder = Locks(lever.journal, "another")
    holder.take(["shop/production"])
    try:
        with pytest.raises(LockHeldError, match=r"another"):
            mitigate(ACTION, "fraud")
    finally:
        holder.release()
    assert (log(lever), lever.in_force) == ([], [])


def test_a_program_that_is_not_there_is_an_error_and_nothing_is_in_force(project: Project) -> None:
    project.configure('[LEVERS.commands.close]\nrun = ["/no/such"]\nundo = ["true"]\n')
    with pytest.raises((StepFailedError, CommandError), match=r"no/such"):
        mitigate("close")
    assert project.in_force == []


# -- killed at a boundary of the record, and the same command again ---------------------------------------------------

# opened, planned, approved, section started, step started, put in force, step finished, step started, step finished,
# verified, section finished, closed.
EVENTS = 12
FEW = [(2, "after"), (6, "before"), (6, "after"), (8, "after"), (9, "before"), (10, "after"), (EVENTS, "before")]
ALL = [(number, when) for number in range(1, EVENTS + 1) for when in ("before", "after")][:-1]
MATRIX = ALL if os.environ.get("RUNBOOK_CRASH_MATRIX") else FEW


@pytest.mark.slow
@pytest.mark.parametrize(("number", "when"), MATRIX)
def test_killed_and_given_again_it_is_done_once(lever: Project, number: int, when: str) -> None:
    lever.killed(number, when, ACTION, "fraud")
    mitigate(ACTION, "fraud")
    assert (log(lever), len(lever.in_force), lever.journal.runs(1)[0].status) == (["run"], 1, "succeeded")
    assert len(list(lever.journal.events(kind="put in force"))) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("number", "when"), MATRIX)
def test_killed_it_can_be_taken_back_wherever_it_was_left(lever: Project, number: int, when: str) -> None:
    lever.killed(number, when, ACTION, "fraud")
    if lever.in_force:
        undo(ACTION)
    assert not (lever.root / "closed").exists()
    assert lever.in_force == []


# opened, planned, approved, section started, step started, step finished, lifted, verified, finished, closed.
@pytest.mark.slow
@pytest.mark.parametrize(("number", "when"), [(4, "after"), (5, "after"), (6, "before"), (7, "after"), (9, "before")])
def test_an_undo_that_is_killed_goes_on(lever: Project, number: int, when: str) -> None:
    mitigate(ACTION, "fraud")
    lever.killed(number, when, ACTION, undo=True)
    undo(ACTION)
    assert (log(lever), lever.in_force, lever.journal.runs(1)[0].status) == (["run", "undo"], [], "succeeded")


def test_a_failing_undo_on_the_way_back_goes_on_when_it_is_given_again(lever: Project) -> None:
    lever.configure(LEVER.replace("rm -f closed", "test -e mended && rm -f closed") + 'verify = ["false"]\n')
    with pytest.raises(UnsettledStepError, match=r"could not be put back"):
        mitigate(ACTION, "fraud")
    assert len(lever.in_force) == 1
    (lever.root / "mended").touch()
    with pytest.raises(StepFailedError, match=r"interrupted while it went back\. all is as before"):
        mitigate(ACTION, "fraud")
    assert lever.in_force == []


def test_a_lever_in_the_notebook_is_one_procedure(lever: Project) -> None:
    assert "succeeded" in carried_out(Mitigation.open(ACTION, "fraud", incident=""))
