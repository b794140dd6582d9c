"""A release that is judged while maintenance mode keeps everybody out."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.actions.release.behind_doors import BehindDoors
from runbook_lib.config import Service, Target
from runbook_lib.platforms.base import Release
from tests.actions.application import LIVE, Application
from tests.actions.routes import Routes

OTHER = Release("v4", "4" * 40)


@pytest.fixture
def closed(served: Application) -> Application:
    served.down = set(served.hosts)
    return served


def behind(application: Application, release: Release = LIVE, *, bypass: bool = True) -> BehindDoors:
    laravel: dict[str, Any] = {"database": "sqlite"} | ({"bypass": {"env": "BYPASS"}} if bypass else {})
    environment = {
        "platform": "git",
        "url": application.url,
        "git": {"path": "shop"},
        "laravel": laravel,
        "checks": {"within": 0.3},
    }
    service = Service.model_validate({"environments": {"production": environment}})
    folder = application.folder
    return BehindDoors(
        Target("shop", "production", service.environments["production"], service, folder, folder), application, release
    )


def test_the_plan_says_how_it_is_looked_at(closed: Application) -> None:
    assert behind(closed).warning.endswith("in force and stays so: it is verified by its secret path")
    assert "from inside only" in behind(closed, bypass=False).warning


def test_it_passes_by_the_secret_path_and_says_what_ends_it(closed: Application) -> None:
    verdict = behind(closed).verdict()
    assert verdict.result == "PASS"
    assert verdict.reasons[0].startswith(
        "maintenance mode stays in force; asked by its secret path, end it with papermill"
    )


def test_it_fails_by_the_secret_path_where_a_route_does_not_work(closed: Application, routes: Routes) -> None:
    routes.statuses["/ready"] = 500
    assert behind(closed).verdict().result == "FAIL"


def test_where_nobody_is_let_in_a_release_that_starts_is_inconclusive(closed: Application, routes: Routes) -> None:
    routes.secret = "of-somebody-else"
    verdict = behind(closed).verdict()
    assert verdict.result == "INCONCLUSIVE"
    assert "its routes were not asked" in verdict.reasons[0]


def test_where_nobody_is_let_in_another_release_fails(closed: Application) -> None:
    verdict = behind(closed, OTHER, bypass=False).verdict()
    assert verdict.result == "FAIL"
    assert "v3" in verdict.reasons[0]


def test_where_nobody_is_let_in_one_that_does_not_start_fails(closed: Application) -> None:
    closed.reached = False
    verdict = behind(closed, bypass=False).verdict()
    assert verdict.result == "FAIL"
    assert verdict.reasons[0].startswith("web-1 does not start: SQLSTATE")


def test_doors_that_turn_out_to_be_open_are_said_to_be(served: Application) -> None:
    verdict = behind(served, bypass=False).verdict()
    assert verdict.result == "PASS"
    assert verdict.reasons[0] == "maintenance mode is no longer in force: it did not outlive the switch"


def test_nothing_is_ended_here(closed: Application) -> None:
    behind(closed).verdict()
    behind(closed, bypass=False).verdict()
    assert (closed.ran, closed.down) == ([], set(closed.hosts))
