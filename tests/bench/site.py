"""`make bench`: how long a site of 50 runbooks takes to build, without drills, and what its pages weigh."""

from __future__ import annotations

import gzip
import statistics
import sys
import tempfile
import time
from pathlib import Path

from runbook_lib.publishing.site import build
from tests.publishing.notebooks import project

RUNBOOKS = 50
ROUNDS = 3
ROOT = Path(__file__).parents[2]


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="rb-bench-") as folder:
        root = project(Path(folder) / "project", RUNBOOKS)
        seconds = sorted(_seconds(root, Path(folder) / "site") for _ in range(ROUNDS))
        build(ROOT, Path(folder) / "own")
        pages = sorted((Path(folder) / "own/runbooks").rglob("index.html"), key=lambda page: page.stat().st_size)
        heaviest = pages[-1].read_bytes()
    print(f"site of {RUNBOOKS} runbooks: {statistics.median(seconds):.2f} s ({seconds[0]:.2f} to {seconds[-1]:.2f})")
    print(
        f"heaviest page of a runbook: {len(heaviest) / 1000:.1f} KB, {len(gzip.compress(heaviest)) / 1000:.1f} KB gzip"
    )
    return 0


def _seconds(root: Path, out: Path) -> float:
    began = time.perf_counter()
    build(root, out)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
