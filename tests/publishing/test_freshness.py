"""The mark of a runbook rests on its drills."""

from __future__ import annotations

import pytest

from runbook_lib.publishing.freshness import FRESH_SECONDS, freshness
from tests.publishing.notebooks import evidence

BEGAN = evidence().began
DIGEST = evidence().digest


def state(*records, digest=DIGEST, after=60.0):
    return freshness("mend", digest, records, BEGAN + after).state


def test_without_a_drill_it_was_never_drilled():
    assert state() == "never"


def test_a_drill_of_another_runbook_does_not_count():
    assert state(evidence(runbook="other")) == "never"


def test_a_passed_drill_of_this_source_proves_it():
    assert state(evidence()) == "proven"


def test_a_source_that_changed_since_is_not_proven():
    assert state(evidence(), digest="other") == "changed"


@pytest.mark.parametrize(("after", "expected"), [(FRESH_SECONDS, "proven"), (FRESH_SECONDS + 1, "stale")])
def test_it_counts_for_thirty_days(after, expected):
    assert state(evidence(), after=after) == expected


def test_one_failed_drill_makes_it_failing_whatever_the_others_say():
    failed = evidence(drill="other", status="failed", reason="blamed the wrong cause", began=BEGAN - 5)
    mark = freshness("mend", DIGEST, [evidence(), failed], BEGAN)
    assert mark.state == "failing"
    assert "blamed the wrong cause" in mark.words
    assert mark.last == failed


def test_the_newest_drill_stands_first():
    older = evidence(drill="older", began=BEGAN - 100)
    assert [one.drill for one in freshness("mend", DIGEST, [older, evidence()], BEGAN).evidence] == ["mend", "older"]
