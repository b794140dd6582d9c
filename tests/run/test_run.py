"""A run from open to close: dry, approved, drifted, failed, crashed, continued."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import sqlite3
from types import SimpleNamespace

import pytest

from runbook_lib.command import Secret
from runbook_lib.errors import (
    ApprovalPendingError,
    GateError,
    InconclusiveError,
    JournalError,
    LockHeldError,
    PlanDriftError,
    RunbookError,
    RunInterrupted,
    StepError,
    StepFailedError,
    UnsettledStepError,
    VerificationFailedError,
)
from runbook_lib.run import live
from runbook_lib.run import run as runs
from runbook_lib.run.gate import Terms
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Plan, Section, Step, Verdict

FAIL = Verdict("FAIL", ("checkout answers 500",))
ONCE = {"staging.files": 1, "staging.link": 1, "production.files": 1, "production.link": 1}


# -- the good way ---------------------------------------------------------------------------------------------------


def test_a_good_run_does_each_step_once_and_succeeds(world):
    summary = world.procedure()
    assert dict(world.effects) == ONCE
    assert world.live == {"staging": "v1", "production": "v1"}
    assert world.status == "succeeded"
    assert "succeeded" in summary


def test_events_come_in_the_order_of_the_procedure(world):
    world.procedure()
    section = ["section started", *["step started", "step finished"] * 2, "verified", "section finished"]
    assert world.kinds() == ["opened", "planned", "approved", *section, *section, "observing", "observed", "closed"]


def test_the_record_of_a_closed_run_is_in_its_folder(world, journal):
    world.procedure()
    folder = journal.folder_of(journal.runs()[0].run)
    assert {file.name for file in folder.iterdir()} >= {"run.json", "page.html"}


def test_nothing_is_left_behind_by_a_closed_run(world):
    run = world.approved()
    run.apply("staging")
    run.apply("production")
    run.close()
    assert runs.open_runs() == []
    assert run._locks.holders() == []


def test_a_closed_run_does_nothing_more(world):
    run = world.planned()
    run.end(RunbookError("stop"))
    with pytest.raises(StepError, match="closed"):
        run.apply("staging")
    assert not world.effects


# -- dry run --------------------------------------------------------------------------------------------------------


def test_a_dry_run_changes_nothing_and_is_called_planned(world):
    def forbidden(step):
        raise AssertionError(f"{step} acted")

    world.before_effect = forbidden
    world.procedure(dry_run=True)
    assert world.status == "planned"
    assert world.live == {"staging": "v2", "production": "v2"}
    assert world.kinds() == ["opened", "planned", "closed"]


def test_a_dry_run_takes_no_lock(world):
    run = world.planned(dry_run=True)
    assert run._locks.holders() == []


def test_a_dry_run_that_was_left_is_not_carried_out_by_the_real_command(world, crashing):
    with crashing.at(3, after=False):
        world.procedure(dry_run=True)
    world.procedure()
    assert [record.status for record in world.journal.runs()] == ["succeeded", "overtaken"]


def test_a_dry_run_that_is_open_does_not_stand_for_the_real_one(world):
    world.planned(dry_run=True)
    world.procedure()
    assert world.live["production"] == "v1"
    assert world.status == "succeeded"


# -- never quietly nothing ------------------------------------------------------------------------------------------


def test_a_run_closed_before_its_plan_is_no_success(world):
    world.open().close()
    assert world.status == "refused"


def test_a_run_closed_with_a_section_left_out_is_no_success(world):
    run = world.approved()
    run.apply("staging")
    assert "failed" in run.close()
    assert world.last("closed").data["reason"] == "not carried out: production"
    assert world.status == "failed"


def test_a_run_whose_observation_was_left_out_is_no_success(world):
    run = world.approved()
    run.apply("staging")
    run.apply("production")
    assert "inconclusive" in run.close()
    assert world.last("closed").data["reason"] == "not observed: production"


def test_nothing_comes_after_a_section_that_was_not_observed(world):
    """Clearing away takes the way back away: not before the release was seen to be good."""
    build = world.build
    world.build = lambda snapshot: dataclasses.replace(
        build(snapshot), sections=(*build(snapshot).sections, Section("afterwards", "shop/production", "clear away"))
    )
    run = world.approved()
    run.apply("staging")
    run.apply("production")
    with pytest.raises(GateError, match="production comes before afterwards"):
        run.apply("afterwards")


def test_an_observation_that_breaks_off_shows_nothing(world):
    run = world.approved()
    run.apply("staging")
    run.apply("production")
    with pytest.raises(InconclusiveError, match="broke off: ZeroDivisionError"):
        run.observe("production", 0, lambda report: 1 / 0)
    assert world.status == "inconclusive"
    assert world.live["production"] == "v1"


def test_a_notebook_that_ends_early_is_no_success(world):
    run = world.approved()
    run.end(None)
    assert world.status == "failed"


def test_a_skipped_section_says_why_and_needs_no_step(world, journal):
    section = Section("staging", "shop/staging", "nothing", skipped="it passed recently")
    run = world.open()
    run.propose(world.read, lambda snapshot: Plan("p", (section,), snapshot))
    run.approve(world.terms)
    assert run.apply("staging") == "staging: it passed recently"
    run.close()
    assert world.status == "succeeded"


def test_an_inconclusive_observation_leaves_the_release_and_ends_badly(world):
    world.seen = Verdict("INCONCLUSIVE", ("0 requests were seen, 20 are needed",))
    with pytest.raises(InconclusiveError, match="0 requests"):
        world.procedure()
    assert world.live["production"] == "v1"
    assert world.status == "inconclusive"


# -- approval and drift ---------------------------------------------------------------------------------------------


def test_nothing_is_applied_before_the_gate(world):
    run = world.planned()
    with pytest.raises(GateError, match="gate"):
        run.apply("staging")
    assert not world.effects


def test_nothing_is_approved_before_the_plan(world):
    with pytest.raises(GateError, match="no plan"):
        world.open().approve(world.terms)


def test_sections_are_carried_out_in_the_order_of_the_plan(world):
    run = world.approved()
    with pytest.raises(GateError, match="staging comes before production"):
        run.apply("production")
    assert not world.effects
    assert world.status == "refused"


def test_a_world_that_changed_since_the_plan_is_left_alone(world):
    run = world.approved()
    world.live["production"] = "v3"
    with pytest.raises(PlanDriftError, match=r"snapshot\.live\.production was v2, is v3"):
        run.apply("staging")
    assert not world.effects
    assert world.status == "refused"


def test_an_environment_that_changed_before_its_own_section_is_left_alone(world, monkeypatch):
    run = world.approved()
    run.apply("staging")

    def drifted(begun):
        raise PlanDriftError("production is not as the plan saw it")

    section = run.plan.section("production")
    object.__setattr__(section, "ready", drifted)
    with pytest.raises(PlanDriftError):
        run.apply("production")
    assert world.effects["production.files"] == 0


def test_an_approval_that_expired_before_the_first_step_counts_no_more(world, monkeypatch):
    run = world.approved()
    now = runs.time.time()
    clock = SimpleNamespace(time=lambda: now + 4000, monotonic=runs.time.monotonic, sleep=runs.time.sleep)
    monkeypatch.setattr("runbook_lib.run.gate.time", clock)
    with pytest.raises(GateError, match="expired"):
        run.apply("staging")
    assert not world.effects


def test_a_plan_that_is_built_differently_is_not_continued(world, crashing):
    with crashing.at(4, after=True):
        world.procedure()
    build = world.build
    world.build = lambda snapshot: Plan("another title", build(snapshot).sections, snapshot)
    with pytest.raises(PlanDriftError, match="runbook abandon"):
        world.procedure()
    assert not world.effects


def test_a_run_that_nobody_approved_is_continued_by_the_same_command(world, journal):
    world.terms = Terms("second-person", expires=3600, wait=0, word="v1")
    with pytest.raises(ApprovalPendingError, match="nobody approved") as pending:
        world.procedure()
    waiting = journal.runs()[0]
    assert waiting.status == "waiting"
    assert f"runbook approve {waiting.run}" in pending.value.next_step
    assert not world.effects
    journal.append(waiting.run, "approved", {"digest": world.last("planned").data["digest"], "by": "bob", "how": "c"})
    world.procedure()
    assert world.status == "succeeded"
    assert len(journal.runs()) == 1


# -- written before done --------------------------------------------------------------------------------------------


def test_another_connection_sees_that_a_step_started_before_it_acts(world, journal):
    seen = []

    def look(step):
        with sqlite3.connect(f"file:{journal.file}?mode=ro", uri=True) as other:
            kind, data = other.execute("SELECT kind, data FROM events ORDER BY seq DESC LIMIT 1").fetchone()
            seen.append((kind, f'"{step}"' in data))

    world.before_effect = look
    world.procedure()
    assert seen == [("step started", True)] * 4


def test_the_journal_is_flushed_to_disk_at_each_event(journal):
    assert journal._connection().execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_run_that_cannot_be_written_down_holds_nothing(world, journal, monkeypatch):
    def no_room(*_, **__):
        raise JournalError("no room")

    monkeypatch.setattr(Journal, "append", no_room)
    with pytest.raises(JournalError):
        world.open()
    assert runs.open_runs() == []
    assert runs.Locks(journal, "other").holders() == []


def test_a_run_without_a_folder_for_its_record_is_not_begun(world, journal):
    (journal.folder / "runs").write_text("a file where the folder should be")
    with pytest.raises(JournalError, match="cannot be made"):
        world.open()
    assert world.kinds() == []
    assert runs.Locks(journal, "other").holders() == []


def full_disk(journal):
    """SQLite's own limit stands for a disk without room."""
    connection = journal._connection()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalError, match="full"):
        journal.append("", "filler", {"text": "x" * 300_000})
    while True:
        try:
            journal.append("", "filler", {})
        except JournalError:
            return


def test_nothing_is_done_when_the_journal_cannot_be_written(world, journal):
    run = world.approved()
    full_disk(journal)
    with pytest.raises(JournalError, match="cannot be written"):
        run.apply("staging")
    assert not world.effects
    assert runs.open_runs() == []


def test_an_outcome_that_could_not_be_written_is_found_out_by_the_same_command(world, journal):
    run = world.approved()
    world.before_effect = lambda step: full_disk(journal)
    with pytest.raises(JournalError):
        run.apply("staging")
    assert dict(world.effects) == {"staging.files": 1}
    world.before_effect = lambda step: None
    journal._connection().execute("PRAGMA max_page_count = 100000")
    world.procedure()
    assert dict(world.effects) == ONCE
    assert world.status == "succeeded"


def test_locks_are_given_back_when_the_end_cannot_be_written(world, journal, monkeypatch):
    run = world.approved()
    world.failing.add("staging.link")
    append = Journal.append

    def no_closing(journal, run, kind, data, fences=()):
        if kind == "closed":
            raise JournalError("no room")
        return append(journal, run, kind, data, fences)

    monkeypatch.setattr(Journal, "append", no_closing)
    with pytest.raises(JournalError):
        run.apply("staging")
    assert runs.open_runs() == []
    assert run._locks.holders() == []


def test_a_listener_that_fails_stops_nothing(world):
    def broken(event):
        raise OSError("no chat today")

    live.listeners.append(broken)
    world.procedure()
    assert world.status == "succeeded"
    assert live.listeners == []


def test_a_terminal_that_went_away_stops_nothing(world, monkeypatch):
    def closed_pipe(*words, **options):
        raise BrokenPipeError

    monkeypatch.setattr(live, "echo", True)
    monkeypatch.setattr("builtins.print", closed_pipe)
    world.procedure()
    assert world.status == "succeeded"


# -- failures and the way back --------------------------------------------------------------------------------------


def test_a_failing_step_puts_back_what_served(world):
    world.failing.add("production.link")
    with pytest.raises(StepFailedError, match=r"production\.link does not work here. v2 serves again"):
        world.procedure()
    assert world.live == {"staging": "v1", "production": "v2"}
    assert world.status == "failed"


def test_a_failing_verification_puts_back_what_served(world):
    world.health["production"] = FAIL
    with pytest.raises(VerificationFailedError, match="checkout answers 500"):
        world.procedure()
    assert world.live["production"] == "v2"
    assert world.effects["production.back.link"] == 1


def test_a_staging_that_fails_keeps_production_untouched(world):
    world.health["staging"] = FAIL
    with pytest.raises(VerificationFailedError):
        world.procedure()
    assert world.live == {"staging": "v2", "production": "v2"}
    assert "production.files" not in world.effects


def test_a_failing_observation_puts_back_what_served(world):
    world.seen = FAIL
    with pytest.raises(VerificationFailedError):
        world.procedure()
    assert world.live["production"] == "v2"
    assert world.status == "failed"


def test_a_run_that_went_back_is_not_continued_but_begun_anew(world, journal):
    world.failing.add("staging.link")
    with pytest.raises(StepFailedError):
        world.procedure()
    world.failing.clear()
    world.procedure()
    assert [record.status for record in journal.runs()] == ["succeeded", "failed"]


# -- interruption ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RunInterrupted(15, "SIGTERM")], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_run_gives_its_locks_back_and_is_continued(world, error):
    def interrupt(step):
        if step == "staging.link":
            raise error

    world.before_effect = interrupt
    with pytest.raises(KeyboardInterrupt):
        world.procedure()
    assert world.status == "interrupted"
    world.before_effect = lambda step: None
    world.procedure()
    assert world.status == "succeeded"
    assert dict(world.effects) == ONCE
    assert "lock taken over" not in world.kinds()


def test_a_run_that_was_closed_while_this_one_waited_for_its_lock_is_not_continued(world, journal, monkeypatch):
    world.terms = Terms("second-person", expires=3600, wait=0, word="v1")
    with pytest.raises(ApprovalPendingError):
        world.procedure()
    left = journal.runs()[0].run
    take = runs.Locks.take

    def closed_meanwhile(locks, names):
        if names == [f"run {left}"]:
            journal.append(left, "closed", {"status": "abandoned", "reason": "", "seconds": 0})
        return take(locks, names)

    monkeypatch.setattr(runs.Locks, "take", closed_meanwhile)
    assert world.open().id != left
    assert journal.run(left).status == "abandoned"


def test_a_run_that_another_process_carries_out_is_not_joined(world, journal):
    world.terms = Terms("second-person", expires=3600, wait=0, word="v1")
    with pytest.raises(ApprovalPendingError):
        world.procedure()
    other = runs.Locks(journal, "other")
    other.take([f"run {journal.runs()[0].run}"])
    with pytest.raises(LockHeldError, match="ada@"):
        world.open()
    other.release()


def test_a_run_that_died_is_overtaken_by_one_that_does_something_else(world, journal, crashing):
    with crashing.at(6, after=True):
        world.procedure()
    died = journal.runs()[0].run
    run = runs.Run.open(journal, "rollback", "shop/production", {"tag": "v0"}, same=("tag",))
    run.propose(world.read, world.build)
    run.approve(world.terms)
    run.apply("staging")
    assert journal.run(died).status == "overtaken"


def test_a_run_that_waits_for_approval_is_not_overtaken(world, journal):
    world.terms = Terms("second-person", expires=3600, wait=0, word="v1")
    with pytest.raises(ApprovalPendingError):
        world.procedure()
    waiting = journal.runs()[0].run
    run = runs.Run.open(journal, "rollback", "shop/production", {"tag": "v0"}, same=("tag",))
    run.propose(world.read, world.build)
    run.approve(Terms("none", 3600, 0, ""))
    run.apply("staging")
    assert journal.run(waiting).status == "waiting"


# -- crash anywhere, run again, end right ---------------------------------------------------------------------------

GOOD_EVENTS = 20
FAILING = {
    "step of staging": (lambda world: world.failing.add("staging.link"), "v2", "v2", 13),
    "step of production": (lambda world: world.failing.add("production.link"), "v1", "v2", 20),
    "health of production": (lambda world: world.health.update(production=FAIL), "v1", "v2", 21),
    "observation": (lambda world: setattr(world, "seen", FAIL), "v1", "v2", 24),
}
BOUNDARIES = [
    pytest.param(name, number, after, id=f"{name}-{'after' if after else 'before'}-{number}")
    for name, (_, _, _, events) in FAILING.items()
    for number in range(1, events + 1)
    for after in (False, True)
]


def test_the_boundaries_are_all_there_are(world):
    world.procedure()
    assert len(world.kinds()) == GOOD_EVENTS


@pytest.mark.parametrize("name", FAILING)
def test_the_boundaries_of_failing_runs_are_all_there_are(world, name):
    fail, _, _, events = FAILING[name]
    fail(world)
    with pytest.raises(RunbookError):
        world.procedure()
    assert len(world.kinds()) == events


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, GOOD_EVENTS + 1))
def test_a_run_that_crashed_is_continued_and_succeeds(world, journal, crashing, number, after):
    with crashing.at(number, after):
        world.procedure()
    if number < GOOD_EVENTS or not after:
        world.procedure()
    assert dict(world.effects) == ONCE
    assert world.live == {"staging": "v1", "production": "v1"}
    assert [record.status for record in journal.runs()] == ["succeeded"]
    assert journal.verify() >= GOOD_EVENTS


@pytest.mark.parametrize(("name", "number", "after"), BOUNDARIES)
def test_a_failing_run_that_crashed_ends_with_what_served_before(world, journal, crashing, name, number, after):
    fail, staging, production, events = FAILING[name]
    fail(world)
    with crashing.at(number, after):
        world.procedure()
    if number < events or not after:
        with pytest.raises(RunbookError):
            world.procedure()
    assert world.live == {"staging": staging, "production": production}
    assert max(world.effects.values()) == 1
    assert [record.status for record in journal.runs()] == ["failed"]
    journal.verify()


@pytest.mark.parametrize("number", [18, 19, 20])
def test_a_run_that_crashed_while_it_went_back_goes_on_going_back(world, journal, crashing, number):
    world.health["production"] = FAIL
    with crashing.at(number, after=True):
        world.procedure()
    world.health.clear()
    with pytest.raises(StepFailedError, match=r"v2 serves again|what served before serves again"):
        world.procedure()
    assert world.live["production"] == "v2"
    assert [record.status for record in journal.runs()] == ["failed"]


@pytest.mark.parametrize("second", range(1, 10))
@pytest.mark.parametrize("first", [4, 6, 9, 13])
def test_a_run_that_crashed_twice_is_continued_and_succeeds(world, journal, crashing, first, second):
    for number in (first, second):
        with crashing.at(number, after=bool(second % 2)):
            world.procedure()
    if world.status != "succeeded":
        world.procedure()
    assert dict(world.effects) == ONCE
    assert [record.status for record in journal.runs()] == ["succeeded"]


def carry_out_and_die(folder, number, after):
    """The procedure on effects that are files, in a process that is killed before or after its n-th event."""
    append, count = Journal.append, 0

    def dying(journal, *args, **kwargs):
        nonlocal count
        count += 1
        if count == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        event = append(journal, *args, **kwargs)
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return event

    Journal.append = dying
    carry_out_on_files(folder)


def carry_out_on_files(folder):
    def step(name):
        effect = folder / name

        def do():
            with effect.open("a") as file:
                file.write("x")
            return ""

        return Step(name, name, do, effect.exists)

    def build(snapshot):
        return Plan("p", (Section("staging", "shop/staging", "t", (step("one"), step("two"))),), snapshot)

    run = runs.Run.open(Journal(folder), "rollback", "shop/staging", {})
    run.propose(dict, build)
    run.approve(Terms("none", 3600, 0, ""))
    run.apply("staging")
    run.close()


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", [1, 4, 5, 6, 7, 9, 10])
def test_a_process_that_was_really_killed_is_continued_by_another(tmp_path, number, after):
    process = multiprocessing.get_context("fork").Process(target=carry_out_and_die, args=(tmp_path, number, after))
    process.start()
    process.join(20)
    assert process.exitcode == -signal.SIGKILL
    if (number, after) != (10, True):
        carry_out_on_files(tmp_path)
    assert (tmp_path / "one").read_text() == (tmp_path / "two").read_text() == "x"
    journal = Journal(tmp_path)
    assert [record.status for record in journal.runs()] == ["succeeded"]
    journal.verify()


def test_a_step_of_which_nothing_tells_whether_it_took_effect_waits_for_a_person(world, journal, crashing):
    def build(snapshot):
        step = world.step("staging.mail", lambda: None, lambda: None)
        return Plan("p", (Section("staging", "shop/staging", "t", (step,)),), snapshot)

    world.build = build

    def attempt():
        run = world.approved()
        run.apply("staging")
        run.close()

    with crashing.at(6, after=False):
        attempt()
    with pytest.raises(UnsettledStepError, match="nothing tells") as unsettled:
        attempt()
    run = journal.runs()[0]
    assert run.status == "interrupted"
    assert f"runbook settle {run.run} staging.mail" in unsettled.value.next_step
    assert world.effects["staging.mail"] == 1
    started = world.last("step started").data
    journal.append(run.run, "step finished", {**started, "outcome": "settled", "remark": "", "seconds": 0})
    attempt()
    assert world.status == "succeeded"
    assert world.effects["staging.mail"] == 1


def test_a_repeatable_step_of_which_nothing_tells_is_repeated(world, crashing):
    def build(snapshot):
        step = world.step("staging.clear", lambda: None, lambda: None, repeatable=True)
        return Plan("p", (Section("staging", "shop/staging", "t", (step,)),), snapshot)

    world.build = build

    def attempt():
        run = world.approved()
        run.apply("staging")
        run.close()

    with crashing.at(6, after=False):
        attempt()
    attempt()
    assert world.effects["staging.clear"] == 2
    assert world.status == "succeeded"


# -- secrets --------------------------------------------------------------------------------------------------------


def test_no_secret_reaches_the_record(world, journal):
    secret = Secret('hunter2-"quoted"\\and\nlong')
    world.failing.add("staging.link")
    do = world.before_effect

    def leak(step):
        do(step)
        if step == "staging.link":
            raise StepFailedError(f"login as root:{secret.reveal()} failed")

    world.before_effect = leak
    with pytest.raises(StepFailedError):
        world.procedure()
    record = journal.folder_of(journal.runs()[0].run)
    texts = [journal.file.read_bytes(), *(file.read_bytes() for file in journal.folder.glob("journal.db-*"))]
    texts += [(record / name).read_bytes() for name in ("run.json", "page.html")]
    assert not any(b"hunter2" in text for text in texts)
