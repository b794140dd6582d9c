"""A long record is reviewed in seconds."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest

from runbook_lib.incident import postmortem
from runbook_lib.incident.components import changes
from runbook_lib.incident.metrics import groups
from runbook_lib.incident.record import incident_of
from runbook_lib.incident.story import stories, story
from runbook_lib.publishing import status_page
from runbook_lib.publishing.status import status
from runbook_lib.run.journal import GENESIS, Event, Journal, _link
from runbook_lib.run.plan import canonical
from tests.incident.recorded import SHOP, Record
from tests.publishing.test_status import SHOP_LINE

pytestmark = pytest.mark.slow

EVENTS = 50_000
# Seconds of this process's own time: what others do on the machine meanwhile does not count.
ALLOWED = 5.0


def long_record() -> list[Event]:
    """One long incident with thousands of notes, verdicts and runs, and some short ones before it."""
    record = Record()
    for number in range(50):
        name = f"INC-{number + 10}"
        record.declared(number * 1000.0, name).rolled_back(number * 1000.0 + 10, f"early-{number}", name)
        record.closed(number * 1000.0 + 100, name)
    record.declared(100_000.0)
    at = 100_001.0
    while len(record.events) < EVENTS - 1:
        record.rolled_back(at, f"run-{at:.0f}").add("noted", at + 11, incident="INC-1", text="seen " * 20, by="ada")
        record.verdict(at + 12, "FAIL", numbers={"series": [[float(n), 20.0, 0.0] for n in range(30)], "requests": 9})
        at += 20
    return [*record.events[: EVENTS - 1], *Record().closed(at).events]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    return written(tmp_path_factory.mktemp("long"))


def written(folder: Path) -> Journal:
    """A journal with these events, chained as they would be, written in one transaction."""
    journal = Journal(folder)
    previous = GENESIS
    with journal.transaction() as connection:
        for seq, event in enumerate(long_record(), 1):
            text = canonical(event.data)
            numbered = Event(seq, event.run, event.at, event.kind, json.loads(text))
            previous = _link(previous, numbered, text)
            row = (seq, event.run, event.at, event.kind, text, previous)
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", row)
        connection.execute("INSERT OR REPLACE INTO head VALUES (1, ?, ?)", (EVENTS, previous))
    return journal


def test_there_are_so_many_events(journal: Journal) -> None:
    assert sum(1 for _ in journal.events()) == EVENTS


def test_reviewing_them_takes_seconds(journal: Journal, tmp_path: Path) -> None:
    began = time.process_time()
    found = story(journal, incident_of(journal, "INC-1"))
    text = postmortem.text(found, (), ())
    postmortem.write(tmp_path, found, text)
    assert time.process_time() - began < ALLOWED
    assert len(found.events) > EVENTS * 0.9
    assert "more lines" in text


def test_metrics_and_status_page_take_seconds(journal: Journal) -> None:
    began = time.process_time()
    assert groups(stories(journal))[0].incidents == 51
    events = list(journal.events())
    assert SHOP in changes(events)
    page = status(events, [SHOP_LINE], title="x", url="", days=90, now=events[-1].at)
    assert hashlib.sha256(status_page.html(page).encode())
    assert time.process_time() - began < ALLOWED
