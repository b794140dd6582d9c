"""What is done before papermill is imported, when the papermill command is given a runbook.

Imported by runbook_lib_startup.pth, for nothing but the papermill command. It must be light and must not raise:
the interpreter is still starting.
"""

from __future__ import annotations

import os
import sys

from runbook_lib.notebook.source import is_runbook, notebook_metadata


def prepare(argv: list[str]) -> None:
    """Prepare this process for papermill when one of the arguments is a runbook; else do nothing."""
    if any(is_runbook(notebook_metadata(word)) for word in argv):
        _leave_out_slow_import()
        _open_standard_streams()


def _leave_out_slow_import() -> None:
    # nbformat imports jsonschema, which imports this optional checker of web addresses when it is installed (with
    # jupyter it is): 0.9 s for something that no notebook needs. Papermill imports nbformat before its plug-ins.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def _open_standard_streams() -> None:
    # A daemon may start a command with its standard streams closed; papermill asks for their state while it is
    # imported and fails, and the next file opened would become the command's standard output.
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115 - lives as long as the process


try:
    prepare(sys.argv[1:])
except Exception as error:  # noqa: BLE001, RUF100 - a start-up that raises would end every papermill command
    print(f"runbook_lib: start-up preparation left out: {error!r}", file=sys.stderr)
