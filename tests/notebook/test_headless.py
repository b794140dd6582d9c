"""The papermill command for a runbook, as it is typed, in the places where it is typed."""

from __future__ import annotations

import base64
import json
import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.notebook.notebooks import (
    CLOSE_WELL,
    OPEN_A_RUN,
    PAPERMILL,
    code_cells,
    papermill,
    plain,
    runbook,
    statuses,
    texts,
)

pytestmark = pytest.mark.slow

TAG = 'tag: str = ""  # the release to put live'


@pytest.fixture
def rollback(tmp_path: Path) -> Path:
    return runbook(
        tmp_path / "rollback.ipynb", "print(repr(tag))", OPEN_A_RUN, "print('halfway')", CLOSE_WELL, parameters=TAG
    )


def kept(folder: Path) -> Path:
    """The one executed notebook in the records of runs."""
    (notebook,) = folder.glob("journal/runs/*/*.ipynb")
    return notebook


def on_a_terminal(*words: str, cwd: Path) -> tuple[int, str]:
    """Run papermill with a terminal on all three standard streams; exit status and what it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execv(PAPERMILL, [PAPERMILL, *words])  # noqa: S606 - the command itself is what the terminal is for
    shown = b""
    while True:
        try:
            block = os.read(terminal, 4096)
        except OSError:
            break
        if not block:
            break
        shown += block
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def assert_rolled_back(code: int, shown: str, rollback: Path, before: bytes) -> None:
    assert code == 0, shown
    assert texts(code_cells(kept(rollback.parent))[2]) == "'v1.4.2'\n"
    assert "succeeded after" in shown
    assert f"notebook: {kept(rollback.parent)}" in shown
    assert '"cells"' not in shown
    assert rollback.read_bytes() == before


def test_on_a_terminal(rollback: Path) -> None:
    before = rollback.read_bytes()
    code, shown = on_a_terminal("rollback.ipynb", "-p", "tag", "v1.4.2", cwd=rollback.parent)
    assert_rolled_back(code, shown, rollback, before)


def test_with_a_fifo_on_standard_input(rollback: Path) -> None:
    before = rollback.read_bytes()
    done = papermill("rollback.ipynb", "-p", "tag", "v1.4.2", cwd=rollback.parent, stdin=None, input="")
    assert_rolled_back(done.returncode, done.stdout, rollback, before)


def test_with_another_notebook_piped_in(rollback: Path) -> None:
    before = rollback.read_bytes()
    other = plain(rollback.with_name("other.ipynb"), "print('other')").read_text()
    done = papermill("rollback.ipynb", "-p", "tag", "v1.4.2", cwd=rollback.parent, stdin=None, input=other)
    assert_rolled_back(done.returncode, done.stdout, rollback, before)


def test_with_no_terminal_and_a_bare_environment(rollback: Path, tmp_path: Path) -> None:
    before = rollback.read_bytes()
    done = papermill(
        "rollback.ipynb",
        "-p",
        "tag",
        "v1.4.2",
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        start_new_session=True,
    )
    assert_rolled_back(done.returncode, done.stdout, rollback, before)
    assert not (tmp_path / ".ipython").exists()


def test_with_closed_standard_streams(rollback: Path) -> None:
    command = f'"{PAPERMILL}" rollback.ipynb -p tag v1.4.2 <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", command], cwd=rollback.parent, timeout=60).returncode == 0
    assert statuses(kept(rollback.parent)) == ["completed"] * 6


def test_when_nobody_reads_standard_output(rollback: Path) -> None:
    command = f'{{ "{PAPERMILL}" rollback.ipynb -p tag v1.4.2; echo $? >&2; }} | true'
    done = subprocess.run(
        ["sh", "-c", command], cwd=rollback.parent, timeout=60, stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.stderr == "0\n"
    assert statuses(kept(rollback.parent)) == ["completed"] * 6


def test_with_an_output_path_the_notebook_is_in_both_places(rollback: Path) -> None:
    done = papermill("rollback.ipynb", "out_{tag}.ipynb", "-p", "tag", "v1", cwd=rollback.parent)
    assert done.returncode == 0, done.stderr
    assert statuses(rollback.with_name("out_v1.ipynb")) == ["completed"] * 6
    assert statuses(kept(rollback.parent)) == ["completed"] * 6


def test_a_dash_writes_the_notebook_and_nothing_else_to_standard_output(rollback: Path) -> None:
    done = papermill("rollback.ipynb", "-", cwd=rollback.parent)
    assert done.returncode == 0
    assert json.loads(done.stdout)["metadata"]["runbook"]["name"] == "rollback"
    assert "succeeded after" in done.stderr


@pytest.mark.parametrize("way", ["same", "relative", "absolute", "symlink", "hardlink"])
def test_the_source_is_never_the_output(rollback: Path, way: str) -> None:
    before = rollback.read_bytes()
    link = rollback.with_name("link.ipynb")
    if way == "symlink":
        link.symlink_to(rollback)
    if way == "hardlink":
        os.link(rollback, link)
    output = {"same": rollback.name, "relative": f"../{rollback.parent.name}/rollback.ipynb", "absolute": rollback}
    done = papermill("rollback.ipynb", output.get(way, link), cwd=rollback.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert "would be overwritten" in done.stderr
    assert rollback.read_bytes() == before


def test_another_source_is_not_the_output_but_an_executed_one_may_be(rollback: Path) -> None:
    other = runbook(rollback.with_name("verify.ipynb"))
    assert papermill("rollback.ipynb", "verify.ipynb", cwd=rollback.parent).returncode == 2
    for _ in range(2):
        assert papermill("verify.ipynb", "out.ipynb", cwd=rollback.parent).returncode == 0
    assert "papermill" not in json.loads(other.read_text())["metadata"]


def test_a_notebook_that_was_executed_is_not_its_own_output_either(rollback: Path) -> None:
    assert papermill("rollback.ipynb", "out.ipynb", cwd=rollback.parent).returncode == 0
    executed = rollback.with_name("out.ipynb")
    rollback.with_name("link.ipynb").symlink_to(executed)
    before = executed.read_bytes()
    done = papermill("out.ipynb", "link.ipynb", cwd=rollback.parent)
    assert (done.returncode, executed.read_bytes()) == (2, before)


def test_a_cell_that_asks_fails_on_a_terminal_too(tmp_path: Path) -> None:
    runbook(tmp_path / "r.ipynb", "import getpass; getpass.getpass('the password? ')")
    code, shown = on_a_terminal("r.ipynb", cwd=tmp_path)
    assert code == 1
    assert "StdinNotImplementedError: a runbook that runs under papermill cannot ask: the password?" in shown


def test_a_missing_output_folder_is_told_before_anything_runs(rollback: Path) -> None:
    done = papermill("rollback.ipynb", "nowhere/out.ipynb", cwd=rollback.parent)
    assert done.returncode == 2
    assert "nowhere does not exist" in done.stderr
    assert not (rollback.parent / "journal").exists()


HOSTILE = [
    "1.10",
    "0012",
    "7e12345",
    "True",
    "None",
    "",
    "{}",
    "x" * 10_000,
    "<script>alert(1)</script>",
    "a'b\"c\\n\\",
    "one\ntwo",
    "__import__('os')",
    "é\u202e✓",
]


@pytest.mark.parametrize("typed", HOSTILE, ids=range(len(HOSTILE)))
def test_text_arrives_as_typed(tmp_path: Path, typed: str) -> None:
    runbook(tmp_path / "r.ipynb", "open('got', 'w').write(repr(tag))", parameters=TAG)
    done = papermill("r.ipynb", "out.ipynb", "-p", "tag", typed, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got").read_text() == repr(typed)


@pytest.mark.parametrize(
    "words",
    [
        ["-p", "count", "4"],
        ["-r", "count", "4"],
        ["-y", "count: 4"],
        ["-y", "count: '4'"],
        ["-b", base64.b64encode(b"count: 4").decode()],
        ["-f", "values.yaml"],
    ],
)
def test_every_way_to_give_a_parameter(tmp_path: Path, words: list[str]) -> None:
    runbook(tmp_path / "r.ipynb", "open('got', 'w').write(repr(count))", parameters="count: int = 3")
    (tmp_path / "values.yaml").write_text("count: 4\n")
    assert papermill("r.ipynb", *words, cwd=tmp_path).returncode == 0
    assert (tmp_path / "got").read_text() == "4"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-p", "cuont", "4"], "did you mean count?"),
        (["-r", "count", "four"], "not a whole number"),
        (["-y", "{count: true}"], "not a whole number"),
        (["-y", "[1"], "cannot be read"),
        (["-y", "just text"], "no mapping"),
        (["-b", "!"], "not base64"),
        (["-f", "nowhere.yaml"], "cannot be read"),
        (["out_{tga}.ipynb"], "cannot be filled in"),
        (["--prepare-only"], "needs an output path"),
    ],
)
def test_wrong_usage_runs_nothing_and_exits_2(tmp_path: Path, words: list[str], message: str) -> None:
    runbook(tmp_path / "r.ipynb", "open('ran', 'w')", parameters="count: int = 3")
    done = papermill("r.ipynb", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "ran").exists()


def test_no_run_and_no_output_path_says_where_the_notebook_is(tmp_path: Path) -> None:
    runbook(tmp_path / "r.ipynb", "print('ran')")
    done = papermill("r.ipynb", cwd=tmp_path)
    (notebook,) = (tmp_path / ".runbooks" / "runs").glob("*-r.ipynb")
    assert done.stdout == f"notebook: {notebook}\n"
    assert done.stderr == ""
    assert texts(code_cells(notebook)[0]) == "ran\n"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([OPEN_A_RUN], "ended as failed"),
        ([OPEN_A_RUN, "run._close('refused', 'live already')"], "ended as refused"),
        ([OPEN_A_RUN, "import sys; sys.exit(0)"], "exit status 0, leaving run"),
        (["import sys; sys.exit(3)"], "exit status 3"),
        ([OPEN_A_RUN, CLOSE_WELL, "1/0"], "ZeroDivisionError: division by zero"),
        (["def f("], "SyntaxError"),
        (["raise KeyboardInterrupt"], "KeyboardInterrupt"),
    ],
)
def test_what_is_no_success_exits_1(tmp_path: Path, cells: list[str], message: str) -> None:
    runbook(tmp_path / "r.ipynb", *cells)
    done = papermill("r.ipynb", cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "cells", [["import sys; sys.exit(0)"], ["exit"], [OPEN_A_RUN, CLOSE_WELL, "import sys; sys.exit()"]]
)
def test_leaving_with_nothing_open_is_a_success(tmp_path: Path, cells: list[str]) -> None:
    runbook(tmp_path / "r.ipynb", *cells, "open('ran', 'w')")
    done = papermill("r.ipynb", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


def test_an_expected_error_is_its_message_and_the_next_step(tmp_path: Path) -> None:
    raising = "from runbook_lib.errors import LockHeldError\nraise LockHeldError('bob is at work', next_step='wait')"
    runbook(tmp_path / "r.ipynb", OPEN_A_RUN, raising)
    done = papermill("r.ipynb", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "Error in In [2]: bob is at work\nNext: wait\n"


def test_an_unexpected_error_is_traced_through_the_cells_only(tmp_path: Path) -> None:
    runbook(tmp_path / "r.ipynb", "def f():\n    raise ValueError('boom')", "f()", "print('never')")
    done = papermill("r.ipynb", "out.ipynb", cwd=tmp_path)
    assert done.stderr.splitlines() == [
        "Error in In [2]: ValueError: boom",
        "  In [2], line 1, in <module>: f()",
        "  In [1], line 2, in f: raise ValueError('boom')",
    ]
    assert "notebook: out.ipynb" in done.stdout
    # Papermill's markers stand before the code cells; the cell that never ran does not read "completed".
    assert statuses(tmp_path / "out.ipynb") == ["completed", "failed", "skipped"]


def test_a_long_trace_is_shortened(tmp_path: Path) -> None:
    runbook(tmp_path / "r.ipynb", "def f(n):\n    return 1 / n if n == 0 else f(n - 1)\nf(20)")
    lines = papermill("r.ipynb", cwd=tmp_path).stderr.splitlines()
    assert len(lines) == 10
    assert lines[1] == "  In [1], line 3, in <module>: f(20)"
    assert "14 more" in lines[4]
    assert "1 / n" in lines[-1]


def test_prepare_only_writes_the_parameters_and_runs_nothing(tmp_path: Path) -> None:
    runbook(tmp_path / "r.ipynb", "open('ran', 'w')", parameters=TAG)
    assert papermill("r.ipynb", "out.ipynb", "--prepare-only", "-p", "tag", "1.10", cwd=tmp_path).returncode == 0
    assert 'tag = "1.10"' in code_cells(tmp_path / "out.ipynb")[1].source
    assert not (tmp_path / "ran").exists()


def test_the_help_of_a_runbook_lists_every_parameter(tmp_path: Path) -> None:
    runbook(tmp_path / "r.ipynb", parameters=f"{TAG}\nreason: str | None = None")
    done = papermill("r.ipynb", "--help-notebook", cwd=tmp_path)
    assert done.returncode == 0
    assert "tag: str (default '')\n      the release to put live" in done.stdout
    assert "reason: str | None (default None)" in done.stdout


@pytest.mark.parametrize("word", ["--version", "-h"])
def test_general_questions_are_answered_by_papermill(rollback: Path, word: str) -> None:
    done = papermill("rollback.ipynb", word, cwd=rollback.parent)
    assert done.returncode == 0
    assert "papermill" in done.stdout
    assert not (rollback.parent / "journal").exists()


def test_the_output_of_cells_goes_where_papermill_is_told(tmp_path: Path) -> None:
    runbook(tmp_path / "r.ipynb", "import sys; print('out'); print('err', file=sys.stderr)")
    done = papermill("r.ipynb", "--stdout-file", "o", "--stderr-file", "e", "--log-output", cwd=tmp_path)
    assert done.returncode == 0
    assert ((tmp_path / "o").read_text(), (tmp_path / "e").read_text()) == ("out\n", "err\n")
    assert "out\n" in done.stderr


def test_cells_run_in_the_folder_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    runbook(tmp_path / "r.ipynb", "open('here', 'w')")
    assert papermill("r.ipynb", "out.ipynb", "--cwd", "elsewhere", cwd=tmp_path).returncode == 0
    assert (tmp_path / "elsewhere" / "here").exists()
    assert (tmp_path / "out.ipynb").exists()


def test_the_source_is_not_the_output_either_when_cells_run_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    runbook(tmp_path / "r.ipynb")
    assert papermill("r.ipynb", "sub/../r.ipynb", "--cwd", "sub", cwd=tmp_path).returncode == 2
    assert papermill("r.ipynb", "sub/out.ipynb", "--cwd", "sub", cwd=tmp_path).returncode == 0
    assert statuses(tmp_path / "sub" / "out.ipynb") == []


def test_a_kernel_process_is_used_when_asked_for_with_the_same_checks(tmp_path: Path) -> None:
    cell = """
import sys
connection = open(sys.argv[sys.argv.index("-f") + 1]).read()
open("got", "w").write(f"{tag} {'ipc' in connection}")"""
    runbook(tmp_path / "r.ipynb", cell, parameters=TAG)
    assert papermill("r.ipynb", "--engine", "nbclient", "-p", "tga", "1.10", cwd=tmp_path).returncode == 2
    done = papermill("r.ipynb", "--engine", "nbclient", "-p", "tag", "1.10", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got").read_text() == "1.10 True"


def test_a_failing_cell_in_a_kernel_process_exits_1(tmp_path: Path) -> None:
    runbook(tmp_path / "r.ipynb", "1/0")
    done = papermill("r.ipynb", "out.ipynb", "--engine", "nbclient", cwd=tmp_path)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "Traceback" not in done.stderr


class TestOtherNotebooks:
    """As papermill has them, word for word."""

    def test_a_missing_output_path_is_papermills_error(self, tmp_path: Path) -> None:
        plain(tmp_path / "p.ipynb", "print(1)")
        code, shown = on_a_terminal("p.ipynb", cwd=tmp_path)
        assert code == 2
        assert "Missing argument 'OUTPUT_PATH'" in shown

    def test_without_a_terminal_the_notebook_goes_to_standard_output(self, tmp_path: Path) -> None:
        plain(tmp_path / "p.ipynb", "print('ran')")
        done = papermill("p.ipynb", cwd=tmp_path)
        assert done.returncode == 0
        assert "ran\n" in json.dumps(json.loads(done.stdout)).replace("\\n", "\n")

    def test_parameters_are_cast_and_unknown_ones_warned_of(self, tmp_path: Path) -> None:
        plain(tmp_path / "p.ipynb", "print(repr(tag))", parameters="tag: str = ''")
        done = papermill("p.ipynb", "out.ipynb", "-p", "tag", "1.10", "-p", "tga", "x", cwd=tmp_path)
        assert done.returncode == 0
        assert "Passed unknown parameter: tga" in done.stderr
        assert texts(code_cells(tmp_path / "out.ipynb")[2]) == "1.1\n"

    def test_a_failing_cell_ends_with_papermills_traceback(self, tmp_path: Path) -> None:
        plain(tmp_path / "p.ipynb", "1/0")
        done = papermill("p.ipynb", "out.ipynb", cwd=tmp_path)
        assert done.returncode == 1
        assert "PapermillExecutionError" in done.stderr

    def test_a_runbook_as_its_output_changes_nothing(self, tmp_path: Path) -> None:
        plain(tmp_path / "p.ipynb", "import os; print(os.getpid())")
        runbook(tmp_path / "old.ipynb")
        assert papermill("p.ipynb", "old.ipynb", cwd=tmp_path).returncode == 0
        assert "runbook" not in json.loads((tmp_path / "old.ipynb").read_text())["metadata"]


@pytest.mark.skipif(shutil.which("nohup") is None, reason="nohup is not there")
def test_nohup_is_honoured(tmp_path: Path) -> None:
    runbook(tmp_path / "r.ipynb", "import os, signal; os.kill(os.getpid(), signal.SIGHUP); print('still here')")
    done = subprocess.run(["nohup", PAPERMILL, "r.ipynb"], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
