"""Artisan's commands run in a real application: they do what they say, and their traps are there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests

from runbook_lib.command import MASK, Command, Result, Secret
from runbook_lib.connectors.local import LocalConnector
from runbook_lib.laravel import artisan
from runbook_lib.laravel.artisan import Artisan
from tests.real import laravel_app
from tests.real.databases import Database, Driver, RedisServer, fresh_database
from tests.real.laravel_app import BASE

pytestmark = [pytest.mark.real, pytest.mark.slow]

BAD = "v1.2.0"
BROUGHT = ["2026_02_20_000001_add_stock_levels", "2026_02_20_000000_rename_customer_name"]


@dataclass(frozen=True)
class Shop:
    """The application in each of its releases, on one database."""

    folders: dict[str, Path]
    database: Database
    connector: LocalConnector

    def artisan(self, tag: str) -> Artisan:
        return Artisan(str(self.folders[tag]), 8)

    def run(self, command: Command, **env: str) -> Result:
        return self.connector.read(replace(command, env={**self.database.env, **command.env, **env}))

    def tables(self) -> set[str]:
        query = {
            "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
            "pgsql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
            "mysql": "SHOW TABLES",
        }[self.database.driver]
        connection = self.database.connect()
        cursor = connection.cursor()
        cursor.execute(query)
        names = {row[0] for row in cursor.fetchall()}
        connection.close()
        return names

    def ran(self) -> list[str]:
        status = self.run(self.artisan(BAD).migrate_status())
        return [migration.name for migration in artisan.migrations(status) if migration.ran]


@pytest.fixture
def on(request: pytest.FixtureRequest, installed: dict[str, Path], tmp_path: Path) -> Callable[[Driver], Shop]:
    def make(driver: Driver) -> Shop:
        return Shop(installed, fresh_database(request, driver, tmp_path), LocalConnector(tmp_path / "state"))

    return make


@pytest.fixture
def shop(on: Callable[[Driver], Shop]) -> Iterator[Shop]:
    shop = on("sqlite")
    yield shop
    for tag in shop.folders:
        shop.run(shop.artisan(tag).up())


@pytest.fixture(params=["pgsql", "mysql", "sqlite"])
def migrated(request: pytest.FixtureRequest, on: Callable[[Driver], Shop]) -> Shop:
    """The bad release's schema, in two batches."""
    shop = on(request.param)
    assert len(artisan.migrated(shop.run(shop.artisan(BASE).migrate()))) == 2
    assert artisan.migrated(shop.run(shop.artisan(BAD).migrate())) == ["2026_02_10_000000_add_invoices", *BROUGHT[::-1]]
    return shop


def test_exactly_the_planned_migrations_are_undone(migrated: Shop) -> None:
    result = migrated.run(migrated.artisan(BAD).migrate_rollback(step=2))
    assert artisan.rolled_back(result) == BROUGHT
    assert artisan.rollback_problem(result, BROUGHT) == ""
    assert migrated.ran()[-1] == "2026_02_10_000000_add_invoices"


def test_a_migration_without_down_loses_its_row_and_keeps_its_table(migrated: Shop) -> None:
    result = migrated.run(migrated.artisan(BAD).migrate_rollback(step=1))
    assert artisan.rollback_problem(result, BROUGHT[:1]) == ""
    assert BROUGHT[0] not in migrated.ran()
    assert "stock_levels" in migrated.tables()


def test_undoing_from_the_older_release_does_nothing_and_ends_well(migrated: Shop) -> None:
    before = migrated.ran()
    result = migrated.run(migrated.artisan(BASE).migrate_rollback(step=2))
    assert result.ok
    assert artisan.not_found(result) == BROUGHT
    assert "in the release that brought them" in artisan.rollback_problem(result, BROUGHT)
    assert migrated.ran() == before


def test_pretending_changes_nothing(migrated: Shop) -> None:
    before = migrated.ran()
    result = migrated.run(migrated.artisan(BAD).migrate_rollback(step=2, pretend=True))
    assert result.ok
    assert artisan.rolled_back(result) == []
    assert migrated.ran() == before


def test_the_older_release_does_not_see_what_the_newer_brought(migrated: Shop) -> None:
    seen = artisan.migrations(migrated.run(migrated.artisan(BASE).migrate_status()))
    assert [migration.batch for migration in seen] == [1, 1]
    assert not {migration.name for migration in seen} & set(BROUGHT)


def test_nothing_left_to_undo_ends_well(shop: Shop) -> None:
    assert len(artisan.migrated(shop.run(shop.artisan(BASE).migrate()))) == 2
    assert shop.run(shop.artisan(BASE).migrate_rollback(step=9)).ok
    result = shop.run(shop.artisan(BASE).migrate_rollback(step=1))
    assert result.ok
    assert artisan.nothing_to_roll_back(result)


def test_nothing_left_to_migrate_ends_well(shop: Shop) -> None:
    shop.run(shop.artisan(BASE).migrate())
    result = shop.run(shop.artisan(BASE).migrate())
    assert result.ok
    assert artisan.nothing_to_migrate(result)


def test_each_migration_can_be_a_batch_of_its_own(shop: Shop) -> None:
    shop.run(shop.artisan(BAD).migrate(step=True))
    listed = artisan.migrations(shop.run(shop.artisan(BAD).migrate_status()))
    assert [migration.batch for migration in listed] == [1, 2, 3, 4, 5]


def test_the_version_is_told(shop: Shop) -> None:
    assert artisan.version_of(shop.run(shop.artisan(BASE).version_asked())) == 8


def test_a_status_without_tables_is_an_error(shop: Shop) -> None:
    result = shop.run(shop.artisan(BASE).migrate_status())
    with pytest.raises(artisan.CommandError, match="Migration table not found"):
        artisan.migrations(result)


def test_dependencies_are_installed(shop: Shop) -> None:
    assert shop.run(shop.artisan(BASE).composer_install_no_dev(), COMPOSER_ALLOW_SUPERUSER="1").ok


# -- maintenance mode -------------------------------------------------------------------------------------------------


def test_maintenance_mode_is_seen_everywhere_but_on_up(shop: Shop) -> None:
    shop.run(shop.artisan(BASE).migrate())
    with laravel_app.serving(shop.folders[BASE], shop.database.env) as url:
        assert requests.get(f"{url}/orders", timeout=5).status_code == 200
        assert shop.run(shop.artisan(BASE).down(refresh=15, retry=60)).ok
        closed = requests.get(f"{url}/orders", timeout=5)
        assert (closed.status_code, closed.headers["Refresh"], closed.headers["Retry-After"]) == (503, "15", "60")
        assert requests.get(f"{url}/up", timeout=5).status_code == 200
        assert shop.run(shop.artisan(BASE).up()).ok
        assert requests.get(f"{url}/orders", timeout=5).status_code == 200


def test_down_twice_keeps_the_options_of_the_first(shop: Shop) -> None:
    shop.run(shop.artisan(BASE).down(refresh=15))
    result = shop.run(shop.artisan(BASE).down(refresh=99))
    assert result.ok
    assert artisan.already_down(result)
    with laravel_app.serving(shop.folders[BASE], shop.database.env) as url:
        assert requests.get(url, timeout=5).headers["Refresh"] == "15"


def test_a_view_is_shown_meanwhile(shop: Shop) -> None:
    assert shop.run(shop.artisan(BASE).down(render="errors::503")).ok
    with laravel_app.serving(shop.folders[BASE], shop.database.env) as url:
        assert "being maintained" in requests.get(url, timeout=5).text


def test_the_secret_lets_a_person_in_and_is_in_no_process_list(shop: Shop, tmp_path: Path) -> None:
    seen = tmp_path / "arguments"
    wrapper = tmp_path / "php"
    wrapper.write_text(f'#!/bin/sh\nprintf "%s " "$@" > {seen}\nexec php "$@"\n')
    wrapper.chmod(0o755)
    command = Artisan(str(shop.folders[BASE]), 8, (str(wrapper),)).down(secret=Secret("way-in-77d1"), refresh=15)
    result = shop.run(command)
    assert result.ok, result.output
    assert "way-in-77d1" not in seen.read_text() + result.output
    with laravel_app.serving(shop.folders[BASE], shop.database.env) as url:
        assert requests.get(f"{url}/orders", timeout=5).headers["Refresh"] == "15"
        let_in = requests.get(f"{url}/way-in-77d1", timeout=5, allow_redirects=False)
        assert (let_in.status_code, "laravel_maintenance" in let_in.cookies) == (302, True)
    assert MASK not in (shop.folders[BASE] / "storage/framework/down").read_text()


# -- caches and processes ---------------------------------------------------------------------------------------------


def test_compiled_caches_are_cleared(shop: Shop) -> None:
    php = ("php", "artisan", "config:cache")
    assert shop.run(Command.of(*php, cwd=shop.folders[BASE])).ok
    assert (shop.folders[BASE] / "bootstrap/cache/config.php").exists()
    assert all(shop.run(command).ok for command in shop.artisan(BASE).clears())
    assert not (shop.folders[BASE] / "bootstrap/cache/config.php").exists()


def test_clearing_the_cache_takes_queued_jobs_along(shop: Shop, redis_server: RedisServer) -> None:
    import redis

    env = {**redis_server.env(redis_server.fresh()), "CACHE_DRIVER": "redis"}
    with redis.Redis(port=redis_server.port) as client:
        client.rpush("shop_database_queues:default", "a job")
        assert shop.run(shop.artisan(BASE).cache_clear(), **env).ok
        assert client.dbsize() == 0
    assert any("queued jobs" in sentence for sentence in artisan.CACHE_CLEAR_ERASES)


def test_workers_are_told_to_end(shop: Shop) -> None:
    shop.run(shop.artisan(BASE).migrate())
    argv = ["php", "artisan", "queue:work", "--sleep=0.1", "--tries=1"]
    worker = subprocess.Popen(
        argv, cwd=shop.folders[BASE], env={**os.environ, **shop.database.env}, stdout=subprocess.PIPE
    )
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(1.5)
        assert shop.run(shop.artisan(BASE).queue_restart()).ok
        assert worker.wait(10) == 0
    finally:
        worker.kill()
        worker.communicate()
