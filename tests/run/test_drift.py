"""What differs between the plan and the world, in words."""

from __future__ import annotations

import pytest

from runbook_lib.run.drift import difference


@pytest.mark.parametrize(
    ("planned", "now", "says"),
    [
        ({"a": 1}, {"a": 2}, "a was 1, is 2"),
        ({"a": {"b": {"c": "v1"}}}, {"a": {"b": {"c": "v2"}}}, "a.b.c was v1, is v2"),
        ({"a": 1}, {}, "a was 1, is None"),
        ({}, {"a": 1}, "a was None, is 1"),
        ({"a": [1]}, {"a": [1, 2]}, "a was [1], is [1, 2]"),
        ({"a": 1}, {"a": 1}, ""),
    ],
)
def test_a_difference_is_named_by_its_place(planned, now, says):
    assert difference(planned, now) == says


def test_only_the_first_differences_are_shown():
    assert difference(dict.fromkeys("abcde", 1), dict.fromkeys("abcde", 2)).endswith("c was 1, is 2 and 2 more")


def test_text_from_outside_comes_out_printable_and_short():
    said = difference({"a": "\x1b[31m"}, {"a": "x" * 1000})
    assert said.isprintable()
    assert len(said) < 200
