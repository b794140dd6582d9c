"""The database part of a rollback alone: what is refused, what each decision plans, and what it does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.actions.rollback_migrations import RollbackMigrations
from runbook_lib.errors import ConfigurationError, ParameterError, ReleaseRefusedError, RunbookError
from runbook_lib.run.journal import Journal
from tests.actions.release.migrated_shop import ADDS, OLD, UNIQUE, MigratedShop
from tests.actions.routes import Routes, serving
from tests.platforms.git_shop import Shop, alone

INDEX = "orders_note_unique"
WHY = "Ada looked at it"


@pytest.fixture
def routes() -> Iterator[Routes]:
    with serving() as routes:
        yield routes


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, routes: Routes) -> MigratedShop:
    """v7 is live; its migration makes writes of v6 fail."""
    alone(monkeypatch)
    monkeypatch.chdir(tmp_path)
    shop = MigratedShop(Shop(tmp_path, "in-place"))
    shop.with_unique()
    shop.configure(routes.url)
    return shop


def planned(tag: str = "v6", **parameters: Any) -> RollbackMigrations:
    """A run with its plan."""
    run = RollbackMigrations.open(tag, **parameters)
    run.plan()
    return run


def carried_out(tag: str = "v6", **parameters: Any) -> str:
    """The whole runbook, as the cells of the notebook call it."""
    run = RollbackMigrations.open(tag, **parameters)
    for cell in ("plan", "schema", "gate", "stage", "carry_out"):
        getattr(run, cell)()
    return run.close()


def steps(run: RollbackMigrations) -> list[str]:
    assert run.run.plan is not None
    return [step.title for step in run.run.plan.section("production").steps]


def status(shop: MigratedShop) -> str:
    return Journal(shop.shop.folder / ".runbooks").runs(1)[0].status


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters", [{"migrations": "sideways"}, {"shims": "redo"}, {"shims": "undo", "migrations": "ahead"}]
)
def test_what_is_no_decision_is_refused_before_a_run_begins(shop: MigratedShop, parameters: dict[str, str]) -> None:
    with pytest.raises(ParameterError, match="is no decision"):
        RollbackMigrations.open("v6", **parameters)  # type: ignore[arg-type]
    assert Journal(shop.shop.folder / ".runbooks").runs(1) == []


def test_an_environment_without_a_table_laravel_is_refused(shop: MigratedShop, routes: Routes) -> None:
    shop.configure(routes.url, laravel="")
    with pytest.raises(ConfigurationError, match="shop/production has no table laravel"):
        RollbackMigrations.open("v6")


def test_a_release_that_nobody_has_is_refused(shop: MigratedShop) -> None:
    with pytest.raises(RunbookError, match="v99"):
        planned("v99")


@pytest.mark.parametrize("parameters", [{}, {"migrations": "ahead"}, {"migrations": "ahead", "migrations_reason": " "}])
def test_what_is_not_safe_needs_a_decision_and_its_reason(shop: MigratedShop, parameters: dict[str, str]) -> None:
    with pytest.raises(ReleaseRefusedError, match=f"not safe for v6.*{UNIQUE}"):
        planned(**parameters)
    assert status(shop) == "refused"
    assert shop.indexes() == [INDEX]


def test_a_database_that_cannot_be_asked_is_not_shimmed(shop: MigratedShop, routes: Routes) -> None:
    shop.sql = ["false"]
    shop.configure(routes.url)
    with pytest.raises(ReleaseRefusedError, match="no shim can be made out"):
        planned(migrations="shim", migrations_reason=WHY)


def test_nothing_is_taken_back_without_the_release_that_brought_it(shop: MigratedShop) -> None:
    shop.rows(OLD, ADDS, UNIQUE, "2026_01_08_000000_by_hand")
    with pytest.raises(RunbookError, match="by_hand"):
        planned(migrations="down", migrations_reason=WHY)
    assert shop.indexes() == [INDEX]


# -- what is planned --------------------------------------------------------------------------------------------------


def test_a_safe_schema_is_left_as_it_is(shop: MigratedShop) -> None:
    run = planned("v7")
    assert run.run.plan is not None
    assert run.run.plan.section("production").skipped == "the schema is left as it is"


def test_ahead_changes_nothing_and_keeps_the_reason(shop: MigratedShop) -> None:
    summary = carried_out(migrations="ahead", migrations_reason=WHY)
    assert f"left ahead by decision: {WHY}" in str(planned(migrations="ahead", migrations_reason=WHY).plan())
    assert "papermill rollback.ipynb -p tag v6" in summary
    assert shop.indexes() == [INDEX]


def test_down_stops_writes_backs_up_takes_back_and_compares(shop: MigratedShop, routes: Routes) -> None:
    shop.configure(routes.url)
    with (shop.shop.folder / "runbooks.toml").open("a") as file:
        file.write('backup = { run = ["true"] }\n')
    run = planned(migrations="down", migrations_reason=WHY, dry_run=True)
    titles = " / ".join(steps(run))
    order = [titles.index(word) for word in ("artisan down", "backup", "take back", "compare")]
    assert order == sorted(order)
    assert "maintenance mode stays on until code that suits the schema is live" in str(run.plan())
    assert (
        f"papermill rollback_migrations.ipynb -p tag v6 -p migrations down -p migrations_reason '{WHY}'" in run.close()
    )


def test_the_schema_is_shown_migration_by_migration(shop: MigratedShop) -> None:
    rows = planned(migrations="ahead", migrations_reason=WHY).schema().rows
    assert [row[:2] for row in rows] == [("production", UNIQUE)]


# -- shims ------------------------------------------------------------------------------------------------------------


def test_a_shim_is_made_and_undone(shop: MigratedShop) -> None:
    summary = carried_out(migrations="shim", migrations_reason=WHY)
    assert shop.indexes() == []
    assert "rollback.ipynb" in summary
    undoing = RollbackMigrations.open(shims="undo")
    undoing.plan()
    assert [row[:1] for row in undoing.schema().rows] == [("production",)]
    undoing.gate()
    undoing.carry_out()
    undoing.close()
    assert shop.indexes() == [INDEX]


def test_a_dry_run_of_shims_shows_them_and_makes_none(shop: MigratedShop) -> None:
    run = planned(migrations="shim", migrations_reason=WHY, dry_run=True)
    assert steps(run)[0] == f"drop the unique {INDEX} of orders"
    run.close()
    assert shop.indexes() == [INDEX]


def test_without_shims_in_force_there_is_nothing_to_undo(shop: MigratedShop) -> None:
    run = planned("", shims="undo")
    assert run.run.plan is not None
    assert run.run.plan.section("production").skipped == "no shim is in force"
