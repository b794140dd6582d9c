"""What every engine does: a dump that holds all, a database beside, the switch by name and back."""

from __future__ import annotations

import pytest

from runbook_lib.backups.counting import counted, quoted, tables
from runbook_lib.backups.restoring import check_database, restore_database
from runbook_lib.backups.rows import compare, facing, put_back
from runbook_lib.errors import PlatformError
from tests.backups.shop import MakeShop, Shop


def restored(shop: Shop, mark: str = "restored_1a2b") -> str:
    backup = shop.repository.backups()[-1]
    name = shop.engine.beside(mark)
    restore_database(shop.repository, shop.target, backup.database, name)
    check_database(shop.engine, name, backup)
    return name


def test_a_backup_is_restored_beside_as_it_was_recorded(shop: Shop) -> None:
    backup = shop.take()
    assert {name: table.rows for name, table in backup.database.tables.items()} == {"customers": 2, "orders": 50}
    assert backup.database.exact
    name = restored(shop)
    with shop.engine.session(name) as ask:
        assert dict(counted(ask)) == backup.database.tables
    shop.engine.drop(name)
    assert not shop.engine.exists(name)


def test_switched_by_name_and_back(shop: Shop) -> None:
    shop.take()
    new, old = restored(shop), shop.engine.beside("before_1a2b")
    shop.sql("DELETE FROM orders")
    shop.engine.refuse_switch()
    shop.engine.switch(new, old)
    assert shop.engine.switched(new, old)
    assert shop.sql("SELECT count(*), sum(doubled) FROM orders") == [(50, 2450)]
    assert len(shop.sql("SELECT * FROM totals")) == 2
    shop.engine.switch(old, new)
    assert shop.sql("SELECT count(*) FROM orders") == [(0,)]
    assert shop.sql("SELECT count(*) FROM totals") == [(0,)]


def test_a_look_changes_nothing_and_the_session_goes_on(shop: Shop) -> None:
    with shop.engine.session() as ask:
        columns, first, found = ask.look("SELECT id, total FROM orders ORDER BY id", 2)
        assert (columns, [int(row[0]) for row in first], found) == (["id", "total"], [1, 2], 50)
        with pytest.raises(PlatformError):
            ask.look("DELETE FROM orders", 2)
        ask(f"DELETE FROM {quoted(ask, tables(ask)['orders'])} WHERE id = 1")
    assert shop.sql("SELECT count(*) FROM orders") == [(49,)]


@pytest.mark.real
@pytest.mark.slow
def test_dates_that_the_server_takes_no_more_are_put_back(shops: MakeShop) -> None:
    shop = shops("mysql")
    shop.sql("SET sql_mode = ''", "CREATE TABLE days (id int PRIMARY KEY, day date)")
    shop.sql("SET sql_mode = ''", "INSERT INTO days VALUES (1, '0000-00-00'), (2, '2026-02-00'), (3, '2026-02-31')")
    shop.take()
    new = restored(shop)
    shop.sql("DELETE FROM days")
    ((mode,),) = shop.sql("SELECT @@GLOBAL.sql_mode")
    shop.sql("SET GLOBAL sql_mode = 'TRADITIONAL'")
    try:
        with facing(shop.engine, new, "days", writes=True) as pair, pair.ask.transaction():
            put_back(pair, remove=False)
            assert compare(pair).none
    finally:
        shop.sql(f"SET GLOBAL sql_mode = '{mode}'")
