"""Stopping by hand, between two steps."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from runbook_lib.errors import GateError, RunStopped
from runbook_lib.run import gate
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Plan, Section, Step
from runbook_lib.run.run import Run
from runbook_lib.run.stopping import stoppable


@pytest.fixture(autouse=True)
def somebody_sits_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBOOK_INTERACTIVE", "1")


class World:
    """What the steps change. interrupt: the step in which the person asks to stop."""

    def __init__(self, interrupt: str = "") -> None:
        self.done: list[str] = []
        self.interrupt = interrupt

    def step(self, name: str) -> Step:
        def do() -> str:
            if name == self.interrupt:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.05)
            self.done.append(name)
            return ""

        def undo() -> str:
            self.done.remove(name)
            return ""

        return Step(f"p.{name}", name, do, lambda: name in self.done, undo=undo)

    def plan(self, _snapshot: object = None) -> Plan:
        steps = tuple(map(self.step, ("one", "two", "three")))
        return Plan("three steps", (Section("p", "shop/production", "three steps", steps),), {})


def opened(journal: Journal, world: World) -> Run:
    run = Run.open(journal, "steps", "shop/production", {})
    run.propose(dict, world.plan)
    run.approve(gate.Terms("none", 60, 0, ""))
    return run


def test_the_step_in_hand_is_finished_and_the_next_is_not_begun(tmp_path: Path) -> None:
    world = World("one")
    with pytest.raises(RunStopped, match="stopped before two"):
        opened(Journal(tmp_path), world).apply("p")
    assert world.done == ["one"]


def test_a_stopped_run_is_continued_by_the_same_command(tmp_path: Path) -> None:
    world, journal = World("one"), Journal(tmp_path)
    run = opened(journal, world)
    with pytest.raises(RunStopped):
        run.apply("p")
    world.interrupt = ""
    again = opened(journal, world)
    again.apply("p")
    assert (again.id, world.done) == (run.id, ["one", "two", "three"])


def test_a_stopped_run_can_be_undone(tmp_path: Path) -> None:
    world = World("two")
    run = opened(Journal(tmp_path), world)
    with pytest.raises(RunStopped):
        run.apply("p")
    again = run.reopened()
    again.propose(dict, world.plan)
    assert again.undo() == "p: what ran was taken back"
    assert (world.done, again.status) == ([], "undone")


def test_a_finished_section_can_be_undone_before_the_run_is_closed(tmp_path: Path) -> None:
    world = World()
    run = opened(Journal(tmp_path), world)
    run.apply("p")
    run.undo()
    assert world.done == []


def test_where_nothing_was_begun_there_is_nothing_to_undo(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="nothing was begun"):
        opened(Journal(tmp_path), World()).undo()


def test_the_second_interrupt_stops_at_once() -> None:
    def interrupted_twice() -> None:
        with stoppable(True, lambda _text: None) as asked:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            assert asked()
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        interrupted_twice()


def test_afterwards_an_interrupt_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stoppable(True, lambda _text: None):
        pass
    assert signal.getsignal(signal.SIGINT) is before


def test_headless_and_in_threads_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stoppable(False, lambda _text: None) as asked:
        assert (signal.getsignal(signal.SIGINT), asked()) == (before, False)

    def in_a_thread() -> None:
        with stoppable(True, lambda _text: None):
            assert signal.getsignal(signal.SIGINT) is before

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()


def test_a_run_with_other_parameters_takes_the_place_of_one_in_which_nothing_was_begun(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    first = Run.open(journal, "steps", "shop/production", {"tag": "a"}, same=("tag",))
    second = Run.open(journal, "steps", "shop/production", {"tag": "b"}, same=("tag",))
    assert (first.status, second.status) == ("abandoned", "running")
