"""When a line of a log was written."""

from __future__ import annotations

import pytest

from runbook_lib.platforms.log_lines import dated, in_order, time_of

NOON = 1_767_268_800.0


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("[2026-01-01 12:00:00] production.ERROR: x", NOON),
        ("2026-01-01T12:00:00Z x", NOON),
        ("2026-01-01T14:00:00+02:00 x", NOON),
        ("2026-01-01T14:00:00+0200 x", NOON),
        ("2026-01-01 12:00:00,250 INFO x", NOON + 0.25),
        ("2026-01-01T12:00:00.123456789Z x", NOON + 0.123456),
        ('{"time":"2026-01-01T12:00:00Z"}', NOON),
        ("2026/01/01 12:00:00 [error] 12#12: x", NOON),
        ("[01-Jan-2026 12:00:00 UTC] PHP Fatal error:  x", NOON),
        ("[01-Jan-2026 12:00:00] WARNING: [pool www] x", NOON),
        ('10.0.0.1 - - [01/Jan/2026:14:00:00 +0200] "GET / HTTP/1.1" 500', NOON),
        ("[01-Foo-2026 12:00:00] x", None),
        ("2026-13-01 12:00:00 x", None),
        ("2026-01-01 25:00:00 x", None),
        ("#0 /app/index.php(12): main()", None),
        ("x" * 300 + "2026-01-01T12:00:00Z", None),
        ("", None),
    ],
)
def test_time_of(line: str, at: float | None) -> None:
    assert time_of(line) == (None if at is None else pytest.approx(at))


def test_a_line_without_a_time_has_that_of_the_line_before() -> None:
    lines = dated("web-1", ["no time yet", "2026-01-01T12:00:00Z boom", "#0 stack\r", "", ""])
    assert [(line.text, line.at) for line in lines] == [
        ("no time yet", None),
        ("2026-01-01T12:00:00Z boom", NOON),
        ("#0 stack", NOON),
    ]


def test_only_line_feeds_end_a_line() -> None:
    assert len(dated("web-1", ["one\x0btwo\u2028three", ""])) == 1


def test_in_order_keeps_a_stack_trace_together() -> None:
    lines = dated("a", ["2026-01-01T12:00:00Z a", "#0", "#1", ""]) + dated("b", ["2026-01-01T11:00:00Z b", "#0", ""])
    assert [line.text[-2:] for line in in_order(lines)] == [" b", "#0", " a", "#0", "#1"]
