"""rollback_migrations.ipynb on a real Laravel application with real databases: the database part alone."""

from __future__ import annotations

import shlex

import pytest

from tests.notebooks.laravel_shop import Application

pytestmark = [pytest.mark.real, pytest.mark.slow]

on_one_database = pytest.mark.parametrize("application", ["sqlite"], indirect=True)
WHY = {"migrations_reason": "v1.1 reads the old name"}
SHIM = ("tag", "v1.1.0", "migrations", "shim", "migrations_reason", "v1.1 reads the old name")


def history(shop: Application) -> str:
    return shop.project.run("runbook", "history").stdout


@on_one_database
def test_without_a_decision_it_is_refused_and_says_why(renamed: Application) -> None:
    done = renamed.migrations("v1.1.0")
    assert done.returncode == 1
    assert "2026_02_20_000000_rename_customer_name" in done.stderr
    assert renamed.project.last_run()["status"] == "refused"


@on_one_database
def test_a_dry_run_changes_nothing(renamed: Application) -> None:
    done = renamed.migrations("v1.1.0", migrations="shim", dry_run="true", **WHY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "RENAME COLUMN" in done.stdout
    assert "ADA" in renamed.get("/customers")[1]
    assert "in force" not in history(renamed)


@on_one_database
def test_a_migration_without_down_is_refused(application: Application) -> None:
    application.deploy("v1.2.0")
    done = application.migrations("v1.1.0", migrations="down", **WHY)
    assert done.returncode == 1
    assert "without a down()" in done.stderr


def test_taken_back_the_doors_stay_closed_until_the_older_code_is_live(renamed: Application) -> None:
    """v1.3.0 is live, and reads the name that is gone."""
    done = renamed.migrations("v1.1.0", migrations="down", **WHY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No   | 2026_02_20_000000_rename_customer_name" in renamed.artisan("migrate:status")
    assert renamed.get("/customers")[0] == 503
    assert "maintenance mode is in force" in history(renamed)
    code, doors = next(iter(done.stdout.partition("next: ")[2].splitlines())).split(", then ")
    back = renamed.project.run(*shlex.split(code))
    assert "lets nobody in" in back.stderr
    renamed.project.run(*shlex.split(doors))
    assert "ADA" in renamed.get("/customers")[1]
    assert "in force" not in history(renamed)


def test_a_shim_is_taken_back_behind_closed_doors_before_the_newer_code_comes_back(renamed: Application) -> None:
    made = renamed.project.rollback(*SHIM)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "-p shims undo" in history(renamed)
    renamed.project.run("papermill", "maintenance_mode.ipynb", "-p", "mode", "on")
    done = renamed.migrations(shims="undo")
    assert done.returncode == 0, done.stdout + done.stderr
    renamed.deploy("v1.3.0")
    renamed.project.run("papermill", "maintenance_mode.ipynb", "-p", "mode", "off")
    assert "ADA" in renamed.get("/customers")[1]
    assert "in force" not in history(renamed)


@on_one_database
def test_a_shim_that_live_code_needs_comes_back_when_it_was_taken_back(renamed: Application) -> None:
    renamed.project.rollback(*SHIM)
    done = renamed.migrations(shims="undo")
    assert done.returncode == 1
    assert "ADA" in renamed.get("/customers")[1]
    assert "-p shims undo" in history(renamed)
