"""The procedure of a rollback: what it changes, what a dry run does not, when staging may be skipped."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runbook_lib.actions.rollback import Rollback
from runbook_lib.command import Command, Result
from runbook_lib.connectors import local
from runbook_lib.connectors.local import LocalConnector
from runbook_lib.errors import (
    ParameterError,
    PlanDriftError,
    PlatformError,
    ReleaseRefusedError,
    VerificationFailedError,
)
from runbook_lib.run import standing
from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Verdict
from runbook_lib.run.standing import Standing, record_verdict
from tests.actions.routes import Routes, serving
from tests.platforms.git_shop import Shop, alone, git

ENVIRONMENT = """
[services.shop.environments.{name}]
platform = "git"
url = "{url}"
git = {{ path = "{name}/shop" }}
approval.policy = "none"
observation = {{ window = 0, min_requests = 1 }}
checks = {{ within = 0.1 }}
{more}
"""
HOOK = 'hooks = {{ before = [{{ run = ["sh", "-c", "echo before >> {folder}/hooked"] }}] }}'
LARAVEL = """
[services.shop.environments.{name}.laravel]
database = "sqlite"
php = ["{folder}/php"]
sql = ["sh", "-c", "cat {folder}/rows"]
"""


class Changes(LocalConnector):
    """The connector of this machine, with a list of what it was told to change."""

    told: list[str]

    def change(self, command: Command, mark: str, *, repeatable: bool = False) -> Result:
        self.told.append(str(command))
        return super().change(command, mark, repeatable=repeatable)


class Operated:
    """A shop with staging and production; v3 serves in both, v2 is known to be good."""

    def __init__(self, folder: Path, routes: Routes) -> None:
        self.folder, self.routes = folder, routes
        self.shops = {name: Shop(folder / name, "in-place").build() for name in ("staging", "production")}
        self.journal = Journal(folder / ".runbooks")
        self.passed("production", "v2")
        self.configure()

    def configure(
        self, production: str = "", staging: str = "staging", laravel: bool = False, backup: str = ""
    ) -> None:
        text = ""
        for name, more in (("staging", ""), ("production", f'staging = "{staging}"\n{production}')):
            text += ENVIRONMENT.format(name=name, url=self.routes.url, more=more)
            text += LARAVEL.format(name=name, folder=self.folder) + backup if laravel else ""
        (self.folder / "runbooks.toml").write_text(text)
        (self.folder / "php").write_text(f'#!/bin/sh\necho "$2" >> {self.folder}/told\n')
        (self.folder / "php").chmod(0o755)
        (self.folder / "rows").write_text("[]")

    def passed(self, environment: str, tag: str, result: Any = "PASS") -> None:
        release = self.shops[environment].release(tag).facts
        record_verdict(self.journal, f"shop/{environment}", release, Verdict(result))

    def live(self) -> dict[str, str]:
        return {name: shop.live() for name, shop in self.shops.items()}

    def status(self) -> str:
        return self.journal.runs(1)[0].status

    def state(self) -> dict[str, Any]:
        """Every file of both shops with its time, and where HEAD is; but not git's cache of what it has read."""
        found: dict[str, Any] = {}
        for name, shop in self.shops.items():
            found[name] = git(shop.repository, "rev-parse", "HEAD")
            for file in shop.folder.rglob("*"):
                if file.name not in ("index", ".git"):
                    found[str(file)] = os.lstat(file).st_mtime_ns
        return found


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What every connector of this process is told to change."""
    told: list[str] = []
    monkeypatch.setattr(Changes, "told", told, raising=False)
    monkeypatch.setattr(local, "LocalConnector", Changes)
    return told


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: list[str]) -> Iterator[Operated]:
    alone(monkeypatch)
    monkeypatch.chdir(tmp_path)
    with serving() as routes:
        yield Operated(tmp_path, routes)


def procedure(**parameters: Any) -> str:
    """The whole runbook, as the cells of the notebook call it."""
    rollback = Rollback.open(**parameters)
    for cell in ("releases", "plan", "schema", "gate", "stage", "switch", "observe"):
        getattr(rollback, cell)()
    return rollback.close()


def plan(**parameters: Any) -> Any:
    """The plan of a dry run, and its table."""
    rollback = Rollback.open(dry_run=True, **parameters)
    shown = rollback.plan()
    assert rollback.run.plan is not None
    return SimpleNamespace(
        plan=rollback.run.plan, shown=str(shown), skipped=rollback.run.plan.section("staging").skipped
    )


# -- dry run --------------------------------------------------------------------------------------------------------


def test_a_dry_run_of_the_whole_procedure_changes_nothing(shop: Operated, changes: list[str]) -> None:
    shop.configure(production=HOOK.format(folder=shop.folder), laravel=True)
    before = shop.state()
    procedure(dry_run=True)
    assert changes == []
    assert shop.state() == before
    assert not (shop.folder / "hooked").exists()
    assert not (shop.folder / "told").exists()
    assert shop.status() == "planned"


def test_a_dry_run_ends_with_the_command_that_does_what_it_planned(shop: Operated) -> None:
    summary = procedure(dry_run=True, migrations="ahead", migrations_reason="Ada looked", jobs="aside", reason="slow")
    decided = "-p migrations ahead -p migrations_reason 'Ada looked' -p jobs aside -p reason slow"
    assert f"papermill rollback.ipynb -p tag v2 {decided}" in summary


def test_a_dry_run_leaves_no_mark_and_no_lock(shop: Operated) -> None:
    summary = procedure(dry_run=True)
    assert not (shop.folder / ".runbooks/commands").exists()
    assert "papermill rollback.ipynb" in summary
    assert {event.kind for event in shop.journal.events()} == {"verified", "opened", "planned", "closed"}
    assert Standing.of(shop.journal, "shop/production").bad == {}


def test_the_same_procedure_without_dry_run_changes_what_was_planned(shop: Operated, changes: list[str]) -> None:
    shop.configure(production=HOOK.format(folder=shop.folder), laravel=True)
    procedure()
    assert any("checkout" in command for command in changes)
    assert shop.live() == {"staging": "v2", "production": "v2"}
    assert (shop.folder / "hooked").read_text() == "before\n"
    assert (shop.folder / "told").read_text().split().count("config:clear") == 2
    assert shop.status() == "succeeded"


def test_making_and_showing_the_plan_changes_nothing(shop: Operated, changes: list[str]) -> None:
    rollback = Rollback.open()
    rollback.releases()
    rollback.plan()
    rollback.gate()
    assert changes == []


# -- the procedure ----------------------------------------------------------------------------------------------------


def test_what_was_rolled_away_from_is_bad_with_the_reason(shop: Operated) -> None:
    procedure(reason="checkout loses orders")
    assert list(Standing.of(shop.journal, "shop/production").bad.values()) == ["checkout loses orders"]


def test_production_is_not_touched_when_staging_fails(shop: Operated) -> None:
    shop.routes.statuses["/ready"] = 503
    with pytest.raises(VerificationFailedError, match="shop/staging is not healthy"):
        procedure()
    assert shop.live() == {"staging": "v3", "production": "v3"}
    assert Standing.of(shop.journal, "shop/production").bad == {}


def test_a_run_that_is_closed_before_it_switched_marks_nothing_bad(shop: Operated) -> None:
    rollback = Rollback.open()
    rollback.plan()
    rollback.gate()
    rollback.close()
    assert shop.status() == "failed"
    assert Standing.of(shop.journal, "shop/production").bad == {}


def test_without_staging_production_goes_first_and_is_warned_of(shop: Operated) -> None:
    shop.configure(staging="")
    rollback = Rollback.open(dry_run=True)
    assert "no staging is configured" in str(rollback.plan())
    assert rollback.stage() == "no staging is configured"


def test_releases_tell_what_is_live_good_and_bad(shop: Operated) -> None:
    rows = {row[0]: row[4] for row in Rollback.open(dry_run=True).releases().rows}
    assert rows == {"v3": "live", "v2": "known good", "v1": ""}


def test_the_plan_names_what_is_in_force(shop: Operated) -> None:
    event = {"what": "maintenance mode", "environment": "shop/production", "undo": "x"}
    shop.journal.append("r1", "put in force", event)
    assert "maintenance mode is in force" in plan().shown


# -- skipping staging -------------------------------------------------------------------------------------------------


def test_staging_is_not_skipped_without_a_recorded_pass(shop: Operated) -> None:
    with pytest.raises(ReleaseRefusedError, match="staging has no recent recorded PASS of v2"):
        plan(skip_staging=True)


def test_staging_is_skipped_on_request_with_a_recent_pass(shop: Operated) -> None:
    shop.passed("staging", "v2")
    assert plan(skip_staging=True).skipped == "it passed with v2 (" + shop.shops["staging"].release("v2").short_id + (
        ") recently"
    )


def test_staging_that_passed_but_is_on_another_release_is_not_skipped_unasked(shop: Operated) -> None:
    shop.passed("staging", "v2")
    assert plan().skipped == ""


def test_staging_that_passed_and_still_runs_it_is_skipped_unasked(shop: Operated) -> None:
    shop.passed("staging", "v2")
    git(shop.shops["staging"].repository, "checkout", "--quiet", "v2")
    assert "recently" in plan().skipped


def test_staging_that_runs_it_and_never_passed_is_not_skipped(shop: Operated) -> None:
    git(shop.shops["staging"].repository, "checkout", "--quiet", "v2")
    assert plan().skipped == ""


@pytest.mark.parametrize(("environment", "tag"), [("production", "v2"), ("staging", "v1")])
def test_a_pass_of_another_place_or_release_does_not_count(shop: Operated, environment: str, tag: str) -> None:
    shop.passed(environment, tag)
    with pytest.raises(ReleaseRefusedError, match="no recent recorded PASS"):
        plan(skip_staging=True)


def test_a_pass_that_a_fail_followed_does_not_count(shop: Operated) -> None:
    shop.passed("staging", "v2")
    shop.passed("staging", "v2", "FAIL")
    with pytest.raises(ReleaseRefusedError, match="no recent recorded PASS"):
        plan(skip_staging=True)


@pytest.mark.parametrize(("later", "counts"), [(3590, True), (3610, False)])
def test_a_pass_counts_for_as_long_as_is_configured(
    shop: Operated, monkeypatch: pytest.MonkeyPatch, later: float, counts: bool
) -> None:
    shop.configure(production="staging_valid = 3600")
    shop.passed("staging", "v2")
    monkeypatch.setattr(standing, "time", SimpleNamespace(time=lambda: time.time() + later))
    if counts:
        assert plan(skip_staging=True).skipped
    else:
        with pytest.raises(ReleaseRefusedError, match="no recent recorded PASS"):
            plan(skip_staging=True)


def test_skipped_staging_is_not_touched(shop: Operated, changes: list[str]) -> None:
    shop.passed("staging", "v2")
    procedure(skip_staging=True)
    assert shop.live() == {"staging": "v3", "production": "v2"}
    assert shop.status() == "succeeded"


def test_production_waits_for_the_pass_of_staging(shop: Operated, changes: list[str]) -> None:
    """A PASS that was taken back by somebody's FAIL between the two sections."""
    rollback = Rollback.open()
    for cell in ("plan", "gate", "stage"):
        getattr(rollback, cell)()
    shop.passed("staging", "v2", "FAIL")
    changes.clear()
    with pytest.raises(PlanDriftError, match="staging has no recent recorded PASS of v2"):
        rollback.switch()
    assert changes == []


# -- the database -----------------------------------------------------------------------------------------------------

WHY = {"migrations_reason": "Ada looked at it"}


def unknown(shop: Operated) -> None:
    (shop.folder / "rows").write_text(json.dumps([{"migration": "2026_01_07_000000_by_hand"}]))


def test_a_database_without_a_table_laravel_is_called_not_assessed(shop: Operated) -> None:
    assert "database of shop/production: not assessed" in plan().shown


def test_a_database_that_is_not_safe_is_refused_before_there_is_a_plan(shop: Operated) -> None:
    shop.configure(laravel=True)
    unknown(shop)
    with pytest.raises(ReleaseRefusedError, match=r"database of shop/staging is not safe for v2.*unknown"):
        procedure()
    assert shop.status() == "refused"


def test_a_decision_stands_in_the_plan(shop: Operated) -> None:
    shop.configure(laravel=True)
    unknown(shop)
    assert "left ahead by decision: Ada looked at it" in plan(migrations="ahead", **WHY).shown


def test_what_nobody_has_is_not_taken_back(shop: Operated) -> None:
    shop.configure(laravel=True)
    unknown(shop)
    with pytest.raises(PlatformError, match="cannot be taken back: 2026_01_07_000000_by_hand"):
        plan(migrations="down", **WHY)


def test_what_cannot_be_read_is_not_taken_back(shop: Operated) -> None:
    """Nothing would be undone, and the plan would say that it was."""
    shop.configure(laravel=True)
    (shop.folder / "rows").write_text("Connection refused")
    with pytest.raises(PlatformError, match="cannot be taken back"):
        plan(migrations="down", **WHY)


def test_a_decision_that_is_none_is_refused(shop: Operated) -> None:
    shop.configure(laravel=True)
    unknown(shop)
    with pytest.raises(ParameterError, match="'aheda' is no decision"):
        plan(migrations="aheda", **WHY)
