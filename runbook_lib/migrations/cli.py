"""`runbook migrations`: the assessment at the command line and in CI."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from runbook_lib.command import printable, quantity
from runbook_lib.errors import RunbookError

if TYPE_CHECKING:
    from runbook_lib.migrations.assessment import Assessment, MigrationAssessment, Operation

# Exit status by verdict; 1 is an error, 2 a wrong command line.
STATUS = {"safe": 0, "shim": 3, "down": 4, "loss": 5, "unknown": 6}
_COLOURS = {"safe": "green", "shim": "cyan", "down": "yellow", "loss": "red", "unknown": "magenta"}


@click.command()
@click.argument("releases", metavar="TARGET..LIVE")
@click.option("--repo", default=".", show_default=True, help="Folder of the Git repository.")
@click.option("--path", default="", help="Folder of the Laravel application in it, such as backend.")
@click.option(
    "--folder",
    multiple=True,
    default=["database/migrations"],
    show_default=True,
    help="Folder of migrations below --path; may be repeated.",
)
@click.option(
    "--database",
    type=click.Choice(["mysql", "mariadb", "pgsql", "sqlite"]),
    default=None,
    help="The driver in config/database.php. Default: any of them.",
)
@click.option("--all", "everything", is_flag=True, help="Show the operations that are safe, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def migrations(
    releases: str, repo: str, path: str, folder: tuple[str, ...], database: str | None, everything: bool, as_json: bool
) -> None:
    """Say whether release TARGET can run on the schema of release LIVE, and what that takes.

    TARGET is the older release, which would run again; LIVE is the one whose migrations have run.

    \b
    Exit status: 0 safe    TARGET runs on the schema as it is
                 3 shim    it runs after small additions to the schema
                 4 down    down() of LIVE's migrations has to run first; nothing is lost
                 5 loss    data is gone, or would be
                 6 unknown something is not understood, or TARGET's code uses a new name otherwise
                 1 an error: unknown tag, no repository, no migrations, the newer release first
                 2 a wrong command line
    """
    try:
        from runbook_lib.migrations.between import assess_between

        assessment, notes = assess_between(releases, repo, path, folder, database or "")
    except RunbookError as error:
        click.secho(f"Error: {error}", fg="red", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps({**assessment.facts, "notes": notes}, indent=2, ensure_ascii=True))
    else:
        _show(assessment, everything)
        for note in notes:
            click.echo(printable(f"Note: {note}.", 400))
        click.echo("Note: migrations of packages (loadMigrationsFrom) are not in these folders and were not looked at.")
    sys.exit(STATUS[str(assessment.verdict)])


def _show(assessment: Assessment, everything: bool) -> None:
    for migration in assessment.migrations:
        _show_migration(migration, everything, assessment.database)
    verdict = str(assessment.verdict)
    click.echo(
        f"{quantity(len(assessment.migrations), 'migration')}: {click.style(verdict, fg=_COLOURS[verdict], bold=True)}"
    )
    click.echo(printable(assessment.way, 2000))


def _show_migration(migration: MigrationAssessment, everything: bool, database: str) -> None:
    verdict = click.style(f"{migration.verdict!s:<8}", fg=_COLOURS[str(migration.verdict)], bold=True)
    click.echo(f"{verdict} {printable(migration.name)}")
    for operation in migration.operations:
        if everything or str(operation.verdict) != "safe":
            _show_operation(operation, database)
    safe = sum(str(operation.verdict) == "safe" for operation in migration.operations)
    if safe and not everything:
        click.echo(f"         {quantity(safe, 'operation')} that older code does not notice")
    down = migration.reversible
    reasons = f": {'; '.join(down.reasons)}" if down.reasons else ""
    loses = f"; it loses {'; '.join(down.loses[:3])}" if down.loses and down.can != "no" else ""
    click.echo(printable(f"         down(): {down.can} ({down.state}){reasons}{loses}", 500))
    for note in migration.notes:
        click.echo(printable(f"         note: {note}", 300))


def _show_operation(operation: Operation, database: str) -> None:
    where = f"line {operation.line}: " if operation.line else ""
    head = f"  {operation.verdict!s:<7} {where}{operation.kind} {operation.subject}"
    click.echo(printable(head, 300))
    for label, words in (
        ("why", operation.why),
        ("back", operation.cost),
        ("lock", operation.lock),
        ("do", operation.advice),
        ("ask", operation.check),
    ):
        if words:
            click.echo(printable(f"          {label + ':':<5} {words}", 400))
    for shim in operation.shims:
        for name, statements in shim.sql.items():
            if database in {"", name}:
                click.echo(printable(f"          shim ({name}): {'; '.join(statements)}", 400))
    for reference in operation.references[:5]:
        click.echo(printable(f"          {reference} {reference.text}", 240))
    if len(operation.references) > 5:
        click.echo(f"          and {len(operation.references) - 5} more places")
