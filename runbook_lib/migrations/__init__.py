"""What a release did to the schema, and whether older code can live with it.

`assess(files)` reads the migrations that the older release lacks and says of each operation and of the whole: safe,
shim, down, loss or unknown, with why. `brought` says which migrations those are, `files_at` reads them from Git.

The names are looked up when they are first used, so that the command starts as fast without them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook_lib.migrations.assessing import assess
    from runbook_lib.migrations.assessment import Assessment, MigrationAssessment, Operation, Reference
    from runbook_lib.migrations.files import MigrationFile, brought
    from runbook_lib.migrations.repository import code_files, code_names, files_at, found_anywhere, squashed_at
    from runbook_lib.migrations.reversing import Reversal
    from runbook_lib.migrations.rules import Verdict
    from runbook_lib.migrations.shims import Shim

_HOMES = {
    "Assessment": "assessment", "MigrationAssessment": "assessment", "MigrationFile": "files",
    "Operation": "assessment", "Reference": "assessment", "Reversal": "reversing", "Shim": "shims",
    "Verdict": "rules", "assess": "assessing", "brought": "files", "code_files": "repository",
    "code_names": "repository", "files_at": "repository", "found_anywhere": "repository", "squashed_at": "repository",
}  # fmt: skip

__all__ = [
    "Assessment",
    "MigrationAssessment",
    "MigrationFile",
    "Operation",
    "Reference",
    "Reversal",
    "Shim",
    "Verdict",
    "assess",
    "brought",
    "code_files",
    "code_names",
    "files_at",
    "found_anywhere",
    "squashed_at",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
