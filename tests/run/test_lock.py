"""One at a time: who holds a lock keeps it, who is gone loses it, who lost it writes nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import LockHeldError, LockLostError
from runbook_lib.run import lock
from runbook_lib.run.journal import Journal
from runbook_lib.run.lock import Locks, born


def edit(journal: Journal, **columns: Any) -> None:
    """Change the row of a lock, as another machine or another time would have written it."""
    with sqlite3.connect(journal.file) as connection:
        names = ", ".join(f"{name} = ?" for name in columns)
        connection.execute(f"UPDATE locks SET {names}", list(columns.values()))


@pytest.fixture
def held(journal: Journal) -> Iterator[Locks]:
    locks = Locks(journal, "r1")
    locks.take(["shop/production"])
    yield locks
    locks.release()


@pytest.fixture
def other(journal: Journal) -> Iterator[Locks]:
    locks = Locks(journal, "r2")
    yield locks
    locks.release()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.02)


# -- this machine ---------------------------------------------------------------------------------------------------


def test_a_live_holder_is_refused_and_named(held, other):
    with pytest.raises(LockHeldError, match=rf"shop/production is held by ada@.*pid {os.getpid()}, run r1") as refused:
        other.take(["shop/production"])
    assert "runbook show r1" in refused.value.next_step


def test_a_lock_that_was_released_can_be_taken(held, other):
    held.release()
    assert other.take(["shop/production"])[0].taken_from is None


def test_a_lock_that_is_held_is_not_taken_twice(held):
    assert held.take(["shop/production"]) == []
    assert len(held.fences) == 1


def test_all_locks_are_taken_or_none(held, other):
    with pytest.raises(LockHeldError):
        other.take(["shop/alpha", "shop/production", "shop/zeta"])
    assert [holder.name for holder in other.holders()] == ["shop/production"]
    assert other.fences == []


def test_each_taking_has_a_higher_token(held, other):
    first = held.fences[0][1]
    held.release()
    assert other.take(["shop/production"])[0].token > first


def test_a_zombie_holds_nothing(journal, other):
    child = subprocess.Popen(["true"])
    while born(child.pid) != "zombie":
        time.sleep(0.01)
    locks = Locks(journal, "r1")
    locks.take(["shop/production"])
    edit(journal, pid=child.pid)
    assert other.take(["shop/production"])[0].taken_from is not None
    child.wait()
    locks.release()


def test_a_process_that_got_the_pid_of_a_dead_holder_does_not_keep_its_lock(held, other, journal):
    edit(journal, born="another boot:1")
    taken = other.take(["shop/production"])[0].taken_from
    assert taken is not None
    assert taken.run == "r1"


def test_a_pid_tells_one_process_from_another():
    child = subprocess.Popen(["sleep", "5"])
    assert born(child.pid) == born(child.pid) != born(os.getpid())
    child.kill()
    child.wait()
    assert born(child.pid) == ""


def take_and_wait(folder: Path, ready: Any) -> None:
    Locks(Journal(folder), "r1").take(["shop/production"])
    ready.set()
    time.sleep(60)


@pytest.fixture
def elsewhere(journal: Journal) -> Iterator[multiprocessing.Process]:
    """Another process that holds the lock."""
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=take_and_wait, args=(journal.folder, ready))
    process.start()
    assert ready.wait(10)
    yield process
    process.kill()
    process.join()


def test_another_process_that_lives_is_refused(elsewhere, other):
    with pytest.raises(LockHeldError, match=f"pid {elsewhere.pid}"):
        other.take(["shop/production"])


def test_the_lock_of_a_process_that_was_killed_is_taken_over(elsewhere, other):
    elsewhere.kill()
    elsewhere.join()
    assert other.take(["shop/production"])[0].taken_from.pid == elsewhere.pid


def test_a_lock_that_is_taken_over_is_written_down(world, elsewhere):
    elsewhere.kill()
    elsewhere.join()
    world.procedure()
    event = world.last("lock taken over")
    assert event.data["name"] == "shop/production"
    assert f"pid {elsewhere.pid}" in event.data["holder"]
    assert world.status == "succeeded"


def test_a_run_whose_environment_is_held_changes_nothing_and_is_refused(world, elsewhere):
    with pytest.raises(LockHeldError):
        world.procedure()
    assert not world.effects
    assert world.status == "refused"


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda s: s.name)
def test_a_signal_gives_the_locks_of_a_run_back(journal, signum):
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from runbook_lib.notebook.interruption import Interruption
        from runbook_lib.run.journal import Journal
        from runbook_lib.run.run import Run
        run = Run.open(Journal(Path(sys.argv[1])), "rollback", "shop/production", {})
        with Interruption() as interruption, interruption.cell(0), run.guarded():
            run._locks.take(["shop/production"])
            print("ready", flush=True)
            time.sleep(60)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(journal.folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while process.stdout.readline() != "ready\n":
        assert process.poll() is None
    process.send_signal(signum)
    process.communicate(timeout=20)
    assert Locks(journal, "r2").holders() == []
    assert journal.runs()[0].status == "interrupted"


# -- other machines -------------------------------------------------------------------------------------------------


def test_a_heartbeat_of_now_on_another_machine_is_alive(held, other, journal):
    edit(journal, host="web-2", beat=time.time())
    with pytest.raises(LockHeldError, match="web-2"):
        other.take(["shop/production"])


def test_a_silent_holder_on_another_machine_is_watched_and_then_dead(held, other, journal, hurried):
    held._stop.set()
    edit(journal, host="web-2", beat=time.time() - 3600)
    assert other.take(["shop/production"])[0].taken_from.host == "web-2"


def test_a_holder_with_a_wrong_clock_whose_heart_beats_is_alive(held, other, journal, monkeypatch):
    edit(journal, host="web-2", beat=time.time() - 3600)
    beats = iter(range(1, 10))

    def beat_instead_of_sleeping(_seconds):
        edit(journal, beats=next(beats))

    monkeypatch.setattr(lock.time, "sleep", beat_instead_of_sleeping)
    with pytest.raises(LockHeldError, match="web-2"):
        other.take(["shop/production"])


def test_who_holds_everything_already_is_not_refused_for_a_lock_of_others(held, other, journal):
    other.take(["other/production"])
    with sqlite3.connect(journal.file) as connection:
        connection.execute("UPDATE locks SET host = 'web-2' WHERE run = 'r1'")
    assert other.take(["other/production"]) == []


def test_the_heart_beats_while_a_lock_is_held(journal, hurried):
    locks = Locks(journal, "r1")
    locks.take(["shop/production"])
    deadline = time.monotonic() + 10
    while locks.holders()[0].beats < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    locks.release()
    assert locks.holders() == []


# -- fencing --------------------------------------------------------------------------------------------------------


@pytest.fixture
def lost(held: Locks, other: Locks, journal: Journal) -> Locks:
    """A lock that somebody took over while its owner was not heard of."""
    edit(journal, born="another boot")
    other.take(["shop/production"])
    return held


def test_who_lost_its_lock_writes_nothing(lost, journal):
    with pytest.raises(LockLostError, match=r"taken over by ada@.*run r2"):
        journal.append("r1", "step started", {}, lost.fences)
    assert list(journal.events()) == []


def test_who_lost_its_lock_does_not_release_the_new_one(lost, other):
    lost.release()
    assert [holder.run for holder in other.holders()] == ["r2"]


def test_a_run_that_lost_its_lock_does_no_further_step(world, journal):
    def take_over(step):
        if step == "production.files":
            edit(journal, token=10_000)

    world.before_effect = take_over
    with pytest.raises(LockLostError):
        world.procedure()
    assert world.effects["production.link"] == 0
    assert "closed" not in world.kinds()


# -- who is at work -------------------------------------------------------------------------------------------------


def test_the_actor_is_who_is_named_then_who_called_sudo(monkeypatch):
    monkeypatch.setenv("SUDO_USER", "bob")
    assert lock.actor() == "ada"
    monkeypatch.delenv("RUNBOOK_ACTOR")
    assert lock.actor() == "bob"


def test_a_user_without_a_name_is_a_number(monkeypatch):
    monkeypatch.delenv("RUNBOOK_ACTOR")
    monkeypatch.delenv("SUDO_USER", raising=False)

    def nameless():
        raise KeyError("uid not found")

    monkeypatch.setattr(lock.getpass, "getuser", nameless)
    assert lock.actor() == f"uid {os.getuid()}"
