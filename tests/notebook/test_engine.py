"""Runbooks through papermill's functions: what cells put out, what is refused, what is left as it was."""

from __future__ import annotations

import builtins
import getpass
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from runbook_lib.command import Secret
from runbook_lib.errors import ParameterError, RunbookError, RunInterrupted
from runbook_lib.run import live
from tests.notebook.notebooks import CLOSE_WELL, OPEN_A_RUN, code_cells, plain, runbook, statuses, texts


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*cells: str, parameters: str | None = None, **options: Any) -> Any:
    """Run a runbook of these cells through the API; its code cells."""
    runbook(Path("r.ipynb"), *cells, parameters=parameters)
    nb = papermill.execute_notebook("r.ipynb", options.pop("output", None), progress_bar=False, **options)
    nbformat.validate(nb)
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def outputs(*cells: str) -> list[Any]:
    """The outputs of the last cell."""
    return list(run(*cells)[-1].outputs)


class TestOutputs:
    def test_each_stream_is_one_output_as_long_as_it_goes_on(self) -> None:
        got = outputs("import sys\nprint('a', 1)\nprint('b')\nprint('e', file=sys.stderr)\nprint('c')")
        assert [(output.name, output.text) for output in got] == [
            ("stdout", "a 1\nb\n"),
            ("stderr", "e\n"),
            ("stdout", "c\n"),
        ]

    def test_the_last_expression_is_the_result_with_its_number(self) -> None:
        _, cell = run("1", "6 * 7")
        assert (cell.execution_count, cell.outputs[0].execution_count) == (2, 2)
        assert cell.outputs[0].data == {"text/plain": "42"}

    def test_a_semicolon_hides_the_result(self) -> None:
        assert outputs("6 * 7;") == []

    def test_rich_displays_keep_every_form(self) -> None:
        show = "display({'text/html': '<b>x</b>', 'text/plain': 'x', 'image/png': b'\\x89PNG'}, raw=True)"
        (output,) = outputs(show)
        assert output.output_type == "display_data"
        assert output.data == {"text/html": "<b>x</b>", "text/plain": "x", "image/png": "iVBORw=="}

    def test_a_display_is_updated_where_it_is(self) -> None:
        first, _ = run("h = display('old', display_id=True)", "h.update('new')")
        assert [output.data["text/plain"] for output in first.outputs] == ["'new'"]

    def test_outputs_are_cleared_at_once_or_with_the_next(self) -> None:
        clear = "from IPython.display import clear_output\nprint('old'); clear_output(wait={}); {}"
        assert outputs(clear.format(False, "None")) == []
        assert outputs(clear.format(True, "print('new')"))[0].text == "new\n"

    def test_await_works_and_the_loop_lasts_from_cell_to_cell(self) -> None:
        got = outputs("import asyncio\ntask = asyncio.ensure_future(asyncio.sleep(0, 'done'))", "await task")
        assert got[0].data["text/plain"] == "'done'"

    def test_a_task_that_is_left_over_is_cancelled(self) -> None:
        leave = """
import asyncio
async def forever():
    try:
        await asyncio.sleep(100)
    finally:
        open("cancelled", "w").close()
task = asyncio.ensure_future(forever())
await asyncio.sleep(0)"""
        run(leave)
        assert Path("cancelled").exists()

    def test_magics_and_get_ipython_work(self) -> None:
        assert outputs("%time 1", "get_ipython().__class__.__name__")[0].data["text/plain"] == "'CellShell'"

    def test_secrets_are_masked_wherever_they_come_out(self) -> None:
        Secret("hunter-two-33")
        show = "s = 'hunter-two-33'; print(s); display({'text/html': f'<i>{s}</i>', 'text/plain': s}, raw=True); s"
        assert "hunter" not in str(outputs(show))
        with pytest.raises(papermill.PapermillExecutionError):
            run("raise ValueError('hunter-' + 'two-33')", output="out.ipynb")
        assert "hunter-two-33" not in Path("out.ipynb").read_text()

    def test_an_error_has_name_message_and_traceback(self) -> None:
        with pytest.raises(papermill.PapermillExecutionError):
            run("1/0", "print('never')", output="out.ipynb")
        failed, never = code_cells(Path("out.ipynb"))
        assert (failed.outputs[0].ename, failed.outputs[0].evalue) == ("ZeroDivisionError", "division by zero")
        assert failed.outputs[0].traceback
        assert never.execution_count is None
        assert statuses(Path("out.ipynb")) == ["failed", "skipped"]

    def test_a_thread_that_prints_is_heard(self) -> None:
        cell = "import threading\nt = threading.Thread(target=print, args=('x',)); t.start(); t.join()"
        assert outputs(cell)[0].text == "x\n"

    def test_much_output_takes_little_time(self) -> None:
        (output,) = outputs("for i in range(100_000): print('x' * 50)")
        assert len(output.text) == 5_100_000


class TestParameters:
    PARAMETERS = "tag: str = ''\ncount: int = 1"

    def test_values_arrive_and_are_recorded_as_declared(self) -> None:
        runbook(Path("r.ipynb"), "print(repr(tag), repr(count))", parameters=self.PARAMETERS)
        nb = papermill.execute_notebook("r.ipynb", None, {"tag": "1.10", "count": "7"}, progress_bar=False)
        cells = [cell for cell in nb.cells if cell.cell_type == "code"]
        assert texts(cells[-1]) == "'1.10' 7\n"
        assert nb.metadata.papermill.parameters == {"tag": "1.10", "count": 7}

    @pytest.mark.parametrize("values", [{"tga": "x"}, {"tag": 1.1}, {"count": "x"}])
    @pytest.mark.parametrize("engine", [None, "runbook", "nbclient"])
    def test_what_does_not_fit_is_refused_before_anything_runs(self, values: dict[str, Any], engine: str) -> None:
        runbook(Path("r.ipynb"), "open('ran', 'w')", parameters=self.PARAMETERS)
        with pytest.raises(ParameterError):
            papermill.execute_notebook("r.ipynb", "out.ipynb", values, engine_name=engine, progress_bar=False)
        assert not Path("ran").exists()
        assert not Path("out.ipynb").exists()

    def test_the_source_is_not_overwritten(self) -> None:
        source = runbook(Path("r.ipynb"), "print(1)").read_bytes()
        with pytest.raises(ParameterError, match="would be overwritten"):
            papermill.execute_notebook("r.ipynb", "./r.ipynb", progress_bar=False, cwd="/")
        assert Path("r.ipynb").read_bytes() == source


class TestRuns:
    def test_a_run_that_is_closed_well_is_a_success(self, capsys: pytest.CaptureFixture[str]) -> None:
        run(OPEN_A_RUN, CLOSE_WELL)
        assert "succeeded after" in capsys.readouterr().out
        assert len(list(Path().glob("journal/runs/*/r.ipynb"))) == 1
        assert list(Path().glob(".runbooks/runs/*")) == []

    def test_one_that_is_not_closed_is_an_error(self) -> None:
        with pytest.raises(RunbookError, match="ended as failed"):
            run(OPEN_A_RUN)

    def test_live_lines_are_not_in_the_cell_as_well(self) -> None:
        assert [texts(cell) for cell in run(OPEN_A_RUN, CLOSE_WELL)] == ["", ""]
        assert live.echo is True

    def test_an_earlier_run_of_this_process_is_not_this_notebooks(self) -> None:
        with pytest.raises(RunbookError):
            run(OPEN_A_RUN)
        run("print(1)")

    def test_a_record_that_cannot_be_written_stops_nothing(self) -> None:
        hinder = "import shutil; shutil.rmtree(run.folder)"
        run(OPEN_A_RUN, hinder, "open('ran', 'w').close()", "run.folder.mkdir(parents=True)", CLOSE_WELL)
        assert Path("ran").exists()


class TestQuestions:
    @pytest.mark.parametrize(
        ("cell", "error"),
        [
            ("input('sure?')", "StdinNotImplementedError"),
            ("import getpass; getpass.getpass()", "StdinNotImplementedError"),
            ("import click; click.confirm('sure?')", "Abort"),
            ("import sys; assert sys.stdin.readline()", "AssertionError"),
        ],
    )
    def test_a_cell_that_asks_fails(self, cell: str, error: str) -> None:
        with pytest.raises(papermill.PapermillExecutionError) as failed:
            run(cell)
        assert failed.value.ename == error


class TestThisProcess:
    CHANGES = """\
import builtins, os, sys
os.mkdir("sub"); os.chdir("sub")
builtins.print_ = print
sys.path.append("/nowhere")
sys.stdout = sys.stderr
sys.displayhook = sys.excepthook = None"""

    def test_is_afterwards_as_it_was(self) -> None:
        def state() -> list[Any]:
            return [
                sys.stdin, sys.stdout, sys.stderr, sys.displayhook, sys.excepthook, list(sys.path), os.getcwd(),
                dict(vars(builtins)), getpass.getpass, sys.modules["__main__"], list(live.listeners), live.echo,
                [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)],
                threading.active_count(),
            ]  # fmt: skip

        before = state()
        run(self.CHANGES)
        assert state() == before

    def test_can_run_one_after_another_and_in_a_thread(self) -> None:
        assert texts(run("x = 1; print(x)")[0]) == texts(run("x = 1; print(x)")[0]) == "1\n"
        assert texts(run("print('x' in globals())")[0]) == "False\n"
        done = []
        thread = threading.Thread(target=lambda: done.append(run("print(1)")))
        thread.start()
        thread.join()
        assert texts(done[0][0]) == "1\n"

    def test_keeps_the_shell_that_it_has(self) -> None:
        from IPython import get_ipython
        from IPython.core.interactiveshell import InteractiveShell

        shell = InteractiveShell.instance(config=None)
        try:
            run("print(1)")
            assert get_ipython() is shell
        finally:
            InteractiveShell.clear_instance()

    def test_is_told_of_a_signal(self) -> None:
        with pytest.raises(RunInterrupted):
            run("import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)", output="out.ipynb")
        assert statuses(Path("out.ipynb")) == ["failed"]

    def test_other_notebooks_go_to_papermills_engine(self) -> None:
        from papermill.engines import NBClientEngine, papermill_engines

        called = []
        original = NBClientEngine.execute_notebook
        NBClientEngine.execute_notebook = classmethod(lambda cls, nb, *_, **options: called.append(options) or nb)
        try:
            plain(Path("p.ipynb"), "print(1)")
            papermill.execute_notebook("p.ipynb", None, progress_bar=False)
        finally:
            NBClientEngine.execute_notebook = original
        assert "shutdown_kernel" not in called[0]
        assert papermill_engines.get_engine("runbook").nb_language(nbformat.v4.new_notebook()) == "python"


def test_an_output_in_a_store_elsewhere_is_papermills(monkeypatch: pytest.MonkeyPatch) -> None:
    from papermill.iorw import HttpHandler

    sent = []
    monkeypatch.setattr(HttpHandler, "write", lambda text, path: sent.append((path, text)))
    runbook(Path("r.ipynb"), "print(1)")
    papermill.execute_notebook("r.ipynb", "https://store/out.ipynb", progress_bar=False)
    assert sent[-1][0] == "https://store/out.ipynb"
    assert nbformat.reads(sent[-1][1], as_version=4).cells[1].outputs[0].text == "1\n"


def test_an_output_that_is_no_file_is_written_to(tmp_path: Path) -> None:
    runbook(Path("r.ipynb"), "print(1)")
    papermill.execute_notebook("r.ipynb", "/dev/null", progress_bar=False)
    assert Path("/dev/null").is_char_device()
