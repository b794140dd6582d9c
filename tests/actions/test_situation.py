"""Where one stands before anything is done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runbook_lib.actions import situation as module
from runbook_lib.actions.situation import Situation, is_practice, situation
from runbook_lib.config import Service, Target
from runbook_lib.errors import PlatformError
from runbook_lib.incident.record import declare
from runbook_lib.platforms.base import Release
from runbook_lib.practice import configuration_file
from runbook_lib.run.journal import Journal
from runbook_lib.run.lock import Locks
from runbook_lib.run.run import Run

SHOP = "shop/production"
GOOD, BAD = Release("v1.4.2", "a" * 40), Release("v1.5.0", "b" * 40)


class Host:
    """A platform. live: by host, or what goes wrong."""

    def __init__(self, live: dict[str, Release] | PlatformError) -> None:
        self.live = live

    def current(self) -> dict[str, Release]:
        if isinstance(self.live, PlatformError):
            raise self.live
        return self.live


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def look(live: dict[str, Release] | PlatformError = {"web-1": GOOD}) -> Situation:  # noqa: B006 - not changed
        about = {"platform": "git", "url": "http://127.0.0.1:9", "git": {"path": "shop"}, "checks": {"timeout": 0.5}}
        service = Service.model_validate({"environments": {"production": about}})
        target = Target("shop", "production", service.environments["production"], service, tmp_path, tmp_path / "state")
        monkeypatch.setattr(module, "target_of", lambda service, environment: target)
        monkeypatch.setattr(module, "platform_of", lambda target: Host(live))
        return situation()

    return look


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "state")


def seen(found: Situation, about: str) -> list[tuple[str, str]]:
    return [(words, mark) for name, words, mark in found.rows if name == about]


def test_what_is_live_is_said(look) -> None:
    assert seen(look(), "release") == [("v1.4.2 (aaaaaaaaaaaa) on web-1", "")]


def test_two_releases_at_once_stand_out(look) -> None:
    assert [mark for _, mark in seen(look({"web-1": GOOD, "web-2": BAD}), "release")] == ["bad", "bad"]


def test_what_cannot_be_read_is_said(look) -> None:
    assert seen(look(PlatformError("no repository")), "release") == [("cannot be read: no repository", "ask")]


def test_a_service_that_does_not_answer_stands_out(look) -> None:
    assert {mark for _, mark in seen(look(), "health")} == {"bad"}


def test_nobody_is_at_work(look) -> None:
    assert seen(look(), "at work") == [("nobody", "")]


def test_who_is_at_work_is_named(look, journal: Journal) -> None:
    Locks(journal, "20260101-rollback").take([SHOP])
    [(words, mark)] = seen(look(), "at work")
    assert (f"pid {os.getpid()}" in words, mark) == (True, "ask")


def test_what_is_in_force_stands_out(look, journal: Journal) -> None:
    journal.append("r", "put in force", {"what": "maintenance mode", "environment": SHOP, "undo": "papermill off"})
    [(words, mark)] = seen(look(), "in force")
    assert ("papermill off" in words, mark) == (True, "bad")


def test_an_open_incident_is_named(look, journal: Journal) -> None:
    one = declare(journal, SHOP, "checkouts fail", "SEV2")
    assert one.id in seen(look(), "incident")[0][0]


def test_what_was_left_unfinished_is_named(look, journal: Journal) -> None:
    run = Run.open(journal, "rollback", SHOP, {})
    assert run.id in seen(look(), "unfinished")[0][0]


@pytest.mark.parametrize(
    ("label", "practice", "colour"),
    [("shop/production", False, "#cf222e"), ("shop/staging", False, "#9a6700"), ("shop/production", True, "#1a7f37")],
)
def test_the_environment_has_an_unmistakable_colour(label: str, practice: bool, colour: str) -> None:
    found = Situation(label, practice)
    assert f"background:{colour}" in found._repr_html_()
    assert found.banner in str(found)
    assert ("PRACTICE" in found.banner) == practice


def test_practice_is_told_from_the_real_thing(look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".runbooks").mkdir()
    look()
    target = module.target_of("", "")
    assert not is_practice(target)
    root = configuration_file(tmp_path).parent
    assert is_practice(Target(target.service_name, target.name, target.environment, target.service, root, tmp_path))


def test_text_from_outside_is_text(look) -> None:
    hostile = Release("<b>v1</b>", "c" * 40)
    assert "<b>v1" not in look({"web-1": hostile})._repr_html_()
