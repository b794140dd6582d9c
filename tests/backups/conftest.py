"""Shops with a database of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.backups.shop import DRIVERS, MakeShop, Shop, shop_of
from tests.real.databases import Driver, fresh_database


@pytest.fixture
def shops(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeShop:
    """Makes a shop: shops("pgsql", compression="gzip")."""

    def make(driver: Driver, **backups: Any) -> Shop:
        return shop_of(fresh_database(request, driver, tmp_path), tmp_path, monkeypatch, **backups)

    return make


@pytest.fixture(params=DRIVERS)
def shop(request: pytest.FixtureRequest, shops: MakeShop) -> Shop:
    """A shop with data in it, on each kind of database."""
    made = shops(request.param)
    made.make()
    return made


@pytest.fixture
def small(shops: MakeShop) -> Shop:
    """A shop on SQLite, where the kind of database does not matter."""
    made = shops("sqlite")
    made.make()
    return made
