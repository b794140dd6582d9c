"""The papermill plug-in: loaded by papermill through its entry point, whatever notebook it is to run.

Therefore light: what a runbook needs is imported when there is one. Every other notebook and command is left to
papermill and click.
"""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Mapping
from typing import Any

import click

from runbook_lib.notebook.source import is_runbook, notebook_metadata
from runbook_lib.notebook.startup import names_runbook, open_standard_streams


class RunbookEngine:
    """`--engine runbook`: the cells run in this process. A papermill engine by its methods, not by inheritance:
    papermill.engines, where the base class is, imports this module before it is complete."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, **options: Any) -> Any:
        from runbook_lib.notebook.engine import execute

        return execute(nb, **options)

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        return name or str(nb.metadata.get("kernelspec", {}).get("name") or "python3")

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:
        return language or "python"


class KernelEngine:
    """`--engine nbclient`: papermill's own kernel process, for a runbook with checked parameters, no TCP port and
    nothing to wait for at the end."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, **options: Any) -> Any:
        from papermill.engines import NBClientEngine

        if is_runbook(nb.metadata):
            options = {**_kernel_options(), **_checked(nb, options)}
        return NBClientEngine.execute_notebook(nb, kernel_name, **options)

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        return str(_engine_of(nb).nb_kernel_name(nb, name))

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:
        return str(_engine_of(nb).nb_language(nb, language))


class DefaultEngine(KernelEngine):
    """No --engine: the cells of a runbook in this process, another notebook in papermill's kernel process."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, **options: Any) -> Any:
        return _engine_of(nb).execute_notebook(nb, kernel_name, **options)


def _engine_of(nb: Any) -> Any:
    from papermill.engines import NBClientEngine

    return RunbookEngine if is_runbook(nb.metadata) else NBClientEngine


def _checked(nb: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    from runbook_lib.notebook.engine import cell_limit, check

    check(nb)
    return {**options, "execution_timeout": cell_limit(nb, options.get("execution_timeout"))}


def _kernel_options() -> dict[str, Any]:
    from traitlets.config import Config

    return {"shutdown_kernel": "immediate", "config": Config({"KernelManager": {"transport": "ipc"}})}


def _with_runbooks(command: click.Command) -> click.Command:
    """Papermill's command, its options as they are, that runs runbooks our way."""
    original = command.callback
    assert original is not None  # noqa: S101 - papermill's command has one

    def callback(**options: Any) -> Any:
        if not is_runbook(notebook_metadata(options["notebook_path"] or "")):
            return original(**options)
        from runbook_lib.notebook.headless import run_command

        return run_command(**options)

    changed = copy.copy(command)
    changed.callback = callback
    return changed


def _install() -> None:
    """Register the engines and stand in for papermill's command when it is invoked."""
    # Papermill has its command in a module that it imports after this one; click is where both meet.
    main = click.Command.main

    @functools.wraps(main)
    def main_with_runbooks(self: click.Command, *args: Any, **options: Any) -> Any:
        if self.name == "papermill" and getattr(self.callback, "__module__", "") == "papermill.cli":
            self = _with_runbooks(self)
        return main(self, *args, **options)

    click.Command.main = main_with_runbooks  # type: ignore[method-assign]
    papermill_engines.register(None, DefaultEngine)
    papermill_engines.register("nbclient", KernelEngine)
    if None in (sys.stdin, sys.stdout, sys.stderr) and names_runbook(sys.argv[1:]):
        open_standard_streams()


# At the end: papermill.engines looks for RunbookEngine here while it is being imported itself.
from papermill.engines import papermill_engines  # noqa: E402

_install()
