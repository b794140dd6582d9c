"""PostgreSQL: a database beside is as the application's, not only its tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbook_lib.backups.rows import compare, facing, put_back
from tests.backups.shop import VARIABLE, MakeShop
from tests.backups.test_engines import restored

SETTINGS = (
    "SELECT setrole::regrole::text, setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase "
    "WHERE datname = current_database() ORDER BY 1"
)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("path", ['"$user", shop, public', "''", '"a, b", "c""d", "Ünï"'])
def test_settings_and_limits_come_along(path: str, shops: MakeShop) -> None:
    shop = shops("pgsql")
    shop.make()
    name = shop.engine.name
    shop.sql(
        f"ALTER DATABASE {name} SET search_path = {path}",
        f"ALTER ROLE postgres IN DATABASE {name} SET search_path = public, {path}",
        f"ALTER DATABASE {name} SET statement_timeout = '30s'",
        f"ALTER DATABASE {name} SET shop.motto = 'it''s, \"so\"'",
        f"ALTER DATABASE {name} CONNECTION LIMIT 20",
    )
    limit = "SELECT datconnlimit FROM pg_database WHERE datname = current_database()"
    before = shop.sql(SETTINGS), shop.sql(limit), shop.sql("SHOW search_path")
    shop.take()
    shop.engine.switch(restored(shop), shop.engine.beside("before_1a2b"))
    assert (shop.sql(SETTINGS), shop.sql(limit), shop.sql("SHOW search_path")) == before


@pytest.mark.real
@pytest.mark.slow
def test_an_owner_who_may_make_databases_is_enough(shops: MakeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = shops("pgsql")
    name = shop.engine.name
    shop.sql("CREATE ROLE keeper LOGIN CREATEDB", f"ALTER DATABASE {name} OWNER TO keeper")
    shop.sql(f"ALTER DATABASE {name} SET search_path = public")
    monkeypatch.setenv(VARIABLE, f"postgresql://keeper@127.0.0.1:{shop.database.port}/{name}")
    shop = replace(shop, database=replace(shop.database, user="keeper"))
    shop.make()
    shop.take()
    new, old = restored(shop), shop.engine.beside("before_1a2b")
    shop.sql("DELETE FROM orders")
    held = shop.database.connect()
    shop.engine.refuse_switch()
    shop.engine.switch(new, old)
    held.close()
    assert shop.sql("SELECT count(*) FROM orders") == [(50,)]
    shop.engine.drop(old)


@pytest.mark.real
@pytest.mark.slow
def test_large_objects_extensions_and_odd_names_come_along(shops: MakeShop) -> None:
    shop = shops("pgsql")
    shop.sql(
        "SELECT lo_from_bytea(4242, 'hello')",
        "CREATE EXTENSION hstore",
        "CREATE TABLE sales (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)",
        "CREATE TABLE sales_26 PARTITION OF sales FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "INSERT INTO sales VALUES (1, '2026-02-02')",
        "CREATE MATERIALIZED VIEW sold AS SELECT count(*) FROM sales",
        """CREATE SCHEMA "Odd 'S" """,
        """CREATE TABLE "Odd 'S"."T""able ü" (id int PRIMARY KEY, "a b" hstore, spot point)""",
        """INSERT INTO "Odd 'S"."T""able ü" VALUES (1, 'a=>1', '(1,2)')""",
    )
    backup = shop.take()
    assert list(backup.database.tables) == ["Odd 'S.T\"able ü", "sales_26"]
    shop.engine.switch(restored(shop), shop.engine.beside("before_1a2b"))
    assert shop.sql("SELECT lo_get(4242)") == [(b"hello",)]
    assert shop.sql("SELECT * FROM sold") == shop.sql("SELECT count(*) FROM sales") == [(1,)]
    beside = restored(shop)
    shop.sql("""UPDATE "Odd 'S"."T""able ü" SET spot = '(3,4)', "a b" = NULL""")
    with facing(shop.engine, beside, "Odd 'S.T\"able ü", writes=True) as pair, pair.ask.transaction():
        assert compare(pair).changed == 1
        put_back(pair, remove=False)
    assert shop.sql("""SELECT spot::text, "a b" -> 'a' FROM "Odd 'S"."T""able ü" """) == [("(1,2)", "1")]
