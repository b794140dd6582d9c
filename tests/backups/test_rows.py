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
    refuse_other_columns,
    samples,
)
from runbook_lib.backups.side_effects import refuse_cascades
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


def refused(shop: Shop, beside: str, why: str, *, remove: bool) -> None:
    """Customers are not put back."""
    with (
        pytest.raises(PlatformError, match=why),
        facing(shop.engine, beside, "customers", writes=True) as pair,
        pair.ask.transaction(),
    ):
        put_back(pair, remove=remove)


def test_what_refers_to_a_row_keeps_it(shop: Shop) -> None:
    shop.take()
    beside = restored(shop)
    shop.sql("INSERT INTO customers (name) VALUES ('Eve')", "UPDATE orders SET customer_id = 3 WHERE id = 1")
    refused(shop, beside, r"(?i)foreign key", remove=True)
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


TRIGGERS = {
    "pgsql": (
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.created_at = '2040-01-01'; INSERT INTO told VALUES ('orders'); RETURN NEW; END $$",
        "CREATE TRIGGER touches BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch()",
        "ALTER TABLE orders ENABLE ALWAYS TRIGGER touches",
        "CREATE TRIGGER sleeps BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch()",
        "ALTER TABLE orders DISABLE TRIGGER sleeps",
    ),
    "sqlite": ("CREATE TRIGGER touches AFTER UPDATE ON orders BEGIN INSERT INTO told VALUES ('it''s orders'); END",),
    "mysql": ("CREATE TRIGGER touches BEFORE UPDATE ON orders FOR EACH ROW SET NEW.created_at = '2040-01-01'",),
}
STATES = {
    "pgsql": "SELECT tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'",
}


def test_triggers_do_not_see_it_and_are_as_they_were(shop: Shop) -> None:
    driver = shop.database.driver
    backup = shop.take()
    beside = restored(shop)
    shop.sql("CREATE TABLE told (what varchar(20))", *DAMAGE, *TRIGGERS[driver])
    if driver == "mysql":
        with pytest.raises(BackupError, match=r"orders has triggers \(touches\)"):
            chosen(shop.engine, ["orders"], list(backup.database.tables))
        return
    before = shop.sql(STATES[driver])
    assert put(shop, beside, remove=True).none
    assert shop.sql("SELECT count(*) FROM told") == [(0,)]
    assert shop.sql(STATES[driver]) == before


def test_new_rows_come_behind_those_that_are_back(shop: Shop) -> None:
    shop.take()
    beside = restored(shop)
    empty = {"pgsql": "TRUNCATE orders RESTART IDENTITY", "mysql": "TRUNCATE orders", "sqlite": "DELETE FROM orders"}
    shop.sql(empty[shop.database.driver])
    assert put(shop, beside, remove=False).none
    shop.sql("INSERT INTO orders (customer_id, total) VALUES (1, 99)")
    assert shop.sql("SELECT id FROM orders WHERE total = 99") == [(51,)]


def test_a_row_that_has_what_another_must_have_alone_is_not_overwritten(shop: Shop) -> None:
    shop.sql("CREATE UNIQUE INDEX names ON customers (name)" if shop.database.driver != "mysql" else
             "CREATE UNIQUE INDEX names ON customers (name(50))")  # fmt: skip
    shop.sql("INSERT INTO customers (name) VALUES ('Eve')")
    shop.take()
    beside = restored(shop)
    shop.sql("DELETE FROM customers WHERE name = 'Eve'", "INSERT INTO customers (id, name) VALUES (9, 'Eve')")
    refused(shop, beside, r"(?is)(unique|duplicate).*rows of now stand against it", remove=False)
    assert shop.sql("SELECT id FROM customers WHERE name = 'Eve'") == [(9,)]


def test_a_table_of_other_columns_is_refused(shop: Shop) -> None:
    shop.take()
    beside = restored(shop)
    refuse_other_columns(shop.engine, beside, ["orders", "customers"])
    shop.sql("ALTER TABLE orders ADD COLUMN later int")
    with pytest.raises(BackupError, match="orders has other columns than in the backup: later"):
        refuse_other_columns(shop.engine, beside, ["orders"])


def test_what_would_be_lost_is_counted(shop: Shop) -> None:
    backup = shop.take()
    shop.sql(*DAMAGE, "CREATE TABLE later (id int)", "INSERT INTO later VALUES (1)", "DELETE FROM orders WHERE id = 6")
    found = {loss.table: (loss.then, loss.now, loss.newer, loss.rows) for loss in losses(shop.engine, backup)}
    assert found == {"customers": (2, 2, 2, 2), "orders": (50, 49, 49, 49), "later": (0, 1, None, 1)}
