"""The site's pages that are made from the record of incidents: the status page with its feed, the metrics, and the list
of post-mortems."""

from __future__ import annotations

import time
from pathlib import Path

from runbook_lib import practice
from runbook_lib.config import STATE_FOLDER, Loaded, Review
from runbook_lib.incident.follow_ups import follow_ups
from runbook_lib.incident.record import without_drills
from runbook_lib.incident.story import told
from runbook_lib.publishing import metrics, postmortem_index, status_page
from runbook_lib.publishing.status import Status, status
from runbook_lib.run.journal import FILE_NAME, Event, Journal


def incident_pages(root: Path) -> dict[str, str]:
    """The files by their path below docs/. root: the project. Nothing is started, made or changed.
    ConfigurationError, JournalError."""
    here = practice.known_configuration(root)
    journal = _journal(here.state if here else root / STATE_FOLDER)
    events = list(journal.events()) if journal else []
    page = _page(here, events)
    folder = root / (here.configuration.review if here else Review()).folder.expanduser()
    agreed = follow_ups(journal) if journal else []
    return {
        "status/index.md": status_page.markdown(page),
        f"status/{status_page.FEED}": status_page.feed(page),
        "metrics.md": metrics.page(told(without_drills(events))),
        "postmortems.md": postmortem_index.page(root / "docs", folder, agreed),
    }


def _journal(state: Path) -> Journal | None:
    """The record, where there is one; none is made."""
    return Journal(state) if (state / FILE_NAME).is_file() else None


def _page(here: Loaded | None, events: list[Event]) -> Status:
    """As of the last event: the same record gives the same page."""
    now = events[-1].at if events else time.time()
    if here is None:
        return status(events, [], title="Status", url="", days=90, now=now)
    return status_page.of(here, events, now)
