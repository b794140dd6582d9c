"""What is done before papermill is imported, when the papermill command is given a runbook.

Imported by runbook_lib_startup.pth, for nothing but the papermill command. It must be light and must not raise:
the interpreter is still starting.
"""

from __future__ import annotations

import os
import sys

from runbook_lib.notebook.source import is_runbook, notebook_metadata


def names_runbook(argv: list[str]) -> bool:
    """Whether one of these arguments is the file of a runbook."""
    return any(is_runbook(notebook_metadata(word)) for word in argv)


def leave_out_slow_import() -> None:
    """Let jsonschema do without an optional checker of web addresses."""
    # nbformat imports jsonschema, which imports the checker when it is installed (with jupyter it is): 0.9 s for
    # something that no notebook needs. Papermill imports nbformat before its plug-ins.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def open_standard_streams() -> None:
    """Make the standard streams that were closed when the process began lead to and from nothing."""
    # A daemon may start a command so. Papermill asks for their state while it is imported and fails, and the next
    # file opened would become the command's standard output. Not from the .pth file: it is such a file itself.
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != descriptor:
                os.dup2(nothing, descriptor)
                os.close(nothing)
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115 - lives as long as the process


if sys.argv[:1] and sys.argv[0].endswith("papermill"):
    try:
        if names_runbook(sys.argv[1:]):
            leave_out_slow_import()
    except Exception as error:  # noqa: BLE001, RUF100 - raising here would end every papermill command
        print(f"runbook_lib: start-up preparation left out: {error!r}", file=sys.stderr)
