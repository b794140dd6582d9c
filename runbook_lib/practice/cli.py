"""`runbook practice`: the practice environment at the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

import click

from runbook_lib import practice as environment
from runbook_lib.run.gate import Policy

if TYPE_CHECKING:
    from runbook_lib.practice.condition import Condition


@click.group()
def practice() -> None:
    """A small shop on this machine to practise on: staging and production, with a bad release live."""


@practice.command()
@click.option(
    "--approval", type=click.Choice(get_args(Policy)), help="What gates ask for from now on, until it is mended."
)
def start(approval: str | None) -> None:
    """Build what is missing, start what does not run."""
    environment.start(say=_say, approval=approval or "")
    _show(environment.status())


@practice.command()
def stop() -> None:
    """End its processes; files stay."""
    stopped = environment.stop()
    click.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@practice.command()
def reset() -> None:
    """Build it anew, the bad release live again; the journal stays."""
    environment.reset(say=_say)
    _show(environment.status())


@practice.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(as_json: bool) -> None:
    """Show what is live and how it is; changes nothing."""
    found = environment.status()
    if as_json:
        click.echo(json.dumps(found.facts, indent=2))
    else:
        _show(found)


@practice.command()
def mend() -> None:
    """Bring the steady state back: the good release live and well, nothing broken, nothing left in force."""
    environment.mend(say=_say)
    _show(environment.status())


class _Break(click.Command):
    """Its help names the faults there are, from where they are registered."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Faults"):
            formatter.write_dl(_faults())


@practice.command("break", cls=_Break)
@click.argument("fault", required=False)
@click.option("--list", "listed", is_flag=True, help="Name the faults there are.")
def break_(fault: str | None, listed: bool) -> None:
    """Bring a FAULT about; `runbook practice mend` takes it back."""
    if listed or fault is None:
        width = max(len(name) for name, _ in _faults())
        click.echo("\n".join(f"{name:<{width}}  {about}" for name, about in _faults()))
    else:
        click.echo(environment.break_(fault, say=_say))


def _faults() -> list[tuple[str, str]]:
    from runbook_lib.practice.faults import FAULTS

    return [(name, fault.help) for name, fault in FAULTS.items()]


def _say(line: str) -> None:
    click.echo(line, err=True)


def _show(found: Condition) -> None:
    rows = [("environment", "release", "commit", "health", "url")]
    rows += [
        (name, at.release or "-", at.commit[:12] or "-", at.health, at.url or "-")
        for name, at in found.environments.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    click.echo(f"practice is {found.state}, traffic {found.traffic}, in {found.folder}")
    if found.state != "running":
        click.echo("Next: runbook practice start")
