"""Artisan's commands by their argv, and what is read out of their output, in the style of each version."""

from __future__ import annotations

import json

import pytest

from runbook_lib.command import MASK, Command, Result, Secret
from runbook_lib.errors import CommandError
from runbook_lib.laravel import artisan
from runbook_lib.laravel.artisan import Artisan, Migration

OLD, NEW = Artisan("/srv/shop", 8), Artisan("/srv/shop", 12)

ROLLED_BACK_8 = """\
Rolling back: 2026_02_20_000001_add_stock_levels
Rolled back:  2026_02_20_000001_add_stock_levels (8.07ms)
Rolling back: 2026_02_20_000000_rename_customer_name
Rolled back:  2026_02_20_000000_rename_customer_name (12.40ms)
"""
ROLLED_BACK_9 = """
   INFO  Rolling back migrations.

  2026_02_20_000001_add_stock_levels ............................. 8ms DONE
  2026_02_20_000000_rename_customer_name .......................... 12.40ms DONE

"""
BOTH = ["2026_02_20_000001_add_stock_levels", "2026_02_20_000000_rename_customer_name"]


def words(command: Command) -> str:
    assert command.cwd == "/srv/shop"
    return " ".join(command.raw).replace("--no-interaction ", "").replace(" --no-interaction", "")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (OLD.down(refresh=15, retry=60), "php artisan down --refresh=15 --retry=60"),
        (OLD.down(render="errors::503"), "php artisan down --render=errors::503"),
        (OLD.up(), "php artisan up"),
        (OLD.migrate(), "php artisan migrate --force"),
        (OLD.migrate(step=True, pretend=True), "php artisan migrate --force --step --pretend"),
        (NEW.migrate(isolated=True), "php artisan migrate --force --isolated=75"),
        (OLD.migrate_status(), "php artisan migrate:status"),
        (NEW.migrate_status(pending=True), "php artisan migrate:status --pending"),
        (OLD.migrate_rollback(step=2), "php artisan migrate:rollback --force --step=2"),
        (OLD.migrate_rollback(step=1, pretend=True), "php artisan migrate:rollback --force --step=1 --pretend"),
        (NEW.migrate_rollback(batch=7), "php artisan migrate:rollback --force --batch=7"),
        (OLD.clear("view"), "php artisan view:clear"),
        (OLD.cache_clear(), "php artisan cache:clear"),
        (OLD.cache_clear("redis"), "php artisan cache:clear redis"),
        (OLD.queue_restart(), "php artisan queue:restart"),
        (OLD.octane_reload(), "php artisan octane:reload"),
        (OLD.horizon_terminate(), "php artisan horizon:terminate"),
        (OLD.version_asked(), "php artisan --version --no-ansi"),
        (OLD.composer_install_no_dev(), "composer install --no-dev --no-progress --optimize-autoloader"),
    ],
)
def test_a_command_is_spelled(command: Command, expected: str) -> None:
    assert words(command) == expected


def test_nothing_asks_back() -> None:
    commands = (OLD.down(), OLD.up(), OLD.migrate(), OLD.migrate_rollback(step=1), *OLD.clears())
    assert all("--no-interaction" in command.raw for command in commands)


def test_compiled_caches_are_cleared_one_by_one_and_the_store_is_not() -> None:
    assert [words(command).split()[2] for command in OLD.clears()] == [
        "config:clear",
        "route:clear",
        "view:clear",
        "event:clear",
    ]


def test_php_can_be_called_through_something_else() -> None:
    inside = Artisan("/srv/shop", 12, ("docker", "exec", "shop", "php8.3"))
    assert words(inside.up()) == "docker exec shop php8.3 artisan up"


def test_fpm_is_reloaded_with_the_systems_own_command() -> None:
    assert artisan.fpm_reload(["systemctl", "reload", "php8.2-fpm"]).raw == ["systemctl", "reload", "php8.2-fpm"]


def test_the_way_around_maintenance_mode_is_in_no_argument() -> None:
    command = OLD.down(secret=Secret("let-me-in-5f1c"), retry=5)
    assert not any("let-me-in-5f1c" in word for word in command.raw)
    assert command.raw_env == {"MAINTENANCE_SECRET": "let-me-in-5f1c"}
    assert "let-me-in-5f1c" not in str(command)
    assert MASK not in command.raw


@pytest.mark.parametrize(
    "ask",
    [
        lambda: OLD.migrate(isolated=True),
        lambda: OLD.migrate_status(pending=True),
        lambda: OLD.migrate_rollback(batch=3),
        lambda: Artisan("/srv/shop", 9).migrate_rollback(batch=3),
    ],
)
def test_what_a_version_lacks_is_refused(ask: object) -> None:
    with pytest.raises(CommandError, match=r"Laravel \d has no"):
        ask()  # type: ignore[operator]


@pytest.mark.parametrize("number", [{}, {"step": 0}, {"batch": 0}, {"step": 1, "batch": 1}, {"step": -1}])
def test_a_rollback_says_how_far(number: dict[str, int]) -> None:
    with pytest.raises(CommandError, match="whole last batch"):
        NEW.migrate_rollback(**number)


# -- what the output says ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", [ROLLED_BACK_8, ROLLED_BACK_9])
def test_what_was_undone_is_read_in_order(output: str) -> None:
    assert artisan.rolled_back(Result(0, output)) == BOTH
    assert artisan.rollback_problem(Result(0, output), set(BOTH)) == ""


def test_what_a_migration_prints_itself_is_no_end() -> None:
    output = ROLLED_BACK_9.replace("add_stock_levels ....", "add_stock_levels rows kept: 3\nwork is DONE soon\n  ....")
    assert artisan.rolled_back(Result(0, output)) == BOTH


def test_colours_do_not_matter() -> None:
    output = "  2026_02_20_000001_add_stock_levels \x1b[90m....\x1b[39m\x1b[90m 8ms\x1b[39m \x1b[32;1mDONE\x1b[39;22m"
    assert artisan.rolled_back(Result(0, output)) == BOTH[:1]


def test_a_migration_that_failed_was_not_undone() -> None:
    output = ROLLED_BACK_9.replace("12.40ms DONE", "12.40ms FAIL") + "\n  SQLSTATE[42S22]: no such column\n"
    assert artisan.rolled_back(Result(1, output)) == BOTH[:1]
    assert "status 1 after undoing 2026_02_20_000001" in artisan.rollback_problem(Result(1, output), BOTH)


@pytest.mark.parametrize(
    "output",
    [
        "Migration not found: 2026_02_20_000001_add_stock_levels\n",
        "\n   INFO  Rolling back migrations.\n\n  2026_02_20_000001_add_stock_levels ......... Migration not found\n\n",
    ],
)
def test_a_file_that_is_not_there_is_named(output: str) -> None:
    result = Result(0, output)
    assert artisan.not_found(result) == BOTH[:1]
    assert artisan.rolled_back(result) == []
    assert "in the release that brought them" in artisan.rollback_problem(result, BOTH[:1])


@pytest.mark.parametrize("output", ["Nothing to rollback.\n", "\n   INFO  Nothing to rollback.  \n\n"])
def test_nothing_undone_is_a_problem_where_something_was_planned(output: str) -> None:
    assert artisan.nothing_to_roll_back(Result(0, output))
    assert artisan.rollback_problem(Result(0, output), BOTH) == f"not undone: {', '.join(BOTH)}"


def test_more_undone_than_planned_is_a_problem() -> None:
    problem = artisan.rollback_problem(Result(0, ROLLED_BACK_8), BOTH[:1])
    assert problem == "undone, but not planned: 2026_02_20_000000_rename_customer_name"


@pytest.mark.parametrize(
    "output",
    [
        "Migrating: 2026_02_10_000000_add_invoices\nMigrated:  2026_02_10_000000_add_invoices (9.11ms)\n",
        "\n   INFO  Running migrations.\n\n  2026_02_10_000000_add_invoices ................ 9.11ms DONE\n",
    ],
)
def test_what_was_migrated_is_read(output: str) -> None:
    assert artisan.migrated(Result(0, output)) == ["2026_02_10_000000_add_invoices"]


def test_being_locked_out_is_read() -> None:
    assert artisan.locked_out(Result(0, "The [migrate] command is already running.\n"))
    assert not artisan.locked_out(Result(0, "Nothing to migrate.\n"))


def test_being_down_already_is_read() -> None:
    assert artisan.already_down(Result(0, "\n   INFO  Application is already down.\n"))


STATUS_8 = """\
+------+---------------------------------------+-------+
| Ran? | Migration                             | Batch |
+------+---------------------------------------+-------+
| Yes  | 2026_01_01_000000_create_shop_tables  | 1     |
| No   | 2026_02_10_000000_add_invoices        |       |
+------+---------------------------------------+-------+
"""
STATUS_9 = """
  Migration name ................................ Batch / Status
  2026_01_01_000000_create_shop_tables ................. [1] Ran
  2026_02_10_000000_add_invoices ....................... Pending

"""


@pytest.mark.parametrize("output", [STATUS_8, STATUS_9])
def test_the_status_is_read(output: str) -> None:
    assert artisan.migrations(Result(0, output)) == [
        Migration("2026_01_01_000000_create_shop_tables", True, 1),
        Migration("2026_02_10_000000_add_invoices", False),
    ]


@pytest.mark.parametrize("output", ["No migrations found\n", "\n   INFO  No pending migrations found.\n"])
def test_no_migrations_are_none(output: str) -> None:
    assert artisan.migrations(Result(0, output)) == []


@pytest.mark.parametrize("result", [Result(1, "Migration table not found.\n"), Result(0, "Segmentation fault\n")])
def test_a_status_that_cannot_be_read_is_none(result: Result) -> None:
    with pytest.raises(CommandError, match="migrate:status"):
        artisan.migrations(result)


def test_the_version_is_read() -> None:
    assert artisan.version_of(Result(0, "Laravel Framework 8.83.26\n")) == 8
    assert artisan.version_of(Result(0, "Laravel Framework 13.2.0\n")) == 13
    with pytest.raises(CommandError, match="does not tell its version"):
        artisan.version_of(Result(255, "PHP Fatal error"))


def test_the_version_is_read_from_a_lock_file() -> None:
    lock = {"packages": [{"name": "monolog/monolog", "version": "3.0.0"}]}
    assert artisan.locked_version(json.dumps(lock)) is None
    lock["packages"].append({"name": "laravel/framework", "version": "v10.48.2"})
    assert artisan.locked_version(json.dumps(lock)) == 10
    lock["packages"][1]["version"] = "dev-master"
    assert artisan.locked_version(json.dumps(lock)) is None
    assert artisan.locked_version("not JSON") is None
