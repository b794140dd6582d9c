"""The shop's stand-in for artisan: what Artisan builds is understood, and its output is what Laravel 10 says."""

from __future__ import annotations

import fcntl
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbook_lib.command import Command, Result
from runbook_lib.connectors import connector_to
from runbook_lib.errors import CommandError
from runbook_lib.laravel import artisan as said
from runbook_lib.laravel.artisan import LOCKED_OUT, Artisan
from runbook_lib.practice import repository

PRODUCTS, PRICES, ORDERS = (
    "2026_01_08_091000_create_products_table",
    "2026_01_08_091500_create_prices_table",
    "2026_01_09_140000_create_orders_table",
)
CONFIRMATIONS, VIEWS = "2026_01_09_141000_create_confirmations_table", "2026_01_09_142000_create_views_table"
SHIPPING = "2026_01_19_103000_add_shipping_to_orders_table"
TIERS, DISCOUNT = "2026_02_16_110000_create_price_tiers_table", "2026_02_16_113000_add_discount_to_orders_table"
RENAME = "2026_02_18_090000_rename_name_to_title_in_products_table"
FIRST_BATCH = dict.fromkeys((PRODUCTS, PRICES, ORDERS, CONFIRMATIONS, VIEWS, SHIPPING), 1)
PHP = (sys.executable, "-I", "-S")


@dataclass
class Application:
    """Releases of the shop over one storage, none of which serves."""

    folder: Path

    @property
    def storage(self) -> Path:
        return self.folder / "storage"

    def builders(self, release: str) -> Artisan:
        folder = self.folder / release
        if not folder.exists():
            for commit in (*repository.HISTORY, repository.LATER):
                shutil.copytree(repository.SOURCES / commit.tag, folder, dirs_exist_ok=True)
                if commit.tag == release:
                    break
            (folder / "storage").symlink_to("../storage")
        return Artisan(str(folder), 10, PHP)

    def run(self, command: Command) -> Result:
        return connector_to("local", self.folder).read(command)

    def call(self, release: str, *words: str) -> Result:
        return self.run(Command.of(*PHP, "artisan", *words, cwd=self.builders(release).folder))

    def migrated(self, release: str, *, step: bool = False) -> list[str]:
        return said.migrated(self.run(self.builders(release).migrate(step=step)))

    def rows(self, statement: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.call("v1.4.0", "sql", statement).output)
        return found

    def ran(self, release: str) -> dict[str, int | None]:
        status = said.migrations(self.run(self.builders(release).migrate_status()))
        return {migration.name: migration.batch for migration in status if migration.ran}


@pytest.fixture
def application(tmp_path: Path) -> Application:
    (tmp_path / "storage").mkdir()
    return Application(tmp_path)


@pytest.fixture
def deployed(application: Application) -> Application:
    """v1.4.2, then v1.5.0, deployed."""
    application.migrated("v1.4.2")
    application.migrated("v1.5.0")
    return application


def test_version_is_told_and_that_it_is_a_stand_in(application: Application) -> None:
    told = application.run(application.builders("v1.4.0").version_asked())
    assert said.version_of(told) == 10
    assert "stand-in" in told.output


# -- migrations -------------------------------------------------------------------------------------------------------


def test_migrate_makes_the_database_and_then_finds_nothing(application: Application) -> None:
    assert application.migrated("v1.4.2") == [PRODUCTS, PRICES, ORDERS, CONFIRMATIONS, VIEWS, SHIPPING]
    again = application.run(application.builders("v1.4.2").migrate())
    assert again.ok
    assert said.nothing_to_migrate(again)


def test_each_migrate_is_a_batch(deployed: Application) -> None:
    assert deployed.ran("v1.5.0") == FIRST_BATCH | {TIERS: 2, DISCOUNT: 2}


def test_with_step_each_migration_is_a_batch(application: Application) -> None:
    application.migrated("v1.4.0", step=True)
    assert application.ran("v1.4.0") == {PRODUCTS: 1, PRICES: 2, ORDERS: 3, CONFIRMATIONS: 4, VIEWS: 5}


def test_pretended_migrate_shows_sql_and_changes_nothing(application: Application) -> None:
    application.migrated("v1.4.2")
    shown = application.run(application.builders("v1.5.0").migrate(pretend=True))
    assert shown.ok
    assert "⇂ ALTER TABLE orders ADD COLUMN discount integer" in shown.output
    assert said.migrated(shown) == []
    assert TIERS not in application.ran("v1.5.0")


def test_status_lists_the_files_of_this_release_only(deployed: Application) -> None:
    names = [
        migration.name for migration in said.migrations(deployed.run(deployed.builders("v1.4.2").migrate_status()))
    ]
    assert names == [PRODUCTS, PRICES, ORDERS, CONFIRMATIONS, VIEWS, SHIPPING]


def test_status_shows_what_is_pending(application: Application) -> None:
    application.migrated("v1.4.2")
    builders = application.builders("v1.5.0")
    assert [m.name for m in said.migrations(application.run(builders.migrate_status(pending=True)))] == [
        TIERS,
        DISCOUNT,
    ]
    application.migrated("v1.5.0")
    assert said.migrations(application.run(builders.migrate_status(pending=True))) == []


def test_status_without_a_database_fails(application: Application) -> None:
    with pytest.raises(CommandError):
        said.migrations(application.run(application.builders("v1.4.2").migrate_status()))
    assert list(application.storage.iterdir()) == []


def test_rollback_undoes_the_newest(deployed: Application) -> None:
    done = deployed.run(deployed.builders("v1.5.0").migrate_rollback(step=1))
    assert said.rolled_back(done) == [DISCOUNT]
    assert said.rollback_problem(done, [DISCOUNT]) == ""
    assert DISCOUNT not in deployed.ran("v1.5.0")
    columns = deployed.rows("SELECT name FROM pragma_table_info('orders')")
    assert {"name": "discount"} not in columns
    assert {"name": "shipping"} in columns


def test_rollback_of_a_batch_undoes_it_newest_first(deployed: Application) -> None:
    assert said.rolled_back(deployed.run(deployed.builders("v1.5.0").migrate_rollback(batch=2))) == [DISCOUNT, TIERS]


def test_rollback_without_a_number_takes_the_last_batch(deployed: Application) -> None:
    assert said.rolled_back(deployed.call("v1.5.0", "migrate:rollback", "--force")) == [DISCOUNT, TIERS]


def test_rollback_in_the_older_release_finds_no_file_and_ends_well(deployed: Application) -> None:
    done = deployed.run(deployed.builders("v1.4.2").migrate_rollback(step=3))
    assert done.ok
    assert said.not_found(done) == [DISCOUNT, TIERS]
    assert said.rolled_back(done) == [SHIPPING]
    assert deployed.rows("SELECT count(*) AS left FROM migrations WHERE batch = 2") == [{"left": 2}]


def test_pretended_rollback_shows_sql_and_changes_nothing(deployed: Application) -> None:
    shown = deployed.run(deployed.builders("v1.5.0").migrate_rollback(step=1, pretend=True))
    assert "⇂ ALTER TABLE orders DROP COLUMN discount" in shown.output
    assert said.rolled_back(shown) == []
    assert DISCOUNT in deployed.ran("v1.5.0")


def test_nothing_to_roll_back(application: Application) -> None:
    application.migrated("v1.4.0")
    application.run(application.builders("v1.4.0").migrate_rollback(step=5))
    assert said.nothing_to_roll_back(application.run(application.builders("v1.4.0").migrate_rollback(step=1)))


def test_without_down_nothing_is_run_and_the_row_is_deleted_all_the_same(deployed: Application) -> None:
    file = Path(deployed.builders("v1.5.0").folder, "database", "migrations", f"{DISCOUNT}.sql")
    file.write_text(file.read_text().partition("-- down")[0])
    assert said.rolled_back(deployed.run(deployed.builders("v1.5.0").migrate_rollback(step=1))) == [DISCOUNT]
    assert {"name": "discount"} in deployed.rows("SELECT name FROM pragma_table_info('orders')")


def test_a_migration_that_fails_leaves_nothing_and_those_before_it_stay(application: Application) -> None:
    application.migrated("v1.4.2")
    file = Path(application.builders("v1.5.0").folder, "database", "migrations", f"{DISCOUNT}.sql")
    file.write_text("-- up\nALTER TABLE orders ADD COLUMN discount integer;\nDROP TABLE absent;\n")
    failed = application.run(application.builders("v1.5.0").migrate())
    assert failed.code == 1
    assert said.migrated(failed) == [TIERS]
    assert "no such table: absent" in failed.last_line
    assert application.ran("v1.5.0")[TIERS] == 2
    assert {"name": "discount"} not in application.rows("SELECT name FROM pragma_table_info('orders')")


def test_without_force_it_is_cancelled(application: Application) -> None:
    done = application.call("v1.4.0", "migrate", "--no-interaction")
    assert (done.code, done.last_line) == (1, "WARN  Command cancelled.")
    assert list(application.storage.iterdir()) == []


def test_isolated_keeps_a_second_migrate_out(application: Application) -> None:
    isolated = application.builders("v1.4.0").migrate(isolated=True)
    assert application.run(isolated).ok
    lock = application.storage / "framework" / "cache" / "data" / "migrate.lock"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        kept_out = application.run(isolated)
    assert said.locked_out(kept_out)
    assert kept_out.code == LOCKED_OUT


def test_every_migration_goes_there_and_back(application: Application) -> None:
    application.migrated("v1.5.1")
    before = application.rows("SELECT name, sql FROM sqlite_master ORDER BY name")
    done = application.run(application.builders("v1.5.1").migrate_rollback(step=99))
    assert said.rolled_back(done) == [RENAME, DISCOUNT, TIERS, SHIPPING, VIEWS, CONFIRMATIONS, ORDERS, PRICES, PRODUCTS]
    left = {row["name"] for row in application.rows("SELECT name FROM sqlite_master")}
    assert left == {"migrations", "sqlite_sequence"}
    application.migrated("v1.5.1")
    assert application.rows("SELECT name, sql FROM sqlite_master ORDER BY name") == before


@pytest.mark.parametrize("release", ["v1.4.0", "v1.4.1", "v1.5.0", "v1.5.1"])
def test_every_migration_has_php_and_sql(release: str) -> None:
    folder = repository.SOURCES / release / "database" / "migrations"
    assert {file.stem for file in folder.glob("*.php")} == {file.stem for file in folder.glob("*.sql")} != set()


# -- maintenance mode -------------------------------------------------------------------------------------------------


def flag(application: Application) -> Path:
    return application.storage / "framework" / "down"


def test_down_writes_laravels_flag(application: Application) -> None:
    done = application.run(application.builders("v1.4.2").down(refresh=15, retry=60, render="errors::503"))
    assert (done.ok, done.last_line) == (True, "INFO  Application is now in maintenance mode.")
    options = json.loads(flag(application).read_text())
    assert "Service Unavailable" in options.pop("template")
    assert options == {
        "except": [],
        "redirect": None,
        "retry": 60,
        "refresh": "15",
        "secret": None,
        "status": 503,
    }


def test_a_second_down_changes_nothing(application: Application) -> None:
    application.run(application.builders("v1.4.2").down(refresh=15))
    before = flag(application).read_text()
    again = application.run(application.builders("v1.5.0").down(refresh=30))
    assert again.ok
    assert said.already_down(again)
    assert flag(application).read_text() == before


def test_up_ends_it_for_every_release(application: Application) -> None:
    application.run(application.builders("v1.4.2").down())
    assert application.run(application.builders("v1.5.0").up()).last_line == "INFO  Application is now live."
    assert not flag(application).exists()
    assert application.run(application.builders("v1.5.0").up()).last_line == "INFO  Application is already up."


def test_a_view_that_is_not_there_fails(application: Application) -> None:
    done = application.run(application.builders("v1.4.2").down(render="errors::418"))
    assert done.code == 1
    assert "View [errors::418] not found." in done.last_line
    assert not flag(application).exists()


# -- the others -------------------------------------------------------------------------------------------------------


def test_commands_after_a_switch_succeed(application: Application) -> None:
    builders = application.builders("v1.4.2")
    commands = (*builders.clears(), builders.cache_clear(), builders.cache_clear("redis"), builders.queue_restart())
    for command in (*commands, builders.octane_reload(), builders.horizon_terminate()):
        assert application.run(command).ok, command


def test_cache_clear_erases_the_restart_signal(application: Application) -> None:
    builders = application.builders("v1.4.2")
    application.run(builders.queue_restart())
    signal = application.storage / "framework" / "cache" / "data" / "illuminate:queue:restart"
    assert signal.read_text().strip().isdigit()
    application.run(builders.cache_clear())
    assert not signal.exists()


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("SELECT sku, cents FROM prices WHERE cents > 2000", [{"sku": "TEE-01", "cents": 2400}]),
        ("SELECT sku FROM prices WHERE cents > 9999", []),
        ("-- raise\nUPDATE prices SET cents = cents + 1", [{"affected": 5}]),
        ("CREATE TABLE more (id integer)", [{"affected": 0}]),
        ("-- \nSELECT 'ü' AS text, NULL AS none", [{"text": "ü", "none": None}]),
        ("SELECT x'00ff' AS bytes", [{"bytes": "00ff"}]),
    ],
)
def test_sql_prints_rows_or_what_was_affected(
    application: Application, statement: str, rows: list[dict[str, object]]
) -> None:
    application.migrated("v1.4.2")
    assert application.rows(statement) == rows


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["foo"], 'Command "foo" is not defined'),
        ([], 'Command "" is not defined'),
        (["up", "--foo"], 'The "--foo" option does not exist.'),
        (["down", "-r"], 'The "-r" option does not exist.'),
        (["down", "--secret"], 'The "--secret" option requires a value.'),
        (["migrate", "--force=1"], 'The "--force" option does not accept a value.'),
        (["migrate:rollback", "--force", "--step=x"], 'The "--step" option needs a number.'),
        (["up", "now"], 'No arguments expected, got "now".'),
        (["sql"], "sql needs a statement"),
        (["sql", "SELEC"], "syntax error"),
        (["sql", "SELECT 1; SELECT 2"], "one statement at a time"),
    ],
)
def test_what_is_not_understood_fails_with_a_message(
    application: Application, words: Sequence[str], problem: str
) -> None:
    application.migrated("v1.4.2")
    done = application.call("v1.4.2", *words)
    assert done.code == 1
    assert problem in done.output
    assert "Traceback" not in done.output
