"""A rollback while maintenance mode is on already, by hand or by the runbook, and stays on."""

from __future__ import annotations

import subprocess

import pytest

from tests.notebooks.laravel_shop import Application

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.parametrize("application", ["sqlite"], indirect=True),
]

SECRET = "let-me-in-quietly"


@pytest.fixture
def live(application: Application, monkeypatch: pytest.MonkeyPatch) -> Application:
    """Live on v1.1.0, whose migrations are harmless, with a secret path configured."""
    application.deploy("v1.1.0")
    application.let_in_by(SECRET, monkeypatch)
    return application


def roll_back(application: Application) -> subprocess.CompletedProcess[str]:
    return application.project.rollback("tag", "v1.0.0")


def is_closed(application: Application) -> bool:
    return application.get("/version")[0] == 503


def live_tag(application: Application) -> str:
    words = ["git", "describe", "--tags"]
    return subprocess.run(words, cwd=application.folder, capture_output=True, text=True, check=True).stdout.strip()


def test_closed_by_the_runbook_it_is_verified_by_the_secret_path_and_stays_closed(live: Application) -> None:
    live.project.run("papermill", "maintenance_mode.ipynb", "-p", "mode", "on")
    assert is_closed(live)
    done = roll_back(live)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (live_tag(live), is_closed(live)) == ("v1.0.0", True)
    assert "it is verified by its secret path" in str(live.project.record()["plan"]["warnings"])
    assert "-p mode off" in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr + str(live.project.record())
    off = live.project.run("papermill", "maintenance_mode.ipynb", "-p", "mode", "off")
    assert off.returncode == 0, off.stdout + off.stderr
    assert live.get("/version")[:2] == (200, "v1.0.0")


def test_closed_by_hand_with_the_same_secret_it_is_found_out(live: Application) -> None:
    live.artisan("down", f"--secret={SECRET}")
    done = roll_back(live)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (live_tag(live), is_closed(live)) == ("v1.0.0", True)


def test_behind_closed_doors_too_a_release_that_does_not_work_is_found_out(live: Application) -> None:
    live.artisan("down", f"--secret={SECRET}")
    live.break_checks()
    done = roll_back(live)
    assert done.returncode == 1
    assert "what served before serves again" in done.stdout + done.stderr
    assert (live_tag(live), is_closed(live)) == ("v1.1.0", True)


def test_where_no_secret_lets_in_it_is_looked_at_from_inside_and_says_so(live: Application) -> None:
    live.artisan("down", "--secret=of-somebody-else")
    done = roll_back(live)
    assert done.returncode == 1
    assert "its routes were not asked" in done.stdout + done.stderr
    assert (live_tag(live), is_closed(live)) == ("v1.0.0", True)


def test_a_site_that_answers_503_of_itself_is_not_taken_for_closed(live: Application) -> None:
    (live.folder / "public" / "index.php").write_text("<?php http_response_code(503);")
    subprocess.run(["git", "update-index", "--assume-unchanged", "public/index.php"], cwd=live.folder, check=True)
    done = roll_back(live)
    assert done.returncode == 1
    assert "503 instead of 200" in done.stdout + done.stderr


def test_where_the_live_release_cannot_close_it_is_refused_and_said_what_else_can(live: Application) -> None:
    (live.folder / "bootstrap" / "app.php").write_text("<?php require 'vendor/missing.php';")
    done = live.project.run("papermill", "maintenance_mode.ipynb", "-p", "mode", "on")
    assert done.returncode == 1
    assert "close the site before it reaches PHP" in done.stdout + done.stderr
    assert live.project.last_run()["status"] == "refused"
    assert "in force" not in live.project.run("runbook", "history").stdout
