"""`runbook backups`: the backups at the command line."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from runbook_lib.errors import RunbookError

if TYPE_CHECKING:
    from runbook_lib.backups.record import Backup


@click.group()
def backups() -> None:
    """The backups there are; backup_and_restore.ipynb takes and restores them."""


@backups.command("list")
@click.option("--service", default="", help="Service; default: the only one.")
@click.option("--environment", default="production", show_default=True, help="Environment.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(service: str, environment: str, as_json: bool) -> None:
    """List the backups of an environment, oldest first; non-zero when a record cannot be read."""
    from runbook_lib.backups.place import repository_of
    from runbook_lib.practice import needed_configuration

    try:
        target = needed_configuration().target(service, environment)
        repository, take = repository_of(target), target.command("backup_and_restore", action="take")
        found, unreadable = repository.backups(), repository.unreadable()
    except RunbookError as error:
        click.secho(f"Error: {error}", fg="red", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps([asdict(backup) for backup in found], indent=2, ensure_ascii=False))
    elif not found:
        click.echo(f"No backups in {repository.place} yet: {take}")
    else:
        for backup in found:
            click.echo(_line(backup))
    for line in unreadable:
        click.secho(f"! {line}", fg="red", err=True)
    sys.exit(1 if unreadable else 0)


def _line(backup: Backup) -> str:
    taken = datetime.fromtimestamp(backup.began, UTC).strftime("%Y-%m-%d %H:%M UTC")
    verified = click.style("verified    ", fg="green") if backup.verified else click.style("not verified", fg="yellow")
    parts = ", ".join(part.name for part in backup.parts)
    recovered = f", recovered from {backup.recovered}" if backup.recovered else ""
    return f"{taken}  {verified}  {backup.bytes:>14,} bytes  {parts:<20} {backup.id}{recovered}"
