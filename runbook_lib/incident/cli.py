"""The commands `runbook incident ...` and `runbook status-page`: the record of incidents at a terminal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any

import click

from runbook_lib.errors import RunbookError


def _clear(function: Callable[..., Any]) -> Callable[..., Any]:
    """A RunbookError becomes its message and exit status 1, without a traceback."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except RunbookError as error:
            click.secho(f"Error: {error}", fg="red", err=True)
            sys.exit(1)

    return wrapped


_as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")
_which = click.option("--incident", default="", help="Its id; default: the only open one.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def incident() -> None:
    """Incidents: open, note, status, close; what is owed; how long they took."""


@incident.command("open")
@click.argument("title")
@click.option("--severity", default="SEV2", show_default=True, help="SEV1 to SEV4.")
@click.option("--service", default="", help="Service; default: the only one.")
@click.option("--environment", default="production", show_default=True, help="Environment.")
@click.option("--commander", default="", help="Who leads; default: you.")
@click.option("--began", default="", help="When the trouble began, 2026-03-01T13:50; default: now.")
@_as_json
@_clear
def open_(title: str, severity: str, service: str, environment: str, commander: str, began: str, as_json: bool) -> None:
    """Declare that there is an incident. TITLE says what users notice."""
    from runbook_lib.incident import desk
    from runbook_lib.practice import needed_configuration

    here = needed_configuration()
    one, told = desk.open_incident(here, service, environment, title, severity, commander=commander, began=began)
    if as_json:
        _print({**asdict(one), "told": told})
        return
    click.secho(_line(one), fg="red")
    for line in told:
        click.echo(line)
    tell = here.target(service, environment).command("communicate", phase="started")
    click.echo(f"Runs in {one.environment} belong to it now. Next: {tell}")


@incident.command()
@click.argument("id")
@_as_json
@_clear
def join(id: str, as_json: bool) -> None:
    """Print the line that makes the runs of a shell belong to one incident, where several are open."""
    from runbook_lib.incident import record

    one = record.open_incident(_journal(), id)
    if as_json:
        _print(asdict(one))
    else:
        click.echo(f"export {record.VARIABLE}={one.id}")


@incident.command()
@click.argument("text")
@_which
@click.option("--about", default="", help="Runbook that it says something of; the review proposes a change of it.")
@click.option("--step", default="", help="Where in that runbook: number or heading of a section.")
@_as_json
@_clear
def note(text: str, incident: str, about: str, step: str, as_json: bool) -> None:
    """Write down an observation or a decision."""
    from runbook_lib.incident import desk, record

    journal = _journal()
    event = record.note(journal, desk.chosen(journal, incident).id, text, about=about, step=step)
    if as_json:
        _print({"seq": event.seq, **event.data})
    else:
        click.echo(f"noted in {event.data['incident']}")


@incident.command()
@_which
@click.option("--severity", default="", help="SEV1 to SEV4.")
@click.option("--commander", default="", help="Who leads from now on.")
@_as_json
@_clear
def change(incident: str, severity: str, commander: str, as_json: bool) -> None:
    """Give it another severity or commander."""
    from runbook_lib.incident import desk, record

    journal = _journal()
    one = record.change(journal, desk.chosen(journal, incident).id, severity=severity, commander=commander)
    if as_json:
        _print(asdict(one))
    else:
        click.echo(f"{_line(one)}, led by {_shown(one.commander)}")


@incident.command()
@click.option("--reason", required=True, help="How it is known to be over.")
@_which
@_as_json
@_clear
def close(reason: str, incident: str, as_json: bool) -> None:
    """Write down that it is over; what is still in force is shown."""
    from runbook_lib.incident import desk

    here, journal = _loaded(), _journal()
    one, left = desk.close(here, journal, desk.chosen(journal, incident).id, reason)
    if as_json:
        _print({**asdict(one), "left": left})
        return
    click.secho(f"closed {_line(one)}", fg="green")
    for line in left:
        click.secho(f"! {_shown(line)}", fg="red")
    target = desk.target_of(here, one.environment) if here else None
    review = target.command("review", incident=one.id) if target else f"review.ipynb for {one.id}"
    click.echo(f"Next: {review}")


@incident.command("list")
@click.option("-n", "--number", default=20, show_default=True, help="How many, the newest.")
@_as_json
@_clear
def list_(number: int, as_json: bool) -> None:
    """List incidents, newest first; open ones stand out."""
    from runbook_lib.incident.messages import utc
    from runbook_lib.incident.record import incidents

    found = list(reversed(incidents(_journal())))[:number]
    if as_json:
        _print([{**asdict(one), "open": one.open} for one in found])
        return
    if not found:
        click.echo("No incidents yet.")
    for one in found:
        state = click.style("open  ", fg="red") if one.open else click.style("closed", fg="green")
        click.echo(f"{utc(one.declared)}  {state}  {_line(one)}")


@incident.command()
@_which
@click.option("--all", "everything", is_flag=True, help="The whole timeline.")
@_as_json
@_clear
def status(incident: str, everything: bool, as_json: bool) -> None:
    """Show one incident: its times, what happened, what is owed."""
    from runbook_lib.incident import desk
    from runbook_lib.incident.status import facts, lines

    journal = _journal()
    one = desk.chosen(journal, incident)
    owed = desk.due_of(_loaded(), journal, one)
    if as_json:
        _print(facts(journal, one, owed))
        return
    for line in lines(journal, one, owed, everything=everything):
        click.echo(line)


@incident.command("follow-up")
@click.argument("text")
@click.option("--owner", default="", help="Who does it.")
@click.option("--due", default="", help="Until when, YYYY-MM-DD.")
@click.option("--incident", default="", help="Its id; default: the only open one, else the last one.")
@_as_json
@_clear
def follow_up(text: str, owner: str, due: str, incident: str, as_json: bool) -> None:
    """Agree on something to be done after an incident."""
    from runbook_lib.incident import desk
    from runbook_lib.incident.follow_ups import agree

    journal = _journal()
    one = agree(journal, desk.chosen(journal, incident, or_last=True).id, text, owner, due)
    if as_json:
        _print(asdict(one))
    else:
        click.echo(f"{one.id}: {_shown(one.text)} ({_shown(one.owner)}, {one.due})")


@incident.command("done")
@click.argument("follow_up")
@_as_json
@_clear
def done_(follow_up: str, as_json: bool) -> None:
    """Say that FOLLOW_UP was done."""
    from runbook_lib.incident.follow_ups import done

    one = done(_journal(), follow_up)
    if as_json:
        _print(asdict(one))
    else:
        click.echo(f"{one.id} is done: {_shown(one.text)}")


@incident.command()
@click.option("--every", default=0.0, help="Stay, and look again after so many seconds; 0: once, for cron.")
@_as_json
@_clear
def remind(every: float, as_json: bool) -> None:
    """Remind whoever owes an update that is due; each update once."""
    from runbook_lib.incident.reminding import remind_all
    from runbook_lib.practice import needed_configuration

    here, journal = needed_configuration(), _journal()
    while True:
        reminded = remind_all(here, journal)
        if as_json:
            _print(reminded)
        else:
            for line in reminded:
                click.secho(_shown(line), fg="red")
        if every <= 0:
            return
        time.sleep(every)


@incident.command()
@_as_json
@_clear
def metrics(as_json: bool) -> None:
    """How long incidents took: to detect, decide, mitigate, verify; by severity and month; those of drills left out."""
    from runbook_lib.incident.messages import span
    from runbook_lib.incident.metrics import NAMES, groups
    from runbook_lib.incident.record import without_drills
    from runbook_lib.incident.story import told

    found = groups(told(without_drills(_journal().events())))
    if as_json:
        _print([asdict(group) for group in found])
        return
    for group in found:
        click.secho(f"{group.title}, incidents: {group.incidents}", bold=True)
        for one in group.figures:
            times = f"median {span(one.median):<12} p90 {span(one.p90):<12} mean {span(one.mean)}"
            click.echo(f"  {NAMES[one.name]:<44} {times} ({one.count})")


def _journal() -> Any:
    from runbook_lib.config import state_folder
    from runbook_lib.run.journal import Journal

    return Journal(state_folder())


def _loaded() -> Any:
    """The configuration, or None where there is none: looking at the record needs none."""
    from runbook_lib.errors import ConfigurationError
    from runbook_lib.practice import needed_configuration

    try:
        return needed_configuration()
    except ConfigurationError as error:
        click.secho(f"! {error.message}", fg="yellow", err=True)
        return None


def _shown(text: str) -> str:
    from runbook_lib.command import mask, printable

    return printable(mask(text), 400)


def _line(one: Any) -> str:
    return _shown(str(one))


def _print(data: Any) -> None:
    from runbook_lib.command import mask

    click.echo(mask(json.dumps(data, indent=2, ensure_ascii=False)))
