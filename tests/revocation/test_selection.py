"""Whose tokens and sessions: only checked values reach SQL."""

from __future__ import annotations

import pytest

from runbook_lib.errors import ParameterError
from runbook_lib.revocation.selection import Selection


def test_nothing_named_is_everybody() -> None:
    everybody = Selection.of("", "")
    assert (everybody.everybody, everybody.by_id("id", "users"), str(everybody)) == (True, "", "everybody")


def test_ids_and_addresses() -> None:
    some = Selection.of("12, o'brien@shop.example 7", "2026-11-24T03:00:00+02:00")
    assert some.by_id("user_id", "users") == (
        "(user_id IN ('12', '7') OR user_id IN (SELECT id FROM users WHERE email IN ('o''brien@shop.example')))"
    )
    assert some.by_email("email", "users") == (
        "(email IN ('o''brien@shop.example') OR email IN (SELECT email FROM users WHERE id IN ('12', '7')))"
    )
    assert some.made_since("created_at") == "created_at >= '2026-11-24 01:00:00'"
    assert some.active_since("last_activity") == "last_activity >= 1795482000"
    assert str(some) == "3 users, since 2026-11-24 01:00:00 UTC"


def test_ids_that_are_no_numbers_are_compared_as_text() -> None:
    uuid = "3FA85F64-5717-4562-b3fc-2c963f66afa6"
    some = Selection.of(f"12 {uuid}", "")
    text = f"(id IN ('12') OR LOWER(CAST(id AS CHAR(36))) IN ('{uuid.lower()}'))"
    assert some.of_users() == text
    assert some.by_id("id", "users") == text
    assert some.missing([{"id": 12, "email": "a@x.org"}]) == [uuid]
    assert some.missing([{"id": uuid.lower(), "email": None}]) == ["12"]


@pytest.mark.parametrize(
    "users",
    ["1 OR 1=1", "1;DROP TABLE users", "a'b", "x\\@shop.example", "ada@shop.example'--", "*", "%", "-1", "\x00"],
)
def test_anything_else_is_refused(users: str) -> None:
    with pytest.raises(ParameterError, match="is neither an id nor an e-mail address"):
        Selection.of(users, "")


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", "1; DROP"])
def test_a_time_that_is_none_is_refused(since: str) -> None:
    with pytest.raises(ParameterError, match="is no time"):
        Selection.of("", since)
