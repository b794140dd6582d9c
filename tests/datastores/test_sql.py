"""The way to an application's database."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.command import Secret
from runbook_lib.config import DatabaseKind, Service, Target
from runbook_lib.datastores.sql import Place, sql_of
from runbook_lib.errors import ConfigurationError, PlatformError
from tests.real.databases import Server


def target(tmp_path: Path, database: dict[str, Any] | None) -> Target:
    about: dict[str, Any] = {"platform": "git", "url": "http://shop.example", "git": {"path": "shop"}}
    if database:
        about["database"] = database
    service = Service.model_validate({"environments": {"production": about}})
    return Target("shop", "production", service.environments["production"], service, tmp_path, tmp_path / "state")


def test_a_url_is_taken_apart() -> None:
    place = Place.of(Secret("postgresql://al%40:s%2Fcret@db.example:6000/shop"), "pgsql")
    assert (place.host, place.port, place.user, place.name) == ("db.example", 6000, "al@", "shop")
    assert place.password.reveal() == "s/cret"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("", "pgsql"),
        ("shop", "pgsql"),
        ("mysql://a:b@c/d", "pgsql"),
        ("mysql://c:port/d", "mysql"),
        ("mysql://c", "mysql"),
    ],
)
def test_what_is_no_address_is_refused_and_not_shown(url: str, kind: DatabaseKind) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Place.of(Secret(url), kind)
    assert not url or url not in str(caught.value)


def test_without_the_table_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="shop/production has no table database"):
        sql_of(target(tmp_path, None))


def test_a_file_of_sqlite(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("CREATE TABLE orders (id integer)")
    with sql_of(target(tmp_path, {"kind": "sqlite", "file": "shop.db"})).transaction() as execute:
        assert execute("SELECT count(*) FROM orders") == [(0,)]


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with (
        pytest.raises(PlatformError, match="unable to open"),
        sql_of(target(tmp_path, {"kind": "sqlite", "file": "shop.db"})).transaction(),
    ):
        pass
    assert not (tmp_path / "shop.db").exists()


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize(("driver", "scheme"), [("postgresql", "postgresql"), ("mariadb", "mysql")])
def test_a_server(
    driver: str, scheme: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    server: Server = request.getfixturevalue(driver)
    database = server.fresh()
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://{database.user}@127.0.0.1:{database.port}/{database.name}")
    reached = sql_of(target(tmp_path, {"kind": database.driver, "url": {"env": "DATABASE_URL"}}))
    with reached.transaction() as execute:
        assert execute("SELECT 1") == [(1,)]
