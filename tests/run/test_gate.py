"""The gate: an answer counts for one plan, for a limited time, from the right person."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from runbook_lib.errors import ApprovalPendingError, GateError
from runbook_lib.run import gate
from runbook_lib.run.gate import Terms, answer, approval, can_ask, given_for, typed
from runbook_lib.run.journal import Journal

DIGEST = "d" * 64
CONFIRM = Terms("confirm", expires=3600, wait=0, word="v1")
SECOND = Terms("second-person", expires=3600, wait=0, word="v1")


def approved(journal, terms=CONFIRM, digest=DIGEST):
    return approval(journal, "r1", digest, "ada", terms)


def at(monkeypatch, seconds):
    """Let the gate's clock be this far from the journal's."""
    real = time.time
    clock = SimpleNamespace(time=lambda: real() + seconds, monotonic=time.monotonic, sleep=time.sleep)
    monkeypatch.setattr(gate, "time", clock)


# -- which answers count --------------------------------------------------------------------------------------------


def test_an_approval_of_this_plan_counts(journal):
    event = journal.append("r1", "approved", answer("typed", DIGEST))
    assert approved(journal) == event


def test_without_an_approval_there_is_none(journal):
    assert approved(journal) is None


def test_an_approval_of_another_plan_does_not_count(journal):
    journal.append("r1", "approved", answer("typed", "e" * 64))
    assert approved(journal) is None


def test_an_approval_of_another_run_does_not_count(journal):
    journal.append("r2", "approved", answer("typed", DIGEST))
    assert approved(journal) is None


@pytest.mark.parametrize(("seconds", "counts"), [(3500, True), (3700, False), (-60, False)], ids=str)
def test_an_approval_counts_for_its_time_and_never_from_the_future(journal, monkeypatch, seconds, counts):
    journal.append("r1", "approved", answer("typed", DIGEST))
    at(monkeypatch, seconds)
    assert (approved(journal) is not None) is counts


def test_who_opened_the_run_is_no_second_person(journal):
    journal.append("r1", "approved", answer("command", DIGEST, by="ada"))
    assert approved(journal, SECOND) is None
    assert approved(journal, CONFIRM) is not None


def test_somebody_else_is_a_second_person(journal):
    journal.append("r1", "approved", answer("command", DIGEST, by="bob"))
    assert approved(journal, SECOND).data["by"] == "bob"


def test_an_answer_says_who_where_and_how(journal):
    assert answer("typed", DIGEST) == {
        "digest": DIGEST,
        "by": "ada",
        "host": gate.host(),
        "uid": gate.os.getuid(),
        "how": "typed",
    }


# -- given beforehand -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [DIGEST, DIGEST[:8], DIGEST[:12]])
def test_the_digest_of_this_plan_or_its_beginning_approves_it(given):
    assert given_for(DIGEST, given)


def test_nothing_given_approves_nothing():
    assert not given_for(DIGEST, "")


@pytest.mark.parametrize("given", ["e" * 64, DIGEST[:7], "yes", "*", DIGEST + "d", " " * 8])
def test_another_digest_is_refused(given):
    with pytest.raises(GateError, match="approval was given for plan"):
        given_for(DIGEST, given)


def test_a_wrong_digest_ends_the_run_before_anything_is_done(world):
    run = world.planned()
    with pytest.raises(GateError):
        run.approve(CONFIRM, "0" * 64)
    assert world.status == "refused"


def test_the_right_digest_passes_the_gate_without_a_question(world):
    run = world.planned()
    assert run.approve(CONFIRM, run.plan.digest) == "ada"
    assert world.last("approved").data["how"] == "parameter"


def test_the_own_digest_is_no_second_person(world):
    run = world.planned()
    with pytest.raises(ApprovalPendingError, match="nobody approved"):
        run.approve(SECOND, run.plan.digest)


# -- asking ---------------------------------------------------------------------------------------------------------


def says(monkeypatch, *answers):
    left = list(answers)
    asked = []

    def prompt(text):
        asked.append(text)
        return left.pop(0)

    monkeypatch.setattr("builtins.input", prompt)
    monkeypatch.setenv(gate.INTERACTIVE_VARIABLE, "1")
    return asked


def test_the_word_approves(monkeypatch):
    asked = says(monkeypatch, " v1 ")
    assert typed(CONFIRM, DIGEST)
    assert asked == [f"Type v1 to approve plan {DIGEST[:12]}, or nothing to stop: "]


def test_another_word_is_asked_for_again(monkeypatch, capsys):
    says(monkeypatch, "yes", "v1")
    assert typed(CONFIRM, DIGEST)
    assert "'yes' is not 'v1'" in capsys.readouterr().out


def test_nothing_typed_approves_nothing(monkeypatch):
    says(monkeypatch, "")
    assert not typed(CONFIRM, DIGEST)


def test_three_wrong_words_are_enough(monkeypatch):
    says(monkeypatch, "a", "b", "c")
    with pytest.raises(GateError, match="not confirmed"):
        typed(CONFIRM, DIGEST)


def test_who_types_the_word_is_the_approver(world, monkeypatch):
    says(monkeypatch, "v1")
    assert world.planned().approve(CONFIRM) == "ada"
    assert world.last("approved").data["how"] == "typed"


def test_who_types_nothing_stops_the_run(world, monkeypatch):
    says(monkeypatch, "")
    with pytest.raises(GateError, match="not approved"):
        world.planned().approve(CONFIRM)
    assert world.status == "refused"


def test_whoever_runs_it_is_not_even_asked_where_a_second_person_must(world, monkeypatch):
    says(monkeypatch)
    with pytest.raises(ApprovalPendingError):
        world.planned().approve(SECOND)


def test_a_dry_run_asks_nobody(world, monkeypatch):
    says(monkeypatch)
    assert "dry run" in world.planned(dry_run=True).approve(CONFIRM)
    assert "approved" not in world.kinds()


# -- is there anybody to ask ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "asks"), [("0", False), ("1", True)])
def test_the_variable_decides(monkeypatch, value, asks):
    monkeypatch.setenv(gate.INTERACTIVE_VARIABLE, value)
    assert can_ask() is asks


@pytest.mark.parametrize(("stdin", "stdout", "asks"), [(True, True, True), (False, True, False), (True, False, False)])
def test_a_terminal_on_both_sides_can_be_asked(monkeypatch, stdin, stdout, asks):
    monkeypatch.delenv(gate.INTERACTIVE_VARIABLE)
    monkeypatch.setattr(gate, "_shell", lambda: None)
    monkeypatch.setattr(gate.sys, "stdin", SimpleNamespace(isatty=lambda: stdin))
    monkeypatch.setattr(gate.sys, "stdout", SimpleNamespace(isatty=lambda: stdout, write=len, flush=int))
    assert can_ask() is asks


def test_a_closed_standard_input_cannot_be_asked(monkeypatch):
    monkeypatch.delenv(gate.INTERACTIVE_VARIABLE)
    monkeypatch.setattr(gate, "_shell", lambda: None)
    monkeypatch.setattr(gate.sys, "stdin", None)
    assert can_ask() is False


@pytest.mark.parametrize(
    ("kernel", "asks"), [({"_allow_stdin": True}, True), ({"_allow_stdin": False}, False), ({}, False)]
)
def test_a_notebook_can_be_asked_when_its_front_end_takes_input(monkeypatch, kernel, asks):
    monkeypatch.delenv(gate.INTERACTIVE_VARIABLE)
    monkeypatch.setattr(gate, "_shell", lambda: SimpleNamespace(kernel=SimpleNamespace(**kernel)))
    assert can_ask() is asks


# -- waiting headless -----------------------------------------------------------------------------------------------


def test_a_headless_run_goes_on_when_somebody_approves(world, journal, monkeypatch):
    monkeypatch.setattr(gate, "POLL_SECONDS", 0.01)
    run = world.planned()

    def approve():
        while journal.run(run.id).status != "waiting":
            time.sleep(0.01)
        # As another process does: with a connection of its own.
        Journal(journal.folder).append(run.id, "approved", answer("command", run.plan.digest, by="bob"))

    person = threading.Thread(target=approve)
    person.start()
    assert run.approve(Terms("second-person", 3600, wait=20, word="v1")) == "bob"
    person.join()
    assert journal.run(run.id).status == "running"


def test_a_headless_run_says_for_what_it_waits(world):
    with pytest.raises(ApprovalPendingError):
        world.planned().approve(SECOND)
    asked = world.last("approval asked").data
    assert asked == {
        "digest": world.last("planned").data["digest"],
        "policy": "second-person",
        "wait": 0,
        "expires": 3600,
    }


def test_nobody_is_asked_where_the_policy_asks_for_nobody(world):
    assert world.planned().approve(Terms("none", 3600, 0, "")) == "ada"
    assert world.last("approved").data["how"] == "policy none"
