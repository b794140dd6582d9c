"""What a release did to the schema, and whether older code can live with it.

`assess(files)` reads the migrations that the older release lacks and says of each operation and of the whole: safe,
shim, down, loss or unknown, with why. `brought` says which migrations those are, `files_at` reads them from Git.
"""

from __future__ import annotations

from runbook_lib.migrations.assessing import assess
from runbook_lib.migrations.assessment import Assessment, MigrationAssessment, Operation, Reference
from runbook_lib.migrations.files import MigrationFile, brought
from runbook_lib.migrations.repository import code_names, files_at
from runbook_lib.migrations.reversing import Reversal
from runbook_lib.migrations.rules import Verdict
from runbook_lib.migrations.shims import Shim

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
    "code_names",
    "files_at",
]
