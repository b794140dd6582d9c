"""An observation as its reader sees it."""

from __future__ import annotations

from typing import Any

from runbook_lib.actions.observing import observed
from runbook_lib.config import Environment
from runbook_lib.probes.metrics import Traffic
from runbook_lib.run.plan import Verdict

ENVIRONMENT = Environment.model_validate(
    {"platform": "git", "url": "http://shop.example", "git": {"path": "x"}, "observation": {"max_p95_ms": 250}}
)
NUMBERS: dict[str, Any] = {"requests": 40, "error_rate": 0.025, "p95_ms": 120.4, "series": [[0, 90, 0], [2, 120, 1]]}


def verdict(**numbers: Any) -> Verdict:
    return Verdict("FAIL", ("1 of 40 requests failed", "too slow"), {**NUMBERS, **numbers})


def test_the_verdict_stands_on_top_with_all_its_reasons() -> None:
    assert observed(ENVIRONMENT, "v1", verdict()).title == "FAIL: 1 of 40 requests failed; too slow"


def test_its_numbers_are_a_row() -> None:
    assert observed(ENVIRONMENT, "v1", verdict()).rows == [("after", "v1", "40", "2.5%", "120 ms")]


def test_what_is_not_known_is_not_called_zero() -> None:
    made = observed(ENVIRONMENT, "v1", verdict(requests=0, error_rate=None, p95_ms=None))
    assert made.rows == [("after", "v1", "0", "unknown", "unknown")]


def test_what_was_live_before_stands_beside_it() -> None:
    before = Traffic(requests=200, errors=50, buckets={0.1: 190.0, 0.5: 200.0, float("inf"): 200.0})
    rows = observed(ENVIRONMENT, "v1", verdict(), before).rows
    assert rows[0][:4] == ("before", "what was live", "200", "25.0%")
    assert rows[0][4].endswith(" ms")
    assert rows[1][0] == "after"


def test_traffic_before_that_has_no_requests_is_left_out() -> None:
    assert [row[0] for row in observed(ENVIRONMENT, "v1", verdict(), Traffic()).rows] == ["after"]


def test_the_chart_has_every_sample_and_the_limit() -> None:
    chart = observed(ENVIRONMENT, "v1", verdict()).chart
    assert chart is not None
    assert (chart.points, chart.limit) == (NUMBERS["series"], 250)


def test_without_a_verdict_it_says_that_nothing_was_changed() -> None:
    assert "nothing was changed" in str(observed(ENVIRONMENT, "v1", None))
