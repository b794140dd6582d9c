"""The page of incident metrics."""

from __future__ import annotations

import markdown

from runbook_lib.incident.story import told
from runbook_lib.publishing.metrics import page
from tests.incident.recorded import Record


def test_it_has_all_groups_and_each_incident() -> None:
    record = Record().declared(120, began=100).rolled_back(130).closed(200)
    text = page(told(record.events))
    assert "| all | 1 | verify | 39 s | 39 s | 39 s | 1 |" in text
    assert "| SEV1 | 1 |" in text
    assert "| 1970-01 | 1 |" in text
    assert "INC-1: checkouts fail" in text


def test_without_incidents_it_says_so() -> None:
    assert "No incident is in the record" in page([])


def test_hostile_titles_stay_text() -> None:
    text = page(told(Record().declared(1, title="<script>alert(1)</script> | x").events))
    rendered = markdown.markdown(text, extensions=["tables"])
    assert "<script" not in rendered
    assert "alert(1)&lt;/script&gt; | x</td>" in rendered
