"""The whole site: generated pages beside the written ones, then MkDocs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from runbook_lib.config import STATE_FOLDER
from runbook_lib.drills.evidence import FOLDER, Evidence, read_all
from runbook_lib.errors import PublishingError
from runbook_lib.publishing import changes
from runbook_lib.publishing.api_reference import api_reference
from runbook_lib.publishing.completeness import refuse_incomplete
from runbook_lib.publishing.configuration_reference import configuration_reference
from runbook_lib.publishing.freshness import Freshness, freshness
from runbook_lib.publishing.incident_pages import incident_pages
from runbook_lib.publishing.outputs import outputs_of
from runbook_lib.publishing.overview import index
from runbook_lib.publishing.runbook_page import page
from runbook_lib.publishing.source import Source, sources

MKDOCS = "mkdocs.yml"
# Every site that MkDocs builds has it.
MARK = "sitemap.xml"


def build(root: Path, out: Path) -> list[Path]:
    """Write the generated pages into root/docs and build the site into `out`. The generated files.

    root: the project, with mkdocs.yml, docs/ and notebooks/. Nothing is executed, and nothing but files below docs/ and
    `out` is written. PublishingError names what is missing, or what MkDocs refuses.
    """
    if not (root / MKDOCS).is_file():
        raise PublishingError(f"there is no {MKDOCS} in {root}", next_step="run this in the project's folder")
    out = out.absolute()
    _refuse_other(out)
    generated = pages(root)
    try:
        written = [_write(root / "docs" / name, text) for name, text in generated.items()]
        _mkdocs(root, out)
    except OSError as error:
        raise PublishingError(
            f"the site cannot be written: {error}", next_step="check permissions and room on the disk"
        ) from error
    return written


def pages(root: Path) -> dict[str, str]:
    """The generated files by their path below docs/. PublishingError."""
    found = sources(root / "notebooks")
    refuse_incomplete(found)
    state = root / STATE_FOLDER
    records = read_all(state)
    marks = {source.name: freshness(source.name, source.digest, records) for source in found}
    commits = changes.commits(root)
    days = changes.last_changes(commits)
    names = [source.name for source in found]
    happened = [*commits, *changes.drilled(records)]
    return {
        "runbooks/index.md": index(found, marks),
        **{f"runbooks/{s.name}.md": _page(s, marks[s.name], state, days, names) for s in found},
        "reference/configuration.md": configuration_reference(),
        "reference/library.md": api_reference(),
        **incident_pages(root),
        "changes.md": changes.page(happened),
        "feed.xml": changes.feed(happened, "Runbooks: changes", ""),
    }


def _page(source: Source, mark: Freshness, state: Path, days: Mapping[str, str], names: Sequence[str]) -> str:
    return page(source, mark, outputs_of(_executed(mark.last, state), names), days.get(source.name, ""))


def _executed(evidence: Evidence | None, state: Path) -> Path:
    """The executed notebook of a drill; a path to nothing where there is none."""
    name = Path(evidence.notebook).name if evidence else ""
    return state / FOLDER / (name or "none")


def _write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
    return file


def _mkdocs(root: Path, out: Path) -> None:
    """Build strictly: a broken link or an unlisted page is an error. What was built before stays until the new one is
    whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".site-") as folder:
        fresh = Path(folder) / "new"
        _built(root, fresh)
        if out.exists():
            out.rename(Path(folder) / "old")
        fresh.rename(out)


def _built(root: Path, out: Path) -> None:
    # Not with --quiet: what is not logged does not count as a warning, and strict counts warnings.
    argv = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    try:
        done = subprocess.run(
            argv, cwd=root, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise PublishingError(f"mkdocs cannot be run: {error}", next_step="pip install 'runbook-lib[site]'") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        missing = "No module named mkdocs" in said
        next_step = "pip install 'runbook-lib[site]'" if missing else "mend what it names, then `runbook site` again"
        wrong = [line for line in said.splitlines() if not line.startswith("INFO")]
        raise PublishingError("mkdocs does not build the site:\n" + "\n".join(wrong)[-3000:], next_step=next_step)


def _refuse_other(out: Path) -> None:
    """Building takes the place of what is there: of a site, and of nothing else."""
    if out.exists() and not (out / MARK).is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise PublishingError(
            f"{out} is there and holds no site that was built before; it stays as it is",
            next_step="name another folder: --out FOLDER",
        )
