"""SQL through the application's own connection: no credentials are needed here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from runbook_lib.command import Command, Result, printable
from runbook_lib.config import DatabaseKind, Laravel
from runbook_lib.errors import CommandError

TIMEOUT = 60.0
CHANGE_TIMEOUT = 3600.0

# What ran, in the order in which it ran.
APPLIED = "SELECT migration FROM migrations ORDER BY batch, migration"

# The statements are arguments of the process, so they must hold no secret.
_PHP = (
    'require "vendor/autoload.php"; $app = require "bootstrap/app.php"; '
    '$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap(); '
    "try { foreach (array_slice($argv, 1) as $one) { $found = null; "
    '$found = $app->make("db")->connection()->getPdo()->query($one); } '
    "echo json_encode($found->columnCount() ? $found->fetchAll(PDO::FETCH_ASSOC)"
    ' : [["affected" => $found->rowCount()]]); '
    '} catch (Throwable $error) { fwrite(STDERR, strtr($error->getMessage(), "\n", " ")); exit(1); }'
)

# First on the connection of a change: what waits for a lock gives up instead of blocking everybody behind it.
_PATIENCE: dict[DatabaseKind, str] = {
    "pgsql": "SET lock_timeout = '10s'",
    "mysql": "SET SESSION lock_wait_timeout = 10, innodb_lock_wait_timeout = 10",
    "sqlite": "PRAGMA busy_timeout = 10000",
}


def sql_command(laravel: Laravel, *statements: str, timeout: float = TIMEOUT) -> Command:
    """The command that runs statements on the application's database, in order on one connection until one fails, and
    prints the rows of the last one as a JSON list."""
    words = laravel.sql or [*laravel.php, "-r", _PHP, "--"]
    return Command.of(*words, *statements, cwd=laravel.folder or ".", timeout=timeout)


def change_command(laravel: Laravel, statements: Sequence[str]) -> Command:
    """The command that changes the application's database, and that waits for no lock longer than ten seconds."""
    return sql_command(laravel, _PATIENCE[laravel.kind], *statements, timeout=CHANGE_TIMEOUT)


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
