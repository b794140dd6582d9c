"""What must be so once migrations were taken back, and what is said where it is not."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.migrations.expecting import Expected, compared

HERE = {"orders": {"table": "there", "column id": "integer", "column note": "text"}}
GONE = {"orders": {"table": "there", "column id": "integer"}}


def expected(kind: str, subject: str, *guards: str) -> Expected:
    return Expected.of({"kind": kind, "subject": subject, "guards": list(guards)})


def test_a_column_that_is_gone_is_as_expected() -> None:
    found = compared([expected("add column", "orders.note")], HERE, GONE)
    assert (found.as_expected, found.other, found.contradictions) == (1, (), ())


@pytest.mark.parametrize(
    ("kind", "subject", "after", "words"),
    [
        ("add column", "orders.note", HERE, "orders.note is still there"),
        ("drop column", "orders.note", GONE, "orders.note is not there again"),
        ("rename column", "orders.note", GONE, "orders.note is not there again"),
        ("create table", "orders", HERE, "the table orders is still there"),
        ("drop table", "invoices", HERE, "the table invoices is not there again"),
        ("rename table", "invoices", HERE, "the table invoices is not there again"),
    ],
)
def test_what_contradicts_is_named(kind: str, subject: str, after: dict[str, Any], words: str) -> None:
    assert compared([expected(kind, subject)], HERE, after).contradictions == (words,)


@pytest.mark.parametrize("change", [expected("add column", "orders.note", "a guard"), expected("drop table", "?")])
def test_what_may_not_have_happened_contradicts_nothing(change: Expected) -> None:
    assert compared([change], HERE, HERE).contradictions == ()


def test_a_table_that_was_created_takes_its_columns_along() -> None:
    changes = [expected("create table", "orders"), expected("add index", "orders.note")]
    found = compared(changes, HERE, {})
    assert (found.as_expected, found.contradictions) == (1, ())


def test_a_rename_explains_both_names_and_nothing_more() -> None:
    before = {"orders": {"table": "there", "column remark": "text", "column id": "integer"}}
    after = {"orders": {"table": "there", "column note": "text", "column id": "bigint"}}
    found = compared([expected("rename column", "orders.note")], before, after)
    assert found.as_expected == 2
    assert found.other == ("orders: column id was integer, is bigint",)


def test_another_table_is_not_expected() -> None:
    found = compared([expected("add column", "orders.note")], HERE, {**GONE, "new": {"table": "there"}})
    assert str(found) == "differences as expected: 1, not expected: table new is new"
