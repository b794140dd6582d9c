"""The switch of two MariaDB schemas: everything is there afterwards, on its own side, wherever it was ended."""

from __future__ import annotations

import os
from itertools import count
from typing import Any

import pytest

from runbook_lib.backups.counting import counted
from runbook_lib.backups.mariadb_switch import Made, _made, _names, of_any_schema
from runbook_lib.backups.session import Session
from runbook_lib.errors import PlatformError
from tests.backups.shop import MakeShop, Shop
from tests.backups.test_engines import restored

OBJECTS = (
    "CREATE TABLE notes (id int AUTO_INCREMENT PRIMARY KEY, what text)",
    "CREATE TABLE prices (id int PRIMARY KEY, price int) WITH SYSTEM VERSIONING",
    "INSERT INTO prices VALUES (1, 10)",
    "CREATE TABLE numbered (id bigint DEFAULT nextval(invoices) PRIMARY KEY, x int)",
    "INSERT INTO numbered (x) VALUES (7)",
    "CREATE FUNCTION factor() RETURNS int DETERMINISTIC RETURN 2",
    "CREATE PROCEDURE noted(about text) INSERT INTO notes (what) VALUES (about)",
    "CREATE VIEW factored AS SELECT id, total * factor() AS total FROM orders",
    "CREATE TRIGGER tell AFTER UPDATE ON orders FOR EACH ROW CALL noted('changed')",
    "CREATE TRIGGER also AFTER UPDATE ON orders FOR EACH ROW FOLLOWS tell CALL noted('also')",
)
EVENT = "CREATE EVENT sweep ON SCHEDULE EVERY 1 HOUR STARTS '2020-01-01' DO DELETE FROM notes"
# RUNBOOK_CRASH_MATRIX=1 tries every statement instead of some.
STEP = 1 if os.environ.get("RUNBOOK_CRASH_MATRIX") else 5
CHANGES = ("CREATE", "RENAME", "DROP", "INSERT", "ALTER")


def test_a_view_does_not_name_the_schema_that_it_was_made_in() -> None:
    made = (
        r"CREATE VIEW `v` AS select `a``b`.`t`.`id` AS `id`,'`a``b`.x \' `a``b`.' AS `x` from `a``b`.`t` join `c`.`t`"
    )
    plain = r"CREATE VIEW `v` AS select `t`.`id` AS `id`,'`a``b`.x \' `a``b`.' AS `x` from `t` join `c`.`t`"
    assert of_any_schema(made, "`a``b`") == plain


@pytest.fixture
def shop(shops: MakeShop) -> Shop:
    """One with all that a schema can have, backed up."""
    made = shops("mysql")
    made.make()
    made.sql(*OBJECTS)
    made.take()
    return made


def objects(shop: Shop, schema: str = "") -> list[Made]:
    with shop.engine.session(schema) as ask:
        kinds = ("FUNCTION", "PROCEDURE", "VIEW", "TRIGGER")
        return [_made(ask, kind, name, schema or shop.engine.name) for kind in kinds for name in _names(ask, kind)]


def tables(shop: Shop, schema: str) -> list[str]:
    with shop.engine.session(schema) as ask:
        return sorted(counted(ask))


ALL = ["customers", "notes", "numbered", "orders", "prices"]


@pytest.mark.real
@pytest.mark.slow
def test_routines_views_and_triggers_are_on_both_sides_as_they_were(shop: Shop) -> None:
    then = objects(shop)
    new, old = restored(shop), shop.engine.beside("before_1a2b")
    shop.sql("DROP FUNCTION factor", "CREATE FUNCTION factor() RETURNS int DETERMINISTIC RETURN 3", "DROP TRIGGER also")
    now = objects(shop)
    shop.engine.refuse_switch()
    shop.engine.switch(new, old)
    assert (objects(shop), objects(shop, old)) == (then, now)
    shop.sql("UPDATE orders SET total = 5 WHERE id = 1")
    assert shop.sql("SELECT what FROM notes ORDER BY id") == [("changed",), ("also",)]
    assert [int(total) for (total,) in shop.sql("SELECT total FROM factored WHERE id = 1")] == [10]
    assert shop.sql("SELECT price FROM prices") == [(10,)]
    shop.engine.switch(old, new)
    assert (objects(shop), objects(shop, new)) == (now, then)
    assert tables(shop, new) == ALL


@pytest.mark.real
@pytest.mark.slow
def test_who_may_call_a_routine_still_may(shop: Shop) -> None:
    shop.sql("CREATE OR REPLACE USER caller@localhost")
    shop.sql(f"GRANT EXECUTE ON FUNCTION `{shop.engine.name}`.factor TO caller@localhost")
    shop.engine.switch(restored(shop), shop.engine.beside("before_1a2b"))
    assert any("factor" in grant for (grant,) in shop.sql("SHOW GRANTS FOR caller@localhost"))


@pytest.mark.real
@pytest.mark.slow
def test_events_go_on_in_one_place_only(shop: Shop) -> None:
    shop.sql(EVENT)
    shop.take("b2")
    new = restored(shop)
    everywhere = "SELECT event_schema FROM information_schema.events WHERE event_schema LIKE 'test%'"
    assert shop.sql(everywhere) == [(shop.engine.name,)]
    shop.engine.switch(new, shop.engine.beside("before_1a2b"))
    assert shop.sql(everywhere) == [(shop.engine.name,)]


@pytest.mark.real
@pytest.mark.slow
def test_a_view_that_was_broken_before_stops_nothing(shop: Shop) -> None:
    new, old = restored(shop), shop.engine.beside("before_1a2b")
    shop.sql("SET foreign_key_checks = 0", "DROP TABLE orders")
    shop.engine.switch(new, old)
    assert len(shop.sql("SELECT * FROM totals")) == 2
    shop.engine.switch(old, new)
    assert tables(shop, shop.engine.name) == [name for name in ALL if name != "orders"]


@pytest.mark.real
@pytest.mark.slow
def test_tables_that_cannot_change_places_keep_their_triggers(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    then = objects(shop)
    new, old = restored(shop), shop.engine.beside("before_1a2b")
    original = Session.__call__

    def refusing(self: Session, statement: str, values: Any = None) -> Any:
        if statement.startswith("RENAME TABLE") and statement.count(" TO ") > 1:
            raise PlatformError("locked")
        return original(self, statement, values)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "__call__", refusing)
        with pytest.raises(PlatformError, match="locked"):
            shop.engine.switch(new, old)
    assert objects(shop) == then
    shop.engine.switch(new, old)
    assert objects(shop) == then


class Killed(BaseException):
    """Of the process."""


def killed_at(shop: Shop, new: str, old: str, stop: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Switch, and be killed right before a statement that changes something; whether it came to that."""
    original, numbers = Session.__call__, count()

    def dying(self: Session, statement: str, values: Any = None) -> Any:
        if statement.startswith(CHANGES) and next(numbers) == stop:
            raise Killed
        return original(self, statement, values)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "__call__", dying)
        try:
            shop.engine.switch(new, old)
        except Killed:
            return True
    return False


@pytest.mark.real
@pytest.mark.slow
def test_killed_before_any_statement_it_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """MariaDB has no transaction around it."""
    then, new, old = objects(shop), restored(shop), shop.engine.beside("before_1a2b")
    shop.sql("DELETE FROM orders")
    for stop in count(0, STEP):
        killed = killed_at(shop, new, old, stop, monkeypatch)
        shop.engine.switch(new, old)
        assert shop.engine.switched(new, old), stop
        assert shop.sql("SELECT count(*) FROM orders") == [(50,)], stop
        assert (objects(shop), objects(shop, old)) == (then, then), stop
        assert (tables(shop, shop.engine.name), tables(shop, old)) == (ALL, ALL), stop
        shop.engine.switch(old, new)
        if not killed:
            break
    assert stop > 20


@pytest.mark.real
@pytest.mark.slow
def test_killed_anywhere_an_empty_database_does_not_come_back(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    name, new, old = shop.engine.name, restored(shop), shop.engine.beside("before_1a2b")
    shop.sql(f"DROP DATABASE `{name}`", f"CREATE DATABASE `{name}`")
    for stop in count(0, STEP):
        killed = killed_at(shop, new, old, stop, monkeypatch)
        shop.engine.switch(new, old)
        assert (tables(shop, name), tables(shop, old)) == (ALL, []), stop
        shop.engine.switch(old, new)
        if not killed:
            break
