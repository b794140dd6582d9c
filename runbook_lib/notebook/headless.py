"""The papermill command for a runbook: papermill's options, a run that is recorded, an exit status to rely on."""

from __future__ import annotations

import base64
import binascii
import itertools
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

import click
import nbclient
import yaml  # type: ignore[import-untyped]
from papermill.exceptions import PapermillExecutionError, PapermillMissingParameterException
from papermill.execute import execute_notebook
from papermill.iorw import NoDatesSafeLoader, load_notebook_node, read_yaml_file
from papermill.parameterize import add_builtin_parameters, parameterize_path

from runbook_lib.errors import ParameterError, RunbookError, RunInterrupted
from runbook_lib.notebook.engine import Ending
from runbook_lib.notebook.interruption import CellTimeoutError
from runbook_lib.notebook.kept import check_output, place_of_its_own
from runbook_lib.notebook.parameters import Parameters, Value
from runbook_lib.notebook.terminal import Terminal

USAGE = 2
FAILURE = 1
DEAD_KERNEL = 138  # papermill's own

# So many lines of a traceback are shown.
FRAMES = 8

# How IPython names the file of a cell.
CELL_FILE = re.compile(r"<ipython-input-(\d+)-")

# Papermill's messages about what it cannot read in a parameters cell; runbooks are read and checked here.
_BESIDE_THE_POINT = ("Passed unknown parameter", "Unable to parse line", "Input notebook does not contain a cell")


def run_command(notebook_path: str, output_path: str, **options: Any) -> NoReturn:
    """Do what papermill was asked to do with this runbook, then end the process: 0 when every cell ran and the run
    closed well, 2 when nothing ran because of how it was asked, 128 + n after signal n, else 1."""
    _log_at(options.pop("log_level"), options["log_output"])
    errors = Terminal(sys.stderr)
    try:
        sys.exit(_run(notebook_path, output_path, errors, **options))
    except ParameterError as error:
        errors.say(f"Error: {error}")
        sys.exit(USAGE)


def _run(notebook_path: str, output_path: str, errors: Terminal, *, help_notebook: bool, **options: Any) -> int:
    declared = Parameters.of(load_notebook_node(notebook_path).cells)
    if help_notebook:
        _show_help(notebook_path, declared)
        return 0
    values = {**_paths(notebook_path, output_path, options), **declared.validate(_given(options))}
    output = _output(notebook_path, output_path, values, options)
    return _execute(notebook_path, output, values, errors, options)


def _execute(
    notebook_path: str, output: str | None, values: Mapping[str, Value], errors: Terminal, options: dict[str, Any]
) -> int:
    ending = Ending(notebook=output)
    in_process = options["engine"] in (None, "runbook")
    if in_process and not options["prepare_only"]:
        options["ending"] = ending
    elif output is None:
        ending.notebook = place_of_its_own(Path(notebook_path).stem)
        output = str(ending.notebook)
    try:
        execute_notebook(
            input_path=_literal(notebook_path),
            output_path=output and _literal(output),
            parameters=dict(values),
            engine_name=options.pop("engine"),
            kernel_name=options.pop("kernel") or "python3",
            language=options.pop("language") or "python",
            progress_bar=bool(options.pop("progress_bar")),
            request_save_on_cell_execute=options.pop("request_save_on_cell_execute") and output != "-",
            **options,
        )
    except ParameterError:
        raise
    except nbclient.exceptions.DeadKernelError as error:
        errors.say(f"Error: the kernel process died: {error}")
        return DEAD_KERNEL
    except (PapermillExecutionError, RunInterrupted, RunbookError) as error:
        ending.error = ending.error or ending.failure or error
    except Exception as error:  # noqa: BLE001, RUF100 - a person reads what it was; the status tells programs
        ending.error = ending.error or error
    return _report(ending, errors, sys.stderr if output == "-" else sys.stdout)


def _given(options: dict[str, Any]) -> dict[str, object]:
    """The parameters that were given, by papermill's order of precedence, each as it was typed."""
    given: dict[str, object] = {}
    for encoded in options.pop("parameters_base64"):
        given.update(_mapping("--parameters_base64", _decoded(encoded)))
    for file in options.pop("parameters_file"):
        given.update(_mapping(f"--parameters_file {file}", file, read_yaml_file))
    for text in options.pop("parameters_yaml"):
        given.update(_mapping("--parameters_yaml", text))
    given.update(options.pop("parameters"))
    given.update(options.pop("parameters_raw"))
    return given


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise ParameterError(f"--parameters_base64 is not base64: {error}", next_step="encode a YAML text") from error


def _mapping(option: str, text: str, read: Callable[[str], object] | None = None) -> Mapping[str, object]:
    try:
        values = read(text) if read else yaml.load(text, Loader=NoDatesSafeLoader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{option} cannot be read: {error}", next_step="give YAML, `name: value`") from error
    if not isinstance(values or {}, Mapping):
        raise ParameterError(f"{option} is no mapping of names to values", next_step="give YAML, `name: value`")
    return cast(Mapping[str, object], values or {})


def _paths(notebook_path: str, output_path: str, options: dict[str, Any]) -> dict[str, str]:
    both, source, output = (options.pop(f"inject_{name}") for name in ("paths", "input_path", "output_path"))
    paths = {"PAPERMILL_INPUT_PATH": notebook_path} if both or source else {}
    return {**paths, "PAPERMILL_OUTPUT_PATH": output_path} if both or output else paths


def _output(notebook_path: str, output_path: str, values: Mapping[str, Value], options: dict[str, Any]) -> str | None:
    """The output path with parameters filled in, None when there is none. ParameterError when it cannot be used."""
    if not output_path:
        if options["prepare_only"]:
            raise ParameterError("--prepare-only needs an output path", next_step="name the file to prepare")
        return None
    try:
        output = str(parameterize_path(output_path, add_builtin_parameters(dict(values))))
    except (PapermillMissingParameterException, ValueError, IndexError, AttributeError) as error:
        raise ParameterError(
            f"the output path {output_path} cannot be filled in: {error}",
            next_step="name only given parameters in braces; write a brace itself as {{ or }}",
        ) from error
    check_output(notebook_path, output)
    return output


def _literal(path: str) -> str:
    # Papermill fills parameters into paths; in this one they are filled in, or it is the path of a file that exists.
    return path.replace("{", "{{").replace("}", "}}")


def _show_help(notebook_path: str, declared: Parameters) -> None:
    context = click.get_current_context()
    click.echo(context.command.get_usage(context))
    click.echo(f"\nParameters of the runbook '{notebook_path}':\n")
    for parameter in declared.declared:
        click.echo(f"  {parameter.name}: {parameter.annotation} (default {parameter.default!r})")
        if parameter.help:
            click.echo(f"      {parameter.help}")
    if not declared.declared:
        click.echo("  It has none.")


def _log_at(level: str, log_output: bool) -> None:
    # Papermill says at level INFO where it reads and writes, which is wrong when the notebook goes to the run.
    source = click.get_current_context().get_parameter_source("log_level")
    quiet = source == click.core.ParameterSource.DEFAULT and not log_output
    logging.basicConfig(level="WARNING" if quiet else level, format="%(message)s")
    for name in ("papermill", "papermill.translators"):
        logging.getLogger(name).addFilter(lambda record: not record.getMessage().startswith(_BESIDE_THE_POINT))


def _report(ending: Ending, errors: Terminal, stream: TextIO) -> int:
    """Say how it ended, the result on `stream`, what went wrong on the error stream; the exit status."""
    closing = Terminal(stream)
    for run in ending.runs:
        # A journal that cannot be read is the failure that is told below.
        with suppress(RunbookError):
            closing.say(run.summary())
    if ending.notebook:
        closing.say(f"notebook: {ending.notebook}")
    failure = ending.failure
    if failure is None:
        return 0
    errors.say(_explained(failure, ending.cell))
    return 128 + failure.signum if isinstance(failure, RunInterrupted) else FAILURE


def _explained(failure: BaseException, cell: int) -> str:
    where = f" in In [{cell}]" if cell else ""
    if isinstance(failure, RunbookError | RunInterrupted | CellTimeoutError):
        return f"Error{where}: {failure}"
    if isinstance(failure, PapermillExecutionError):
        return f"Error in In [{failure.exec_count}]: {failure.ename}: {failure.evalue}"
    return "\n".join([f"Error{where}: {type(failure).__name__}: {failure}", *_shortened(list(_frames(failure)))])


def _shortened(frames: list[str]) -> list[str]:
    if len(frames) <= FRAMES:
        return frames
    return [*frames[:3], f"  … {len(frames) - FRAMES} more, all in the notebook …", *frames[3 - FRAMES :]]


def _frames(failure: BaseException) -> Iterator[str]:
    """From the line of the cell to the one that raised; what lies before is IPython."""
    frames = traceback.extract_tb(failure.__traceback__)
    for frame in itertools.dropwhile(lambda frame: not CELL_FILE.match(frame.filename), frames):
        cell = CELL_FILE.match(frame.filename)
        place = f"In [{cell[1]}]" if cell else frame.filename
        yield f"  {place}, line {frame.lineno}, in {frame.name}: {frame.line}"
