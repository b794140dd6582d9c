"""Evidence: copied aside with checksums before anything is changed."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from runbook_lib.command import mask
from runbook_lib.config import Target
from runbook_lib.errors import RunbookError
from runbook_lib.platforms import platform_of
from runbook_lib.run.journal import Journal

SUMS = "SHA256SUMS"


def preserve(target: Target, journal: Journal, folder: Path, since: float) -> str:
    """Copy the application's log since a Unix time and the record of all runs into a folder, each file's SHA-256 beside
    them. What cannot be had is said in the remark."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    problems: list[str] = []
    try:
        lines = [json.dumps(asdict(line), ensure_ascii=False) for line in platform_of(target).logs(since)]
        _write(folder / "log.jsonl", lines)
    except RunbookError as error:
        problems.append(f"no log: {error.message}")
    _write(folder / "journal.jsonl", [json.dumps(vars(event), default=str) for event in journal.events()])
    files = sorted(path for path in folder.iterdir() if path.name != SUMS)
    sums = [f"{sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in files]
    _write(folder / SUMS, sums)
    return "; ".join([f"{len(files)} files with checksums in {folder}", *problems])


def preserved(folder: Path) -> bool:
    return (folder / SUMS).exists()


def _write(path: Path, lines: list[str]) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(mask("".join(f"{line}\n" for line in lines)), errors="backslashreplace")
    fresh.replace(path)
