"""What every engine does: a dump that holds all, a database beside, the switch by name and back."""

from __future__ import annotations

from runbook_lib.backups.counting import counted
from runbook_lib.backups.restoring import check_database, restore_database
from tests.backups.shop import Shop


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
