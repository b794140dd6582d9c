"""`runbook drill`: prove the runbooks, at the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_lib.errors import DrillError, RunbookError

if TYPE_CHECKING:
    from runbook_lib.drills.base import Drill, World
    from runbook_lib.drills.evidence import Evidence, On

TIMES = ("detected", "decided", "mitigated", "verified")


@click.command()
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="All drills of that place, one after the other.")
@click.option(
    "--on",
    type=click.Choice(["practice", "docker", "laravel"]),
    default="practice",
    show_default=True,
    help="Where: the practice environment, or a service that --config describes.",
)
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="runbooks.toml of a service that may be broken."
)
@click.option("--list", "listed", is_flag=True, help="Name the drills there are.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def drill(name: str | None, everything: bool, on: On, config_file: Path | None, listed: bool, as_json: bool) -> None:
    """Break something for real, run its runbook as a user would, follow what it recommends, check that all is well.

    NAME is one drill. What was proven is written down; the status is 1 when any drill fails.
    """
    try:
        if listed:
            _list(on, as_json)
        else:
            sys.exit(_drill(_chosen(name, everything, on), on, config_file, as_json, everything=everything))
    except RunbookError as error:
        click.secho(f"Error: {error}", fg="red", err=True)
        sys.exit(1)


def _list(on: On, as_json: bool) -> None:
    drills = _there_are(on)
    if as_json:
        click.echo(json.dumps([{**asdict(one), "about": one.about} for one in drills], indent=2))
        return
    width = max((len(one.name) for one in drills), default=0)
    for one in drills:
        click.echo(f"{one.name:<{width}}  {one.about}")
    _warn()


def _there_are(on: On) -> list[Drill]:
    from runbook_lib.drills.catalogue import DRILLS

    return [one for one in DRILLS.values() if on in one.places]


def _chosen(name: str | None, everything: bool, on: On) -> list[Drill]:
    from runbook_lib.drills.catalogue import drill_named
    from runbook_lib.notebook.catalogue import folder, runbooks

    if bool(name) == everything:
        raise DrillError("name one drill, or --all", next_step="`runbook drill --list` names them")
    if everything:
        names = [runbook.name for runbook in runbooks(folder())]
        return [one for one in _there_are(on) if one.runbook in names]
    one = drill_named(str(name))
    if on not in one.places:
        raise DrillError(f"{one.name} is not drilled on {on}", next_step=f"--on {' or '.join(one.places)}")
    return [one]


def _drill(drills: Sequence[Drill], on: On, config_file: Path | None, as_json: bool, *, everything: bool) -> int:
    from runbook_lib.drills.drilling import drilled
    from runbook_lib.notebook.catalogue import folder

    world, found = _world(on, config_file), []
    if everything:
        drills = list(_possible(drills, world))
    for evidence in drilled(drills, world, folder().absolute(), _say):
        found.append(evidence)
        _tell(evidence)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
    else:
        _table(found)
    if everything:
        _warn()
    return 0 if all(one.passed for one in found) else 1


def _possible(drills: Sequence[Drill], world: World) -> Iterator[Drill]:
    """Those whose fault can be brought about there; the others are named."""
    for one in drills:
        if not one.fault or world.can_break(one.fault):
            yield one
        else:
            _say(f"{one.name} is left out: nothing says how to bring {one.fault} about, see the table drill.faults")


def _world(on: On, config_file: Path | None) -> World:
    if on == "practice":
        from runbook_lib.drills.practice_world import PracticeWorld
        from runbook_lib.practice import lifecycle
        from runbook_lib.practice.ground import Ground

        if config_file is not None:
            raise DrillError("the practice environment takes no --config", next_step="leave it out, or name --on")
        ground = Ground.of()
        lifecycle.ensure(ground, _say)
        return PracticeWorld(ground)
    if config_file is None:
        raise DrillError(f"--on {on} needs --config", next_step="describe the service that may be broken")
    from runbook_lib import config
    from runbook_lib.drills.configured_world import ConfiguredWorld

    return ConfiguredWorld.of(on, config.load(config_file.absolute()))


def _say(line: str) -> None:
    click.secho(f"  {line}", dim=True, err=True)


def _tell(evidence: Evidence) -> None:
    if evidence.passed:
        click.secho(f"  passed in {evidence.seconds['total']:.0f} s", fg="green", err=True)
    else:
        click.secho(f"  failed: {evidence.reason}", fg="red", err=True)


def _table(found: Sequence[Evidence]) -> None:
    rows: list[tuple[str, ...]] = [("drill", "runbook", "fault", "blamed", *TIMES, "result")]
    for one in found:
        times = [f"{one.seconds[name]:.1f} s" if name in one.seconds else "-" for name in TIMES]
        rows.append((one.drill, one.runbook, one.fault or "-", one.blamed or "-", *times, one.status))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for one in found:
        if not one.passed:
            click.secho(f"{one.drill}: {one.reason}", fg="red")


def _warn() -> None:
    """Say which runbooks nothing proves."""
    from runbook_lib.drills.catalogue import without_drill
    from runbook_lib.notebook.catalogue import folder, runbooks

    for name in without_drill([runbook.name for runbook in runbooks(folder())]):
        click.secho(f"warning: no drill proves {name}", fg="yellow", err=True)
