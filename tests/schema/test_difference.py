"""What is not as before, in words."""

from __future__ import annotations

from runbook_lib.schema.difference import differences

ORDERS = {"table": "there", "column id": "integer not null", "column total": "integer null"}


def words(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> list[str]:
    return [str(difference) for difference in differences(before, after)]


def test_the_same_has_no_difference() -> None:
    assert words({"orders": ORDERS}, {"orders": dict(ORDERS)}) == []


def test_of_a_table_that_went_only_that_is_told() -> None:
    assert words({"orders": ORDERS}, {}) == ["table orders is gone"]


def test_a_table_that_became_a_view_is_both() -> None:
    view = {"view": "there", "column id": "integer null"}
    assert words({"orders": ORDERS}, {"orders": view}) == ["table orders is gone", "view orders is new"]


def test_columns_come_go_and_change() -> None:
    after = {"table": "there", "column id": "bigint not null", "column note": "text null"}
    assert words({"orders": ORDERS}, {"orders": after}) == [
        "orders: column id was integer not null, is bigint not null",
        "orders: column note is new",
        "orders: column total is gone",
    ]
