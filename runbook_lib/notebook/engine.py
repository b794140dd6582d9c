"""Runs the cells of a runbook under papermill: checked first, saved throughout, ended in order whatever happens."""

from __future__ import annotations

import logging
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from nbformat import NotebookNode
from papermill.translators import PythonTranslator

from runbook_lib.errors import ParameterError, RunbookError, RunInterrupted
from runbook_lib.notebook.interruption import Interruption
from runbook_lib.notebook.kept import Autosave, KeptNotebook, check_output
from runbook_lib.notebook.outputs import CellOutputs, Listener
from runbook_lib.notebook.parameters import Parameters
from runbook_lib.notebook.shell import CellShell, opened
from runbook_lib.notebook.terminal import Terminal, live_lines
from runbook_lib.run import live
from runbook_lib.run import run as runs
from runbook_lib.run.run import Run

CELL_TIMEOUT = 3600.0
GOOD = ("succeeded", "planned")

# What papermill itself may add to the parameters (--inject-paths); no notebook declares them.
OF_PAPERMILL = ("PAPERMILL_INPUT_PATH", "PAPERMILL_OUTPUT_PATH")

_logger = logging.getLogger("papermill")


@dataclass
class Ending:
    """How a notebook ended. error: what ended it early, or None; cell: the number, as in In [3], of the cell in
    which it did, 0 for none; runs: those that the notebook opened; notebook: where the executed one is kept."""

    error: BaseException | None = None
    cell: int = 0
    runs: list[Run] = field(default_factory=list)
    notebook: Path | str | None = None

    @property
    def failure(self) -> BaseException | None:
        """Why this is not a success, or None when it is one: no error, and every run closed well."""
        if self.error is not None:
            return self.error
        try:
            bad = [f"run {run.id} ended as {run.status}" for run in self.runs if run.status not in GOOD]
        except RunbookError as error:
            return error
        return RunbookError(bad[0], next_step="read the run's record for the reason") if bad else None


def execute(
    nb: NotebookNode,
    *,
    output_path: str | None = None,
    input_path: object = None,
    progress_bar: bool | dict[str, Any] = True,
    log_output: bool = False,
    autosave_cell_every: float = 30,
    execution_timeout: float | None = None,
    stdout_file: TextIO | None = None,
    stderr_file: TextIO | None = None,
    ending: Ending | None = None,
    **_of_kernels: Any,
) -> NotebookNode:
    """Run a runbook's cells in this process and return the executed notebook.

    The options are papermill's; those about a kernel process mean nothing here. ending: is filled in.
    Raises ParameterError before anything runs, RunInterrupted after a signal, and RunbookError when a run did not
    end well although no cell failed. A cell's own error is left in its outputs, where papermill finds and raises it.
    """
    ending = ending or Ending()
    check(nb)
    limit = cell_limit(nb, execution_timeout)
    outputs = CellOutputs()
    kept = KeptNotebook(
        nb, outputs, output_path, progress_bar=progress_bar, log_output=log_output, autosave_cell_every=0
    )
    outputs.listeners.extend(_forwarders(log_output, stdout_file, stderr_file))
    kept.begin(_stem(nb, input_path))
    try:
        with Interruption() as interruption, live_lines(Terminal(_stream(nb))), _following(kept, ending):
            with Autosave(kept, outputs, autosave_cell_every), opened(outputs) as shell:
                _run_cells(kept, shell, outputs, interruption, limit, ending)
            _end_runs(ending)
    finally:
        nb.metadata["language_info"] = _language()
        kept.notebook_complete()
        ending.notebook = output_path or kept.record
    return _returned(nb, ending)


def check(nb: NotebookNode) -> None:
    """Refuse an executed notebook over its source and parameters that do not fit; give those that fit their
    declared types. ParameterError."""
    record = nb.metadata.papermill
    source, output = record.get("input_path"), record.get("output_path")
    if isinstance(source, str) and isinstance(output, str):
        check_output(source, output)
    declared = Parameters.of(nb.cells)
    given = record.get("parameters") or {}
    own = {name: value for name, value in given.items() if name not in OF_PAPERMILL}
    typed = {**given, **declared.validate(own)}
    if own:
        record["parameters"] = typed
        _inject(nb, typed)


def _inject(nb: NotebookNode, values: dict[str, Any]) -> None:
    for cell in nb.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.source = PythonTranslator.codify(values)


def _run_cells(
    kept: KeptNotebook,
    shell: CellShell,
    outputs: CellOutputs,
    interruption: Interruption,
    limit: float,
    ending: Ending,
) -> None:
    """Run the cells in order until one ends with an exception or a signal comes; note it in `ending`."""
    for index, cell in enumerate(kept.nb.cells):
        if interruption.received:
            ending.error = interruption.received
            return
        if cell.cell_type != "code" or "skip-execution" in cell.metadata.get("tags", ()):
            cell.metadata.papermill["status"] = kept.COMPLETED if cell.cell_type != "code" else kept.PENDING
            continue
        kept.cell_start(cell, index)
        outputs.begin(cell)
        cell.execution_count = shell.execution_count
        error = _run_cell(shell, cell.source, interruption, limit)
        error = interruption.received or error
        if error is not None:
            _fail(kept, outputs, cell, error)
        kept.cell_complete(cell, cell_index=index)
        if error is not None:
            ending.error, ending.cell = _unless_asked_for(error), cell.execution_count
            return


def _run_cell(shell: CellShell, source: str, interruption: Interruption, limit: float) -> BaseException | None:
    try:
        with interruption.cell(limit):
            return shell.run(source)
    except KeyboardInterrupt as error:
        # It came while IPython was at work around the cell.
        return error


def _fail(kept: KeptNotebook, outputs: CellOutputs, cell: NotebookNode, error: BaseException) -> None:
    if isinstance(error, SystemExit) and not error.code and not runs.open_runs():
        return
    if not any(output.output_type == "error" for output in cell.outputs):
        outputs.error(type(error).__name__, str(error), [f"{type(error).__name__}: {error}"])
    kept.cell_exception(cell)


def _unless_asked_for(error: BaseException) -> BaseException | None:
    """None for a cell that ended the notebook on purpose, with sys.exit() and no run left open."""
    if not isinstance(error, SystemExit):
        return error
    if not error.code and not runs.open_runs():
        return None
    left = f", leaving run {runs.open_runs()[0].id} open" if runs.open_runs() else ""
    failure = RunbookError(
        f"the cell left the notebook with exit status {error.code or 0}{left}",
        next_step="close the run before leaving, or let the error that led there be raised",
    )
    failure.__cause__ = error
    return failure


def _end_runs(ending: Ending) -> None:
    for run in runs.open_runs():
        try:
            run.end(ending.error)
        except Exception as error:
            ending.error = ending.error or error


@contextmanager
def _following(kept: KeptNotebook, ending: Ending) -> Iterator[None]:
    """Keep the notebook in the folder of the run, from the first event of that run on."""
    former = runs.last_run()

    def follow(_event: object) -> None:
        run = runs.last_run()
        if run is not None and run is not former and run not in ending.runs:
            ending.runs.append(run)
            kept.move_to(run.folder)

    live.listeners.append(follow)
    try:
        yield
    finally:
        if follow in live.listeners:
            live.listeners.remove(follow)


def _returned(nb: NotebookNode, ending: Ending) -> NotebookNode:
    failure = ending.failure
    in_outputs = any(cell.metadata.papermill.get("exception") for cell in nb.cells)
    if failure is not None and (isinstance(failure, RunInterrupted) or not in_outputs):
        raise failure
    return nb


def cell_limit(nb: NotebookNode, given: float | None) -> float:
    """Seconds that each cell may take: what was asked for, what the runbook says, or an hour. 0: no limit."""
    own = nb.metadata.get("runbook", {}).get("timeout", CELL_TIMEOUT)
    if isinstance(own, bool) or not isinstance(own, int | float):
        raise ParameterError(f"the runbook's timeout is {own!r}", next_step="write seconds, a number, in its metadata")
    return max(0.0, float(own if given is None else given))


def _forwarders(log_output: bool, stdout_file: TextIO | None, stderr_file: TextIO | None) -> list[Listener]:
    """What hands the text of the cells to papermill's log and files, as its options ask."""
    files = {"stdout": stdout_file, "stderr": stderr_file}

    def log(name: str, text: str) -> None:
        _logger.log(logging.WARNING if name == "stderr" else logging.INFO, text)

    def copy_to_file(name: str, text: str) -> None:
        file = files.get(name)
        if file is not None:
            file.write(text)
            file.flush()

    return [*([log] if log_output else []), *([copy_to_file] if stdout_file or stderr_file else [])]


def _stem(nb: NotebookNode, input_path: object) -> str:
    if isinstance(input_path, str) and input_path != "-":
        return Path(input_path).stem
    return Path(str(nb.metadata.get("runbook", {}).get("name", "runbook"))).name


def _stream(nb: NotebookNode) -> TextIO:
    # With `-` as the output papermill writes the notebook to standard output, where nothing else may be.
    return sys.stderr if nb.metadata.papermill.get("output_path") == "-" else sys.stdout


def _language() -> dict[str, Any]:
    return {
        "name": "python",
        "version": platform.python_version(),
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "pygments_lexer": "ipython3",
    }
