"""PostgreSQL: a database beside is as the application's, not only its tables."""

from __future__ import annotations

import pytest

from tests.backups.shop import MakeShop
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
