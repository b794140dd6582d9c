"""rollback.ipynb and maintenance_mode.ipynb on a real Laravel application with real databases."""

from __future__ import annotations

from typing import Any

import pytest

from tests.notebooks.conftest import Project
from tests.notebooks.laravel_shop import Application

pytestmark = [pytest.mark.real, pytest.mark.slow]

# For what does not depend on the kind of database.
on_one_database = pytest.mark.parametrize("application", ["sqlite"], indirect=True)


def last(project: Project) -> dict[str, Any]:
    environments: dict[str, Any] = project.record()["plan"]["snapshot"]["schema"]
    return dict(environments["production"])


def test_a_release_whose_migrations_are_harmless_is_left_and_the_schema_stays_ahead(application: Application) -> None:
    application.deploy("v1.1.0")
    done = application.project.rollback("tag", "v1.0.0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert application.get("/version")[1] == "v1.0.0"
    assert last(application.project)["verdict"] == "safe"
    assert last(application.project)["brought"] == ["2026_02_10_000000_add_invoices"]


def test_a_release_that_renamed_a_column_is_not_left_until_somebody_decides(application: Application) -> None:
    application.deploy("v1.2.0")
    done = application.project.rollback("tag", "v1.1.0")
    assert done.returncode == 1
    assert "2026_02_20_000000_rename_customer_name" in done.stderr
    assert application.get("/version")[1] == "v1.2.0"
    assert application.project.last_run()["status"] == "refused"


@on_one_database
def test_a_decision_without_its_reason_is_none(application: Application) -> None:
    application.deploy("v1.2.0")
    assert application.project.rollback("tag", "v1.1.0", "migrations", "ahead").returncode == 1
    assert application.get("/version")[1] == "v1.2.0"


@on_one_database
def test_a_wrong_decision_is_found_out_and_what_served_before_serves_again(application: Application) -> None:
    """/customers fails on the renamed column: the smoke check sees it."""
    application.post("/customers", {"name": "Ada", "email": "ada@shop.example"})
    application.deploy("v1.2.0")
    done = application.project.rollback("tag", "v1.1.0", "migrations", "ahead", "migrations_reason", "I am sure")
    assert done.returncode == 1
    assert "what served before serves again" in done.stdout + done.stderr
    assert application.get("/version")[1] == "v1.2.0"


DOWN = ("tag", "v1.1.0", "migrations", "down", "migrations_reason", "v1.1 reads the old name")


def test_migrations_are_taken_back_by_the_release_that_brought_them_before_the_code(renamed: Application) -> None:
    done = renamed.project.rollback(*DOWN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert renamed.get("/version")[1] == "v1.1.0"
    assert "ADA" in renamed.get("/customers")[1]
    assert "rename_customer_name" not in renamed.artisan("migrate:status")
    outcomes = {step["step"]: step["outcome"] for step in renamed.project.record()["steps"]}
    assert set(outcomes.values()) == {"done"}
    order = [name.rpartition(".local.")[2] for name in outcomes]
    assert order.index("backup-check") < order.index("migrate-rollback") < order.index("checkout")
    remarks = {step["step"].rpartition(".")[2]: step["remark"] for step in renamed.project.record()["steps"]}
    assert remarks["compare"] == "differences as expected: 2"


SHIM = ("tag", "v1.1.0", "migrations", "shim", "migrations_reason", "v1.1 reads the old name")


def test_a_shim_lets_the_older_code_run_and_is_a_debt_until_it_is_taken_back(renamed: Application) -> None:
    done = renamed.project.rollback(*SHIM)
    assert done.returncode == 0, done.stdout + done.stderr
    assert renamed.get("/version")[1] == "v1.1.0"
    assert "ADA" in renamed.get("/customers")[1]
    assert "call customers.full_name name again is in force" in renamed.project.run("runbook", "history").stdout
    outcomes = {step["step"]: step["outcome"] for step in renamed.project.record()["steps"]}
    order = [name.rpartition(".local.")[2] for name in outcomes]
    assert order.index("shim-1") < order.index("shims.compare") < order.index("checkout")


def test_when_the_code_does_not_work_the_shim_is_taken_back_too(renamed: Application) -> None:
    renamed.break_checks()
    done = renamed.project.rollback(*SHIM)
    assert done.returncode == 1
    assert "what served before serves again" in done.stdout + done.stderr
    assert renamed.get("/version")[1] == "v1.2.0"
    assert "ADA" in renamed.get("/customers")[1]
    assert "in force" not in renamed.project.run("runbook", "history").stdout


@on_one_database
def test_without_a_backup_that_is_good_nothing_is_taken_back(renamed: Application) -> None:
    renamed.configure(renamed.url, backup="echo no space left >&2; exit 1")
    done = renamed.project.rollback(*DOWN)
    assert done.returncode == 1
    assert "no space left" in done.stdout + done.stderr
    assert renamed.get("/version")[1] == "v1.2.0"
    assert renamed.get("/customers")[0] == 200
    assert "rename_customer_name" in renamed.artisan("migrate:status")


def test_when_the_code_does_not_work_the_database_goes_forward_again(renamed: Application) -> None:
    renamed.break_checks()
    done = renamed.project.rollback(*DOWN)
    assert done.returncode == 1
    assert "what served before serves again" in done.stdout + done.stderr
    assert renamed.get("/version")[1] == "v1.2.0"
    assert "ADA" in renamed.get("/customers")[1]


@on_one_database
def test_a_migration_without_down_is_not_taken_back(application: Application) -> None:
    application.deploy("v1.2.0")
    done = application.project.rollback(*DOWN)
    assert done.returncode == 1
    assert "2026_02_20_000001_add_stock_levels without a down()" in done.stderr
    assert application.get("/version")[1] == "v1.2.0"


@on_one_database
def test_maintenance_mode_closes_every_route_but_up_and_opens_them_again(application: Application) -> None:
    on = application.project.run("papermill", "maintenance_mode.ipynb", "-p", "mode", "on", "-p", "refresh", "15")
    assert on.returncode == 0, on.stdout + on.stderr
    status, _, headers = application.get("/customers")
    assert (status, headers["Refresh"]) == (503, "15")
    assert "maintenance mode is in force" in application.project.run("runbook", "history").stdout
    off = application.project.run("papermill", "maintenance_mode.ipynb", "-p", "mode", "off")
    assert off.returncode == 0, off.stdout + off.stderr
    assert application.get("/customers")[0] == 200
    assert "in force" not in application.project.run("runbook", "history").stdout


@on_one_database
def test_a_database_that_cannot_be_asked_is_no_reason_to_go_on(application: Application) -> None:
    application.deploy("v1.1.0")
    text = (application.project.root / "runbooks.toml").read_text()
    broken = text.replace('DB_DATABASE = "', 'DB_DATABASE = "no-such-')
    (application.project.root / "runbooks.toml").write_text(broken)
    done = application.project.rollback("tag", "v1.0.0")
    assert done.returncode == 1
    assert "cannot be asked" in done.stderr
    assert application.get("/version")[1] == "v1.1.0"
