"""`runbook site` and `runbook status-page`: what is published, at the command line."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

from runbook_lib.errors import RunbookError


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default="site", show_default=True, help="Where it is built.")
def site(out: Path) -> None:
    """Build the site from notebooks, the evidence of drills and docs/. Nothing is executed."""
    from runbook_lib.config import project_root
    from runbook_lib.publishing.site import build

    written = build(project_root(), out)
    click.echo(f"{len(written)} pages generated, the site is in {out}")


@click.command("status-page")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write to.")
@click.option("--json", "as_json", is_flag=True, help="Say what it says, for programs.")
def status_page(out: Path, as_json: bool) -> None:
    """Write the status page, made from the record, as one HTML page and a feed."""
    from runbook_lib.practice import needed_configuration
    from runbook_lib.publishing import status_page as pages
    from runbook_lib.run.journal import Journal

    try:
        here = needed_configuration()
        page = pages.of(here, Journal(here.state).events(), time.time())
        files = pages.publish(out, page)
    except RunbookError as error:
        click.secho(f"Error: {error}", fg="red", err=True)
        sys.exit(1)
    if as_json:
        said = {"state": page.state, "components": {one.name: one.state for one in page.components}}
        click.echo(
            json.dumps({**said, "open": [one.id for one in page.open], "files": list(map(str, files))}, indent=2)
        )
        return
    for one in page.components:
        click.echo(f"{one.state:<15} {one.name}")
    click.echo(f"written: {files[0]}")
