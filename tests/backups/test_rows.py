"""Single tables: what differs is seen, and only that is put back."""

from __future__ import annotations

import pytest

from runbook_lib.backups.losses import losses
from runbook_lib.backups.rows import (
    Difference,
    chosen,
    compare,
    facing,
    keep,
    kept_pair,
    put_back,
    refuse_cascades,
    samples,
)
from runbook_lib.errors import BackupError, PlatformError
from tests.backups.shop import Shop
from tests.backups.test_engines import restored

DAMAGE = (
    "UPDATE orders SET total = 7777, note = NULL WHERE id IN (3, 4)",
    "DELETE FROM orders WHERE id = 5",
    "INSERT INTO orders (customer_id, total, created_at) VALUES (1, 99, '2036-01-01 00:00:00')",
)


def put(shop: Shop, beside: str, *, remove: bool) -> Difference:
    with facing(shop.engine, beside, "orders", writes=True) as pair:
        with pair.ask.transaction():
            put_back(pair, remove=remove)
        return compare(pair)


def test_what_was_changed_deleted_and_added_is_told_apart(shop: Shop) -> None:
    shop.take()
    beside = restored(shop)
    shop.sql(*DAMAGE)
    with facing(shop.engine, beside, "orders", writes=False) as pair:
        assert compare(pair) == Difference("orders", 2, 1, 1)
        assert [set(sample.columns) for sample in samples(pair)] == [{"total", "note"}] * 2
        assert {int(sample.columns["total"][1]) for sample in samples(pair)} == {7777}
    with facing(shop.engine, beside, "customers", writes=False) as pair:
        assert compare(pair).none


def test_rows_are_put_back_and_what_was_added_stays(shop: Shop) -> None:
    shop.take()
    beside = restored(shop)
    shop.sql(*DAMAGE)
    assert put(shop, beside, remove=False) == Difference("orders", 0, 0, 1)
    assert shop.sql("SELECT count(*) FROM orders WHERE total = 99") == [(1,)]
    assert shop.sql("SELECT doubled FROM orders WHERE id = 3") == [(4,)]


def test_what_was_added_is_removed_where_that_is_wanted(shop: Shop) -> None:
    shop.take()
    beside = restored(shop)
    shop.sql(*DAMAGE)
    assert put(shop, beside, remove=True).none
    assert shop.sql("SELECT count(*), sum(total) FROM orders") == [(50, 1225)]


def test_the_table_of_before_is_kept_and_can_be_put_back(shop: Shop) -> None:
    shop.take()
    beside = restored(shop)
    shop.sql(*DAMAGE)
    keep(shop.engine, "orders", "orders_before_1a")
    keep(shop.engine, "orders", "orders_before_1a")
    put(shop, beside, remove=True)
    with kept_pair(shop.engine, "orders", "orders_before_1a") as pair:
        with pair.ask.transaction():
            put_back(pair, remove=True)
        assert compare(pair).none
    assert shop.sql("SELECT count(*) FROM orders WHERE total = 7777") == [(2,)]


def test_what_refers_to_a_row_keeps_it(shop: Shop) -> None:
    shop.take()
    beside = restored(shop)
    shop.sql("INSERT INTO customers (name) VALUES ('Eve')", "UPDATE orders SET customer_id = 3 WHERE id = 1")
    with (
        pytest.raises(PlatformError, match=r"(?i)foreign key"),
        facing(shop.engine, beside, "customers", writes=True) as pair,
        pair.ask.transaction(),
    ):
        put_back(pair, remove=True)
    assert shop.sql("SELECT count(*) FROM customers") == [(3,)]


def test_rows_that_would_take_others_along_are_not_removed(shop: Shop) -> None:
    shop.sql(
        "CREATE TABLE marks (id int PRIMARY KEY, customer_id bigint, "
        "FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE)"
    )
    with pytest.raises(PlatformError, match="rows of customers would also delete or empty rows of marks"):
        refuse_cascades(shop.engine, ["customers"])
    refuse_cascades(shop.engine, ["customers", "marks"])
    refuse_cascades(shop.engine, ["orders"])


def test_a_table_that_is_not_there_or_has_no_key_is_refused(shop: Shop) -> None:
    shop.sql("CREATE TABLE heap (a int)")
    known = list(shop.take().database.tables)
    for name, match in (("order", "no table 'order' in the backup"), ("heap", "no primary key")):
        with pytest.raises(BackupError, match=match):
            chosen(shop.engine, [name], known)


def test_what_would_be_lost_is_counted(shop: Shop) -> None:
    backup = shop.take()
    shop.sql(*DAMAGE, "CREATE TABLE later (id int)", "INSERT INTO later VALUES (1)", "DELETE FROM orders WHERE id = 6")
    found = {loss.table: (loss.then, loss.now, loss.newer, loss.rows) for loss in losses(shop.engine, backup)}
    assert found == {"customers": (2, 2, 2, 2), "orders": (50, 49, 49, 49), "later": (0, 1, None, 1)}
