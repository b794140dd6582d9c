"""Maintenance mode: noted before it begins, proven on every host, lifted when it is proven to have ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.actions import maintenance
from runbook_lib.actions.maintenance import Maintenance
from runbook_lib.errors import ConfigurationError, StepFailedError, VerificationFailedError
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal
from tests.actions.application import Application, closing
from tests.actions.routes import serving

TEXT = """
[services.shop.environments.production]
platform = "git"
url = "{url}"
git = {{ path = "shop" }}
approval.policy = "none"
"""
LARAVEL = '[services.shop.environments.production.laravel]\ndatabase = "sqlite"\n'
BYPASS = "way-in-7f3a91"


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    application = Application()
    monkeypatch.setattr(maintenance, "platform_of", lambda target: application)
    monkeypatch.setenv("BYPASS", BYPASS)
    monkeypatch.chdir(tmp_path)
    with serving() as routes:
        closing(routes, application)
        application.routes = routes
        (tmp_path / "runbooks.toml").write_text(TEXT.format(url=routes.url) + LARAVEL)
        yield application


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / ".runbooks")


def procedure(mode: Any, **parameters: Any) -> str:
    made = Maintenance.open(mode, **parameters)
    made.plan()
    made.gate()
    made.switch()
    return made.close()


def forced(journal: Journal) -> int:
    return len(in_force(journal, "shop/production"))


def test_it_begins_on_every_host(application: Application, journal: Journal) -> None:
    summary = procedure("on")
    assert application.ran == [("web-1", "down"), ("web-2", "down")]
    assert forced(journal) == 1
    assert "end it with: papermill maintenance_mode.ipynb -p mode off" in summary


def test_it_ends_on_every_host_and_is_lifted(application: Application, journal: Journal) -> None:
    procedure("on")
    procedure("off")
    assert application.ran[2:] == [("web-1", "up"), ("web-2", "up")]
    assert (application.down, forced(journal)) == (set(), 0)


def test_it_is_noted_before_the_first_command(application: Application, journal: Journal) -> None:
    seen: list[int] = []
    application.during = lambda name: seen.append(forced(journal))
    procedure("on")
    assert seen == [1, 1]


def test_it_is_in_force_until_its_end_is_proven(application: Application, journal: Journal) -> None:
    procedure("on")
    seen: list[int] = []
    application.during = lambda name: seen.append(forced(journal))
    procedure("off")
    assert (seen, forced(journal)) == ([1, 1], 0)


def test_an_end_that_does_not_show_goes_back_and_is_not_lifted(application: Application, journal: Journal) -> None:
    procedure("on")
    application.during = lambda name: application.down.add("web-3") if name == "up" else None
    with pytest.raises(VerificationFailedError, match="maintenance mode is on as before"):
        procedure("off")
    assert forced(journal) == 1


def test_a_host_that_fails_opens_the_others_again_and_lifts(application: Application, journal: Journal) -> None:
    application.failing = {"down"}
    with pytest.raises(StepFailedError, match="maintenance mode is off as before"):
        procedure("on")
    assert (application.down, forced(journal)) == (set(), 0)


def test_headers_that_do_not_come_fail_and_go_back(application: Application, journal: Journal) -> None:
    with pytest.raises(VerificationFailedError, match="Refresh"):
        procedure("on", refresh=15)
    assert (application.down, forced(journal)) == (set(), 0)


def test_what_is_in_force_already_stays_when_it_is_asked_for_again(application: Application, journal: Journal) -> None:
    """artisan keeps the options of before, so other headers than those do not come."""
    procedure("on")
    procedure("on", refresh=15)
    assert application.down == {"web-1", "web-2"}
    assert forced(journal) == 1


def test_what_was_in_force_before_a_failure_stays(application: Application, journal: Journal) -> None:
    procedure("on")
    application.failing = {"down"}
    tried: list[str] = []
    application.during = lambda name: application.failing.clear() if tried else tried.append(name)
    with pytest.raises(StepFailedError, match="maintenance mode is on as before"):
        procedure("on", refresh=15)
    assert application.down == {"web-1", "web-2"}
    assert forced(journal) == 1


def test_a_dry_run_does_and_notes_nothing(application: Application, journal: Journal) -> None:
    procedure("on", dry_run=True)
    assert (application.ran, forced(journal), journal.runs(1)[0].status) == ([], 0, "planned")


def test_the_plan_warns_when_it_is_so_already(application: Application) -> None:
    assert "the record knows of no maintenance mode" in str(Maintenance.open("off", dry_run=True).plan())
    procedure("on")
    assert "in force already" in str(Maintenance.open("on", dry_run=True).plan())
    assert "in force already" not in str(Maintenance.open("off", dry_run=True).plan())


def test_without_a_table_laravel_it_is_refused(application: Application, tmp_path: Path) -> None:
    file = tmp_path / "runbooks.toml"
    file.write_text(file.read_text().removesuffix(LARAVEL))
    with pytest.raises(ConfigurationError, match="shop/production has no table laravel"):
        Maintenance.open("on")
    assert Journal(tmp_path / ".runbooks").runs() == []


def test_the_way_in_is_in_no_plan_and_no_journal(application: Application, tmp_path: Path, journal: Journal) -> None:
    file = tmp_path / "runbooks.toml"
    file.write_text(file.read_text() + 'bypass = { env = "BYPASS" }\n')
    application.routes.secret = BYPASS
    made = Maintenance.open("on")
    table = made.plan()
    made.gate()
    made.switch()
    made.close()
    assert application.commands[0].raw_env == {"MAINTENANCE_SECRET": BYPASS}
    assert BYPASS not in str(table) + table._repr_html_() + " ".join(application.commands[0].raw)
    with sqlite3.connect(journal.file) as connection:
        assert BYPASS not in "\n".join(connection.iterdump())
    records = [path for path in (tmp_path / ".runbooks").rglob("*") if path.is_file()]
    assert not [path for path in records if BYPASS.encode() in path.read_bytes()]


def test_a_secret_path_that_lets_nobody_in_is_a_failure(
    application: Application, tmp_path: Path, journal: Journal
) -> None:
    (tmp_path / "runbooks.toml").write_text((tmp_path / "runbooks.toml").read_text() + 'bypass = { env = "BYPASS" }\n')
    with pytest.raises(VerificationFailedError, match="the secret path gives no cookie") as told:
        procedure("on")
    assert BYPASS not in str(told.value)
    assert (application.down, forced(journal)) == (set(), 0)


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="maintenance mode cannot be 'onn'"):
        Maintenance.open("onn")  # type: ignore[arg-type]
