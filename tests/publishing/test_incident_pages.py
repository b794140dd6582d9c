"""The site's pages about incidents."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.incident.record import declare
from runbook_lib.publishing.incident_pages import incident_pages
from runbook_lib.run.journal import Journal
from tests.incident.conftest import BASE, SHOP


def test_they_say_what_the_record_says(tmp_path: Path) -> None:
    (tmp_path / "runbooks.toml").write_text(BASE)
    declare(Journal(tmp_path / ".runbooks"), SHOP, "checkouts fail", "SEV1")
    found = incident_pages(tmp_path)
    assert "There is a major outage" in found["status/index.md"]
    assert "<feed" in found["status/feed.xml"]
    assert "checkouts fail" in found["metrics.md"]


def test_without_any_record_they_are_whole_and_nothing_is_made(tmp_path: Path) -> None:
    found = incident_pages(tmp_path)
    assert "Everything works" in found["status/index.md"]
    assert "No incident is in the record" in found["metrics.md"]
    assert list(tmp_path.iterdir()) == []


def test_the_same_record_gives_the_same_pages(tmp_path: Path) -> None:
    (tmp_path / "runbooks.toml").write_text(BASE)
    declare(Journal(tmp_path / ".runbooks"), SHOP, "checkouts fail", "SEV1")
    assert incident_pages(tmp_path) == incident_pages(tmp_path)
