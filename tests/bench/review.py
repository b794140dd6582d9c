"""How long the review of 50,000 events takes: `python -m tests.bench.review`."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from runbook_lib.incident import postmortem
from runbook_lib.incident.metrics import groups
from runbook_lib.incident.record import incident_of
from runbook_lib.incident.story import stories, story
from tests.incident.test_speed import EVENTS, written


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = written(Path(folder))
        wall, own = time.monotonic(), time.process_time()
        text = postmortem.text(story(journal, incident_of(journal, "INC-1")), (), ())
        print(f"review of {EVENTS} events: {_since(wall, own)}, {len(text) // 1024} KiB of post-mortem")
        wall, own = time.monotonic(), time.process_time()
        count = groups(stories(journal))[0].incidents
        print(f"metrics of {count} incidents in {EVENTS} events: {_since(wall, own)}")


def _since(wall: float, own: float) -> str:
    return f"{time.monotonic() - wall:.2f} s ({time.process_time() - own:.2f} s of its own)"


if __name__ == "__main__":
    main()
