"""Moments as a person writes them."""

from __future__ import annotations

import pytest

from runbook_lib.actions.data.moments import unix_time
from runbook_lib.errors import ParameterError

NOON = 1_769_860_800.0


@pytest.mark.parametrize(
    "text",
    ["2026-01-31T12:00", "2026-01-31 12:00:00 UTC", "2026-01-31T12:00Z", "2026-01-31T13:00+01:00", " 2026-01-31T12 "],
)
def test_without_a_zone_it_is_utc(text: str) -> None:
    assert unix_time(text) == NOON


def test_nothing_is_no_moment() -> None:
    assert unix_time(" ") is None


@pytest.mark.parametrize(
    "text", ["yesterday", "12:00", "2026-02-30T12:00", "0001-01-01T00:00+23:59", "9999-12-31T23:00-02:00"]
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="is no time"):
        unix_time(text)
