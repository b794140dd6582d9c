"""The page that leads to the post-mortems."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.incident.follow_ups import FollowUp
from runbook_lib.incident.postmortem import text, write
from runbook_lib.incident.record import close, declare
from runbook_lib.incident.story import stories
from runbook_lib.publishing.postmortem_index import page
from runbook_lib.run.journal import Journal
from tests.incident.conftest import SHOP

WRITTEN = """---
incident: "INC-1"
severity: SEV2
declared: "2026-03-01T10:05:00.000+00:00"
began: "2026-03-01T10:00:00.000+00:00"
verified: "2026-03-01T10:42:00.000+00:00"
title: "Checkouts | <b>fail</b>"
---

# Checkouts

## Summary

A release divided by zero;
we learnt to try carts without pieces.

| moment | time (UTC) |
"""


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs/postmortems").mkdir(parents=True)
    return tmp_path / "docs"


def shown(docs: Path, *agreed: FollowUp) -> str:
    return page(docs, docs / "postmortems", agreed)


def test_a_post_mortem_is_a_line_that_leads_to_it(docs: Path) -> None:
    (docs / "postmortems/2026-03-01-INC-1.md").write_text(WRITTEN)
    agreed = [FollowUp(f"FU-{n}", "INC-1", "test it", "ann", "2026-04-01", n == 1) for n in (1, 2, 3)]
    (line,) = [line for line in shown(docs, *agreed).splitlines() if "INC-1" in line]
    for part in ("2026-03-01", "SEV2", "42 min", "we learnt to try carts without pieces", "2 of 3 open"):
        assert part in line
    assert "(postmortems/2026-03-01-INC-1.md)" in line
    assert "<b>" not in line


def test_what_a_review_writes_is_read(docs: Path, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "record")
    found = declare(journal, SHOP, "checkouts fail", "SEV1")
    close(journal, found.id, "it was seen")
    (story,) = stories(journal)
    write(docs / "postmortems", story, text(story, [], []))
    (line,) = [line for line in shown(docs).splitlines() if "checkouts fail" in line]
    assert "SEV1" in line
    assert "to be completed" in line
    assert line.endswith("| none |")


def test_the_newest_stands_first(docs: Path) -> None:
    for day in ("2026-01-02", "2026-03-04"):
        (docs / f"postmortems/{day}-INC-x.md").write_text("# By hand\n")
    found = shown(docs)
    assert found.index("2026-03-04") < found.index("2026-01-02")


BY_HAND = ("", "---\n", "---\nbegan: soon\nverified: 3\n---\n", "---\ntitle: [\n---\n", "\xff")


@pytest.mark.parametrize("content", BY_HAND)
def test_a_file_that_was_changed_by_hand_is_still_listed(docs: Path, content: str) -> None:
    (docs / "postmortems/2026-03-01-INC-1.md").write_bytes(content.encode("latin-1"))
    assert "2026-03-01" in shown(docs)


def test_those_outside_the_site_are_listed_without_a_link(docs: Path, tmp_path: Path) -> None:
    (tmp_path / "2026-03-01-INC-1.md").write_text(WRITTEN)
    found = page(docs, tmp_path, [])
    assert "SEV2" in found
    assert "](" not in found


def test_without_any_it_says_so(docs: Path) -> None:
    assert "None was written yet" in shown(docs)
