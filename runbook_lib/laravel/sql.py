"""SQL through the application's own connection: no credentials are needed here."""

from __future__ import annotations

import json
from typing import Any

from runbook_lib.command import Command, Result, printable
from runbook_lib.config import Laravel
from runbook_lib.errors import CommandError

TIMEOUT = 60.0

# What ran, in the order in which it ran.
APPLIED = "SELECT migration FROM migrations ORDER BY batch, migration"

# The statement is an argument of the process, so it must hold no secret.
_PHP = (
    'require "vendor/autoload.php"; $app = require "bootstrap/app.php"; '
    '$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap(); '
    '$found = $app->make("db")->connection()->getPdo()->query($argv[1]); '
    "echo json_encode($found->columnCount() ? $found->fetchAll(PDO::FETCH_ASSOC)"
    ' : [["affected" => $found->rowCount()]]);'
)


def sql_command(laravel: Laravel, statement: str) -> Command:
    """The command that runs one statement on the application's database and prints the rows as a JSON list."""
    words = laravel.sql or [*laravel.php, "-r", _PHP, "--"]
    return Command.of(*words, statement, cwd=laravel.folder or ".", timeout=TIMEOUT)


def rows_of(result: Result) -> list[dict[str, Any]]:
    """The rows that `sql_command` printed. CommandError when it failed or printed something else."""
    try:
        rows = json.loads(result.output) if result.ok else None
    except ValueError:
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CommandError(
            f"the application's database cannot be asked: {printable(result.last_line or 'no output', 300)}",
            next_step="check the database and laravel.sql",
        )
    return rows


def applied_in(result: Result) -> list[str]:
    """The names of the migrations that APPLIED found. CommandError when rows came without them."""
    rows = rows_of(result)
    if not all("migration" in row for row in rows):
        raise CommandError(
            "the rows of the table migrations came without the column migration",
            next_step="see to it that laravel.sql prints each row with its columns' names, in lower case",
        )
    return [str(row["migration"]) for row in rows]
