"""The runbooks there are: notebooks whose metadata says that they are one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Runbook:
    """What a runbook says of itself. changes: what it may change, one phrase each."""

    name: str
    title: str
    owner: str
    severity: str
    scenario: str
    changes: tuple[str, ...]
    file: Path


def folder() -> Path:
    """Where the runbooks are: notebooks/ here or above, else this folder."""
    here = Path.cwd()
    for candidate in (here, *here.parents):
        if (candidate / "notebooks").is_dir():
            return candidate / "notebooks"
    return here


def runbooks(where: Path) -> list[Runbook]:
    """The runbooks of a folder by name; files that are no runbook are passed over."""
    found = (_runbook(file) for file in sorted(where.glob("*.ipynb")))
    return [runbook for runbook in found if runbook is not None]


def _runbook(file: Path) -> Runbook | None:
    try:
        about = json.loads(file.read_text(encoding="utf-8"))["metadata"]["runbook"]
    except (OSError, ValueError, KeyError, TypeError):
        return None

    def text(key: str) -> str:
        return str(about.get(key, ""))

    changes: Sequence[str] = about.get("changes", ())
    return Runbook(
        text("name") or file.stem,
        text("title"),
        text("owner"),
        text("severity"),
        text("scenario"),
        tuple(changes),
        file,
    )
