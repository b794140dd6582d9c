"""Verifying what is live: it changes nothing, and its verdict is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.actions import verification
from runbook_lib.actions.verification import Verification
from runbook_lib.errors import InconclusiveError, PlanDriftError, PlatformError, VerificationFailedError
from runbook_lib.platforms.base import LogLine, Release
from runbook_lib.run.journal import Journal
from runbook_lib.run.standing import Standing
from tests.actions.application import LIVE, Application, closing
from tests.actions.routes import Routes, serving
from tests.actions.test_maintenance import BYPASS, LARAVEL, TEXT

OTHER = Release("v4", "4" * 40)
MORE = "checks = { within = 0.3 }\nobservation = { window = 0, min_requests = 1 }\n"


class Live(Application):
    """What is live on each host may be changed."""

    releases_live: dict[str, Release]

    def current(self) -> dict[str, Release]:
        return self.releases_live

    def logs(self, since: float) -> list[LogLine]:
        return []


@pytest.fixture
def routes() -> Iterator[Routes]:
    with serving() as routes:
        yield routes


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, routes: Routes) -> Live:
    application = Live()
    application.releases_live = {"web-1": LIVE, "web-2": LIVE}
    monkeypatch.setattr(verification, "platform_of", lambda target: application)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runbooks.toml").write_text(TEXT.format(url=routes.url) + MORE)
    return application


def procedure() -> str:
    made = Verification.open()
    made.live()
    made.verify()
    made.observe()
    return made.close()


def passed(folder: Path) -> bool:
    return LIVE.id in Standing.of(Journal(folder / ".runbooks"), "shop/production").passed


def test_what_is_healthy_is_recorded_as_good(application: Live, tmp_path: Path) -> None:
    assert ": succeeded" in procedure()
    assert passed(tmp_path)
    assert application.ran == []


def test_every_replica_is_shown(application: Live) -> None:
    assert Verification.open().live().rows == [("web-1", str(LIVE)), ("web-2", str(LIVE))]


def test_what_is_not_healthy_fails_and_is_not_good(application: Live, tmp_path: Path, routes: Routes) -> None:
    procedure()
    routes.statuses["/ready"] = 503
    with pytest.raises(VerificationFailedError, match="shop/production is not healthy"):
        procedure()
    assert not passed(tmp_path)


def test_a_failure_during_the_observation_takes_its_standing_away(
    application: Live, tmp_path: Path, routes: Routes
) -> None:
    made = Verification.open()
    made.live()
    made.verify()
    routes.statuses["/up"] = 500
    with pytest.raises(VerificationFailedError):
        made.observe()
    assert not passed(tmp_path)
    assert application.ran == []


def test_two_releases_at_once_are_refused_by_name(application: Live) -> None:
    application.releases_live = {"web-1": LIVE, "web-2": OTHER}
    with pytest.raises(PlatformError, match=r"runs 2 releases at once: v3 .*, v4 "):
        Verification.open().live()


def test_a_release_that_is_no_longer_live_gets_no_verdict(application: Live, tmp_path: Path) -> None:
    made = Verification.open()
    made.live()
    application.releases_live = {"web-1": OTHER, "web-2": OTHER}
    with pytest.raises(PlanDriftError):
        made.verify()
    assert not passed(tmp_path)


def test_without_observation_it_is_inconclusive(application: Live, tmp_path: Path) -> None:
    made = Verification.open()
    made.live()
    made.verify()
    assert ": inconclusive" in made.close()


@pytest.mark.parametrize(("asked", "window"), [(-1.0, 0.0), (7.0, 7.0), (0.0, 0.0)])
def test_the_window_is_as_asked_or_as_configured(application: Live, asked: float, window: float) -> None:
    assert Verification.open(window=asked).window == window


def test_a_run_that_is_continued_looks_again_what_is_live(application: Live) -> None:
    made = Verification.open()
    made.live()
    assert made.run.plan is not None
    section = made.run.plan.section("production")
    section.ready(True)
    application.releases_live = {"web-1": LIVE, "web-2": OTHER}
    with pytest.raises(PlanDriftError, match="now runs v4"):
        section.ready(True)


@pytest.fixture
def closed(application: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, routes: Routes) -> Live:
    """Maintenance mode is on, and its secret path is configured."""
    monkeypatch.setenv("BYPASS", BYPASS)
    closing(routes, application)
    routes.secret = BYPASS
    bypass = 'bypass = { env = "BYPASS" }\n'
    (tmp_path / "runbooks.toml").write_text(TEXT.format(url=routes.url) + MORE + LARAVEL + bypass)
    application.down = {"web-1", "web-2"}
    return application


def test_behind_closed_doors_it_looks_by_the_secret_path_and_leaves_them_closed(closed: Live, tmp_path: Path) -> None:
    summary = procedure()
    assert ": succeeded" in summary
    assert "end maintenance mode with papermill maintenance_mode.ipynb -p mode off" in summary
    assert passed(tmp_path)
    assert (closed.ran, closed.down) == ([], {"web-1", "web-2"})


def test_that_the_doors_are_closed_on_purpose_is_said_before_anything_is_judged(closed: Live) -> None:
    assert "stays so: it is verified by its secret path" in str(Verification.open().live())


def test_behind_closed_doors_too_what_is_not_healthy_fails(closed: Live, tmp_path: Path, routes: Routes) -> None:
    routes.statuses["/ready"] = 500
    with pytest.raises(VerificationFailedError):
        procedure()
    assert not passed(tmp_path)


def test_where_nobody_is_let_in_it_is_inconclusive_and_not_good(closed: Live, tmp_path: Path, routes: Routes) -> None:
    routes.secret = "of-somebody-else"
    made = Verification.open()
    made.live()
    with pytest.raises(InconclusiveError, match="lets nobody in"):
        made.verify()
    assert not passed(tmp_path)
    assert closed.ran == []
