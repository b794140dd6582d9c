"""What is kept beside: each table's copy has a name of its own that PostgreSQL does not cut off."""

from __future__ import annotations

from runbook_lib.actions.data.kept import TABLE_LIMIT, copies_of

MARK = "before_1a2b3c4d"


def test_a_copy_is_named_after_its_table() -> None:
    assert copies_of(["orders", "billing.orders"], MARK) == dict.fromkeys(
        ["orders", "billing.orders"], "orders_before_1a2b3c4d"
    )


def test_long_names_that_begin_alike_have_copies_of_their_own() -> None:
    stem = "ü" * 24
    found = copies_of([f"{stem}_lines", f"{stem}_totals", f"{stem}"], MARK)
    assert len(set(found.values())) == 3
    assert all(len(name.encode()) <= TABLE_LIMIT and name.endswith(MARK) for name in found.values())
