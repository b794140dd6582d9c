"""Signals and time limits: the real command and real signals, and the parts of it in this process."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from runbook_lib.errors import RunInterrupted
from runbook_lib.notebook.interruption import CellTimeoutError, Interruption
from tests.notebook.notebooks import (
    OPEN_A_RUN,
    PAPERMILL,
    children,
    code_cells,
    listening,
    papermill,
    runbook,
    started,
    statuses,
    texts,
)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

WAITING = """\
import time
try:
    print("begun")
    open("begun", "w").close()
    time.sleep(60)
finally:
    print("cleaned up")"""

WAITING_IN_A_LOOP = WAITING.replace("import time", "import asyncio").replace("time.sleep", "await asyncio.sleep")

DEAF = """\
import time
open("begun", "w").close()
try:
    time.sleep(60)
except BaseException:
    pass"""

RETRYING = WAITING.replace("finally", "except Exception:\n    time.sleep(60)\nfinally")

WAITS = {"waiting": WAITING, "in a loop": WAITING_IN_A_LOOP, "retrying": RETRYING, "deaf": DEAF}


def waiting(folder: Path, cell: str = WAITING) -> subprocess.Popen[str]:
    runbook(folder / "r.ipynb", "print('first')", cell, "open('never', 'w')")
    return started("r.ipynb", "out.ipynb", "--autosave-cell-every", "1", cwd=folder, until=folder / "begun")


@pytest.mark.slow
@pytest.mark.parametrize("signum", SIGNALS, ids=lambda signum: signum.name)
@pytest.mark.parametrize(
    "cell", [WAITING, WAITING_IN_A_LOOP, RETRYING, DEAF], ids=["waiting", "in a loop", "retrying", "deaf"]
)
def test_a_signal_ends_the_notebook_in_order(tmp_path: Path, cell: str, signum: signal.Signals) -> None:
    process = waiting(tmp_path, cell)
    process.send_signal(signum)
    shown, errors = process.communicate(timeout=20)
    assert process.returncode == 128 + signum
    assert "notebook: out.ipynb" in shown
    assert errors == (
        f"Error in In [2]: interrupted by {signum.name}\nNext: run the same command again: it continues this run\n"
    )
    assert statuses(tmp_path / "out.ipynb") == ["completed", "failed", "skipped"]
    _, cell_, _ = code_cells(tmp_path / "out.ipynb")
    assert [output.ename for output in cell_.outputs if output.output_type == "error"] == ["RunInterrupted"]
    if cell is not DEAF:
        assert texts(cell_) == "begun\ncleaned up\n"
    assert not (tmp_path / "never").exists()


@pytest.mark.slow
def test_a_signal_leaves_the_run_to_be_continued_and_its_notebook_with_it(tmp_path: Path) -> None:
    runbook(tmp_path / "r.ipynb", OPEN_A_RUN, WAITING)
    for notebook in ("r.ipynb", "r.2.ipynb"):
        process = started("r.ipynb", cwd=tmp_path, until=tmp_path / "begun")
        process.send_signal(signal.SIGTERM)
        shown, _ = process.communicate(timeout=20)
        assert process.returncode == 143
        (record,) = (tmp_path / "journal" / "runs").iterdir()
        assert statuses(record / notebook) == ["completed", "failed"]
        (tmp_path / "begun").unlink()
    assert "continuing run" in shown


@pytest.mark.slow
def test_a_kill_leaves_what_was_finished_and_said(tmp_path: Path) -> None:
    process = waiting(tmp_path)
    deadline = time.monotonic() + 10
    while not texts(code_cells(tmp_path / "out.ipynb")[1]) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.kill()
    process.communicate()
    assert statuses(tmp_path / "out.ipynb") == ["completed", "running", "pending"]
    assert [texts(cell) for cell in code_cells(tmp_path / "out.ipynb")] == ["first\n", "begun\n", ""]


@pytest.mark.slow
def test_there_is_no_other_process_and_no_port(tmp_path: Path) -> None:
    process = waiting(tmp_path)
    try:
        assert children(process.pid) == []
        assert listening(process.pid) == []
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_the_third_signal_of_a_kind_kills(tmp_path: Path) -> None:
    deaf = DEAF.replace("    pass", "    open('ending', 'w').close()\n    time.sleep(60)")
    process = waiting(tmp_path, deaf)
    process.send_signal(signal.SIGINT)
    while not (tmp_path / "ending").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=5)
    assert process.returncode == 130
    assert "ending; once more to kill" in errors


@pytest.mark.slow
def test_sigint_reaches_a_command_started_in_the_background(tmp_path: Path) -> None:
    runbook(tmp_path / "r.ipynb", WAITING)
    script = (
        f'"{PAPERMILL}" r.ipynb out.ipynb & while [ ! -e begun ]; do sleep 0.1; done; kill -INT $!; wait $!; echo $?'
    )
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.endswith("130\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "words", "metadata"),
    [
        (WAITING, ["--execution-timeout", "1"], {}),
        (WAITING, [], {"timeout": 0.5}),
        (WAITING_IN_A_LOOP, ["--execution-timeout", "1"], {"timeout": 60}),
        (RETRYING, ["--execution-timeout", "1"], {}),
    ],
)
def test_a_cell_that_takes_too_long_fails(
    tmp_path: Path, cell: str, words: list[str], metadata: dict[str, float]
) -> None:
    runbook(tmp_path / "r.ipynb", cell, **metadata)
    done = papermill("r.ipynb", "out.ipynb", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error in In [1]: the cell ran longer than")
    assert done.stderr.count("\n") == 2
    (failed,) = code_cells(tmp_path / "out.ipynb")
    assert texts(failed) == "begun\ncleaned up\n"
    assert failed.outputs[-1].ename == "CellTimeoutError"


def test_a_signal_is_raised_once_in_the_cell() -> None:
    with Interruption() as interruption:
        with pytest.raises(RunInterrupted) as raised, interruption.cell(0):
            signal.raise_signal(signal.SIGTERM)
        with interruption.cell(0):
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.01)
    assert raised.value.signum == signal.SIGTERM
    assert interruption.received is raised.value


def test_a_signal_between_cells_is_noted_and_raises_nothing() -> None:
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
    assert interruption.received is not None
    assert interruption.received.signum == signal.SIGINT


def test_a_limit_is_for_one_cell_only() -> None:
    with Interruption() as interruption:
        with pytest.raises(CellTimeoutError), interruption.cell(0.01):
            time.sleep(1)
        with interruption.cell(0.02):
            pass
        time.sleep(0.05)


def test_handlers_and_timer_are_put_back() -> None:
    numbers = (*SIGNALS, signal.SIGALRM)
    before = [signal.getsignal(signum) for signum in numbers]
    signal.setitimer(signal.ITIMER_REAL, 1000)
    try:
        with Interruption() as interruption, interruption.cell(5):
            assert signal.getsignal(signal.SIGTERM) != before[0]
        assert [signal.getsignal(signum) for signum in numbers] == before
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 900
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_in_another_thread_nothing_is_installed() -> None:
    seen = []

    def use() -> None:
        with Interruption() as interruption, interruption.cell(1):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
