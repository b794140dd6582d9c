"""The command `runbook`: looks at the record, answers gates, starts the practice environment."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import Any

import click

from runbook_lib.actions.data.backups_cli import backups
from runbook_lib.drills.cli import drill
from runbook_lib.errors import RunbookError
from runbook_lib.incident.cli import incident
from runbook_lib.migrations.cli import migrations
from runbook_lib.practice.cli import practice
from runbook_lib.publishing.cli import site, status_page

_STATUS_COLOURS = {
    "succeeded": "green",
    "planned": "cyan",
    "running": "yellow",
    "waiting": "yellow",
    "abandoned": "yellow",
    "overtaken": "yellow",
}


_SECTIONS = {
    "In an incident": ("incident", "in-force", "mark", "backups", "jobs", "status-page"),
    "Runs": ("history", "show", "approve", "settle", "abandon"),
    "Beforehand": ("check", "list", "migrations", "drill", "practice", "site", "verify-journal"),
}


class _Clear(click.Group):
    """Its commands are listed by when they are needed. In every one of them, a RunbookError becomes its message and
    exit status 1, without a traceback."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(200)) for name in names])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RunbookError as error:
            click.secho(f"Error: {error}", fg="red", err=True)
            ctx.exit(1)


@click.group(cls=_Clear, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="runbook-lib")
def main() -> None:
    """Runbooks: what there is, what was run, what waits for an answer.

    A runbook itself is run by papermill, or by hand in JupyterLab: papermill notebooks/triage.ipynb
    """


main.add_command(incident)
main.add_command(backups)
main.add_command(migrations)
main.add_command(practice)
main.add_command(drill)
main.add_command(status_page)
main.add_command(site)

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _journal() -> Any:
    from runbook_lib.config import state_folder
    from runbook_lib.run.journal import Journal

    return Journal(state_folder())


def _print_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def _local(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")


@main.command("list")
@_as_json
def list_(as_json: bool) -> None:
    """List the runbooks: name, owner, when to use it."""
    from runbook_lib.notebook.catalogue import folder, runbooks

    found = runbooks(folder())
    if not found:
        raise RunbookError(f"no runbook in {folder()}", next_step="run this in the folder that holds notebooks/")
    if as_json:
        _print_json([{**vars(runbook), "file": str(runbook.file)} for runbook in found])
        return
    for runbook in found:
        click.echo(f"{click.style(runbook.name, bold=True):<32} {runbook.scenario}  ({runbook.owner})")


@main.command()
@click.option("-n", "--number", default=20, show_default=True, help="How many runs.")
@click.option("--drills", is_flag=True, help="With the runs that drills carried out.")
@_as_json
def history(number: int, drills: bool, as_json: bool) -> None:
    """List the runs, newest first; what is unfinished or failed stands out. Runs of drills are left out."""
    from runbook_lib.run.in_force import in_force

    journal = _journal()
    drilled = set() if drills else journal.drilled()
    records = [record for record in journal.runs(number + len(drilled)) if record.run not in drilled][:number]
    if as_json:
        _print_json([{**vars(record), "unfinished": record.unfinished} for record in records])
        return
    for item in in_force(journal):
        click.secho(f"! {item}", fg="red")
    if not records:
        click.echo("No runs yet.")
    for record in records:
        status = click.style(f"{record.status:<13}", fg=_STATUS_COLOURS.get(record.status, "red"))
        click.echo(f"{_local(record.opened)}  {status} {record.environment:<22} {record.run}")
    if drilled:
        click.secho(f"{len(drilled)} runs of drills are left out; --drills lists them", dim=True)


@main.command("in-force")
@_as_json
@click.option("--check", is_flag=True, help="Exit with status 1 when anything is in force, for a watch.")
def in_force_(as_json: bool, check: bool) -> None:
    """List the mitigations in force, what their probes say of them, and how to take them back."""
    from runbook_lib.actions.forced.in_effect import all_in_effect
    from runbook_lib.practice import known_configuration
    from runbook_lib.run.in_force import in_force

    seen = all_in_effect(known_configuration(), in_force(_journal()))
    if as_json:
        _print_json([one.facts for one in seen])
    else:
        for one in seen:
            click.secho(f"! {one.item}", fg="red")
            click.secho(f"  its probe: {one.says}", fg="yellow" if one.holds is False else None)
        if not seen:
            click.echo("Nothing is in force.")
    sys.exit(1 if check and seen else 0)


@main.command()
@click.argument("run")
@click.option("--follow", is_flag=True, help="Stay and print events until the run is closed.")
@_as_json
def show(run: str, follow: bool, as_json: bool) -> None:
    """Show one run: its plan and what happened. RUN may be the beginning of its id."""
    from runbook_lib.run import evidence

    journal = _journal()
    record = journal.run(run)
    events = list(journal.events(record.run))
    if as_json:
        _print_json(evidence.record(events))
        return
    for event in events:
        _show_event(event)
    while follow and journal.run(record.run).unfinished:
        time.sleep(0.3)
        for event in journal.events(record.run, after=events[-1].seq):
            events.append(event)
            _show_event(event)
    click.echo(f"status: {journal.run(record.run).status}\nrecord: {journal.folder_of(record.run)}")


def _show_event(event: Any) -> None:
    from runbook_lib.run.live import line

    text = line(event, colour=sys.stdout.isatty(), commands=True)
    if text is not None:
        click.echo(text)


@main.command()
@click.argument("run")
@click.option("--as", "by", default="", help="Who approves; default: you, or RUNBOOK_ACTOR.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def approve(run: str, by: str, yes: bool) -> None:
    """Approve the plan of a run that waits at its gate. RUN may be the beginning of its id."""
    from runbook_lib.run import gate

    journal = _journal()
    record = journal.run(run)
    if not record.unfinished:
        raise RunbookError(f"run {record.run} is {record.status}; there is nothing to approve")
    events = list(journal.events(record.run))
    for event in events:
        _show_event(event)
    asked = [event.data for event in events if event.kind == "approval asked"]
    planned = [event.data["digest"] for event in events if event.kind == "planned"]
    if not planned:
        raise RunbookError(f"run {record.run} has no plan yet", next_step="wait until it stands at its gate")
    data = gate.answer("command", planned[-1], by)
    if asked and asked[-1]["policy"] == "second-person" and data["by"] == events[0].data["actor"]:
        raise RunbookError(
            f"{data['by']} opened this run; it needs a second person", next_step="somebody else runs this command"
        )
    if not yes and sys.stdin.isatty():
        click.confirm(f"Approve plan {planned[-1][:12]}?", abort=True)
    journal.append(record.run, "approved", data)
    click.secho(f"approved plan {planned[-1][:12]} of {record.run} as {data['by']}", fg="green")


@main.command()
@click.argument("run")
@click.argument("step")
@click.option("--reason", default="", help="How you know, for the record.")
def settle(run: str, step: str, reason: str) -> None:
    """Say that the effect of an interrupted STEP holds, after you made sure of it."""
    from runbook_lib.run.lock import actor

    journal = _journal()
    record = journal.run(run)
    started = [e.data for e in journal.events(record.run, "step started") if e.data["step"] == step]
    if not started or not record.unfinished:
        raise RunbookError(f"run {record.run} ({record.status}) has no interrupted step {step[:80]!r}")
    remark = f"{actor()}: {reason or 'made sure that it holds'}"
    journal.append(record.run, "step finished", {**started[-1], "outcome": "settled", "remark": remark, "seconds": 0.0})
    click.echo(f"{step} is settled; run the same command again to continue {record.run}")


@main.command()
@click.argument("run")
@click.option("--reason", required=True, help="Why it is given up, for the record.")
def abandon(run: str, reason: str) -> None:
    """Give up an unfinished run. Nothing is undone; the next command makes a new plan."""
    from runbook_lib.run.giving_up import give_up

    journal = _journal()
    record = journal.run(run)
    give_up(journal, record.run, reason)
    click.echo(f"abandoned {record.run}")


@main.command()
@click.argument("tag")
@click.argument("mark", type=click.Choice(["good", "bad"]))
@click.option("--reason", required=True, help="Why, for the record.")
@click.option("--service", default="", help="Service; default: the only one.")
@click.option("--environment", default="production", show_default=True, help="Environment.")
def mark(tag: str, mark: str, reason: str, service: str, environment: str) -> None:
    """Mark release TAG bad, so that no rollback goes to it, or take such a mark away (good)."""
    from runbook_lib.actions.opening import configuration
    from runbook_lib.platforms import platform_of
    from runbook_lib.platforms.base import find_release
    from runbook_lib.run.journal import Journal
    from runbook_lib.run.lock import actor

    target = configuration().target(service, environment)
    release = find_release(platform_of(target).releases(), tag)
    data = {"release": release.facts, "mark": mark, "reason": f"{actor()}: {reason}", "environment": target.label}
    Journal(target.state).append("", "marked", data)
    click.echo(f"{release} is marked {mark} in {target.label}")


@main.group()
def jobs() -> None:
    """Queued jobs that a rollback set aside; `runbook history` names what is kept."""


@jobs.command("put-back")
@click.argument("mark")
@click.option("--approve", default="", help="Digest of a plan that was approved beforehand.")
def put_back(mark: str, approve: str) -> None:
    """Put the jobs under MARK back into their queues; refused while the live release lacks their classes."""
    from runbook_lib.actions.release.putting_back import PuttingBack

    procedure = PuttingBack.open(mark, approve)
    procedure.plan()
    procedure.gate()
    procedure.apply()
    click.echo(procedure.close())


@main.command("verify-journal")
@_as_json
def verify_journal(as_json: bool) -> None:
    """Walk the journal's whole chain; non-zero when anything in it was changed."""
    count = _journal().verify()
    if as_json:
        _print_json({"intact": True, "events": count})
    else:
        click.secho(f"The journal is intact: {count} events.", fg="green")


@main.command()
@_as_json
def check(as_json: bool) -> None:
    """Validate runbooks.toml and probe every environment, changing nothing."""
    from runbook_lib.actions.checking import check_all

    tables, good = check_all()
    if as_json:
        _print_json(
            [
                {"environment": t.title, "readings": [dict(zip(t.head, row, strict=True)) for row in t.rows]}
                for t in tables
            ]
        )
    else:
        for table in tables:
            click.echo(str(table))
    sys.exit(0 if good else 1)
