"""`runbook site`: the published site at the command line."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default="site", show_default=True, help="Where it is built.")
def site(out: Path) -> None:
    """Build the site from notebooks, the evidence of drills and docs/. Nothing is executed."""
    from runbook_lib.config import project_root
    from runbook_lib.publishing.site import build

    written = build(project_root(), out)
    click.echo(f"{len(written)} pages generated, the site is in {out}")
