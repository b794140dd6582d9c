"""The plan of a rollback: the readings that it is made from, and what each decision makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.actions.release.rollback_plan import Decisions, RollbackPlan
from runbook_lib.errors import ReleaseRefusedError, RunbookError
from runbook_lib.run.plan import Plan
from runbook_lib.run.run import Run
from tests.actions.release.migrated_shop import ADDS, OLD, UNIQUE, MigratedShop
from tests.platforms.git_shop import Shop, alone

WHY = "Ada looked at it"
BACKUP = {"run": ["true"]}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MigratedShop:
    """v7 is live; its migration makes writes of v6 fail."""
    alone(monkeypatch)
    shop = MigratedShop(Shop(tmp_path, "in-place"))
    shop.with_unique()
    return shop


def planner(shop: MigratedShop, run: Run, tag: str = "v6", laravel: Any = None, **decided: str) -> RollbackPlan:
    return RollbackPlan(run, shop.target(**(laravel or {})), Decisions(tag, **decided))  # type: ignore[arg-type]


def plan(shop: MigratedShop, run: Run, tag: str = "v6", laravel: Any = None, **decided: str) -> Plan:
    made = planner(shop, run, tag, laravel, **decided)
    return made.build(made.read())


def titles(made: Plan) -> list[str]:
    return [step.title for step in made.section("production").steps]


# -- what is refused --------------------------------------------------------------------------------------------------


def test_a_schema_that_is_not_safe_is_refused_without_a_decision(shop: MigratedShop, run: Run) -> None:
    with pytest.raises(ReleaseRefusedError, match=f"not safe for v6.*{UNIQUE}: .*duplicates"):
        plan(shop, run)


def test_the_release_that_is_live_and_one_that_nobody_has_are_refused(shop: MigratedShop, run: Run) -> None:
    for tag in ("v7", "v99"):
        with pytest.raises(RunbookError, match=tag):
            plan(shop, run, tag, migrations="ahead", migrations_reason=WHY)


def test_taking_back_needs_a_backup(shop: MigratedShop, run: Run) -> None:
    with pytest.raises(RunbookError, match="backup"):
        plan(shop, run, migrations="down")


def test_taking_back_what_nobody_can_is_refused_and_not_passed_over(shop: MigratedShop, run: Run) -> None:
    shop.rows(OLD, ADDS, UNIQUE, "2026_01_08_000000_by_hand")
    with pytest.raises(RunbookError, match="by_hand"):
        plan(shop, run, laravel={"backup": BACKUP}, migrations="down", migrations_reason=WHY)


# -- what each decision makes of it -----------------------------------------------------------------------------------


def test_what_is_safe_switches_the_code_alone(shop: MigratedShop, run: Run) -> None:
    shop.rows(OLD, ADDS)
    made = plan(shop, run, "v4")
    assert not any(word in " ".join(titles(made)) for word in ("artisan down", "drop", "take back"))
    assert any("safe, 1 migration that the target lacks" in warning for warning in made.warnings)


def test_ahead_switches_the_code_alone_and_says_why(shop: MigratedShop, run: Run) -> None:
    made = plan(shop, run, migrations="ahead", migrations_reason=WHY)
    assert any(warning.endswith(f"left ahead by decision: {WHY}") for warning in made.warnings)
    assert not any("drop" in title for title in titles(made))


def test_a_shim_is_made_before_the_switch(shop: MigratedShop, run: Run) -> None:
    said = titles(plan(shop, run, migrations="shim", migrations_reason=WHY))
    dropped = next(i for i, title in enumerate(said) if "drop the unique orders_note_unique" in title)
    assert dropped < next(i for i, title in enumerate(said) if "v6" in title)


def test_down_stops_writes_backs_up_and_takes_back_before_the_switch(shop: MigratedShop, run: Run) -> None:
    made = plan(shop, run, laravel={"backup": BACKUP}, migrations="down")
    said = " / ".join(titles(made))
    order = [said.index(words) for words in ("artisan down", "backup", "take back 1 migration,", "v6", "artisan up")]
    assert order == sorted(order)
    assert made.section("production").title.endswith("taking back 1 migration")


def test_the_way_back_of_down_migrates_again(shop: MigratedShop, run: Run) -> None:
    made = plan(shop, run, laravel={"backup": BACKUP}, migrations="down")
    assert any("migrate" in step.title for step in made.section("production").back)


# -- the snapshot -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("migrations", ["ahead", "shim", "down"])
def test_a_plan_is_made_again_from_what_was_written_down(shop: MigratedShop, run: Run, migrations: str) -> None:
    decided = {"migrations": migrations, "migrations_reason": WHY}
    made = planner(shop, run, laravel={"backup": BACKUP}, **decided)
    snapshot = made.read()
    again = planner(shop, run, laravel={"backup": BACKUP}, **decided).build(json.loads(json.dumps(snapshot)))
    assert again.digest == made.build(snapshot).digest


def test_without_staging_and_laravel_the_plan_warns_of_both(shop: MigratedShop, run: Run) -> None:
    target = shop.target()
    bare = target.environment.model_copy(update={"laravel": None})
    made = RollbackPlan(
        run, type(target)("shop", "production", bare, target.service, target.root, target.state), Decisions("v6")
    )
    warnings = " / ".join(made.build(made.read()).warnings)
    assert "not assessed" in warnings
    assert "production goes first" in warnings
