"""An IPython shell inside this process that runs the cells of a runbook.

There is no kernel process: nothing is left behind when this process is killed, nothing listens on a port, and a
signal reaches the cell directly. Nobody is asked anything, and nothing of the user's IPython profile is read.
"""

from __future__ import annotations

import asyncio
import atexit
import builtins
import getpass
import os
import sys
import warnings
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import ModuleType
from typing import Any, NoReturn, cast

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from runbook_lib.notebook.outputs import CellOutputs, CellStream

# Seconds that a task left over by the cells has to end when it is cancelled.
TASK_GRACE = 5.0


class _Results(DisplayHook):
    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        cast(CellShell, self.shell).outputs.result(self.prompt_count, format_dict, md_dict)

    def finish_displayhook(self) -> None:
        self._is_active = False


class _Displays(DisplayPublisher):
    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *_source: object,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **_more: object,
    ) -> None:
        display_id = (transient or {}).get("display_id")
        if update and display_id:
            self.shell.outputs.replace(data, metadata, display_id)
        else:
            self.shell.outputs.show(data, metadata, display_id)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.outputs.clear(wait)


class CellShell(InteractiveShell):
    """Runs cells and hands what comes of them to `outputs`, a CellOutputs."""

    outputs: CellOutputs

    def __init__(self, outputs: CellOutputs, **options: Any) -> None:
        self.outputs = outputs
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._loop = asyncio.new_event_loop()
        self._cancelling = False
        asyncio.set_event_loop(self._loop)
        self.loop_runner = self._run_coroutine

    def run(self, source: str) -> BaseException | None:
        """Run a cell; the exception that ended it, or None."""
        result = self.run_cell(source, store_history=True)  # type: ignore[no-untyped-call]
        error: BaseException | None = result.error_before_exec or result.error_in_exec
        return error

    def close(self) -> None:
        """Put back what the shell replaced in the interpreter."""
        self._end_tasks()
        self.restore_sys_module_state()  # type: ignore[no-untyped-call]
        atexit.unregister(self.atexit_operations)
        self.atexit_operations()  # type: ignore[no-untyped-call]

    def _end_tasks(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=TASK_GRACE))
        asyncio.set_event_loop(None)
        self._loop.close()

    def ask_exit(self) -> NoReturn:
        """What `exit` and `quit` in a cell do."""
        raise SystemExit(0)

    def init_ipython_dir(self, ipython_dir: object) -> None:
        pass

    def init_profile_dir(self, profile_dir: object) -> None:
        pass

    def init_virtualenv(self) -> None:
        pass

    def _showtraceback(self, etype: type[BaseException], evalue: BaseException, stb: list[str]) -> None:
        if not self._cancelling:
            self.outputs.error(etype.__name__, str(evalue), stb)

    def _run_coroutine(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        asyncio.set_event_loop(self._loop)
        task = self._loop.create_task(coroutine)
        try:
            return self._loop.run_until_complete(task)
        except KeyboardInterrupt:
            # Raised in the loop, not in the cell's coroutine, whose `finally` is still to be run.
            if not task.done():
                self._cancel(task)
            raise

    def _cancel(self, task: asyncio.Task[Any]) -> None:
        self._cancelling = True
        try:
            task.cancel()
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(task)
        finally:
            self._cancelling = False


@contextmanager
def opened(outputs: CellOutputs) -> Iterator[CellShell]:
    """A shell for one notebook. Afterwards streams, hooks, builtins, working folder and sys.path are as before."""
    with ExitStack() as stack:
        stack.enter_context(_kept_interpreter())
        stack.enter_context(_no_other_shell())
        shell = CellShell.instance(outputs, config=_configuration(), **_classes())
        stack.callback(shell.close)
        stack.enter_context(_answers_from_nobody())
        sys.stdout, sys.stderr = CellStream("stdout", outputs), CellStream("stderr", outputs)
        yield shell


def _configuration() -> Config:
    # Nothing of what an operator types for an incident goes to a history file in somebody's home.
    return Config({"HistoryManager": {"enabled": False, "hist_file": ":memory:"}})


def _classes() -> dict[str, Any]:
    return {"displayhook_class": _Results, "display_pub_class": _Displays}


@contextmanager
def _kept_interpreter() -> Iterator[None]:
    """Put back what IPython or a cell may have changed in this process."""
    names = ("stdin", "stdout", "stderr", "displayhook", "excepthook", "path", "ps1", "ps2", "ps3")
    state = {name: vars(sys)[name] for name in names if name in vars(sys)}
    path, folder, builtin = list(sys.path), os.getcwd(), dict(vars(builtins))
    # As in a notebook server: modules beside the notebook can be imported.
    sys.path.insert(0, "")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="To exit: use", category=UserWarning)
            yield
    finally:
        _put_back(sys, state, names)
        _put_back(builtins, builtin, set(vars(builtins)) | set(builtin))
        sys.path[:] = path
        with suppress(OSError):
            os.chdir(folder)


def _put_back(module: ModuleType, state: dict[str, Any], names: Iterable[str]) -> None:
    for name in names:
        if name in state:
            setattr(module, name, state[name])
        else:
            vars(module).pop(name, None)


@contextmanager
def _no_other_shell() -> Iterator[None]:
    """Set aside the shell of the process when papermill's functions are called from IPython or a notebook."""
    other = InteractiveShell._instance
    if other is not None:
        type(other).clear_instance()
    try:
        yield
    finally:
        CellShell.clear_instance()
        if other is not None:
            for kind in type(other)._walk_mro():
                kind._instance = other


@contextmanager
def _answers_from_nobody() -> Iterator[None]:
    """Make every question of a cell fail, also when there is a terminal: nobody was told to sit at it.

    Inside _kept_interpreter, which puts sys.stdin and builtins.input back.
    """

    def refuse(prompt: object = "", *_: object, **__: object) -> NoReturn:
        raise StdinNotImplementedError(f"a runbook that runs under papermill cannot ask: {prompt}")

    before = getpass.getpass
    getpass.getpass = builtins.input = refuse
    try:
        with open(os.devnull, encoding="utf-8") as sys.stdin:
            yield
    finally:
        getpass.getpass = before
