"""verify.ipynb while maintenance mode is on: the release is looked at all the same, and stays closed."""

from __future__ import annotations

import pytest

from tests.notebooks.laravel_shop import Application

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.parametrize("application", ["sqlite"], indirect=True),
]

SECRET = "let-me-in-quietly"


@pytest.fixture
def closed(application: Application, monkeypatch: pytest.MonkeyPatch) -> Application:
    application.let_in_by(SECRET, monkeypatch)
    application.artisan("down", f"--secret={SECRET}")
    return application


def verdicts(application: Application) -> list[str]:
    return [verdict["verdict"] for verdict in application.project.record()["verdicts"]]


def test_by_the_secret_path_it_passes_and_the_site_stays_closed(closed: Application) -> None:
    done = closed.project.run("papermill", "verify.ipynb")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert set(verdicts(closed)) == {"PASS"}
    assert "it is verified by its secret path" in said
    assert "-p mode off" in said
    assert SECRET not in said + str(closed.project.record())
    assert closed.get("/version")[0] == 503


def test_by_the_secret_path_too_a_release_that_does_not_work_fails(closed: Application) -> None:
    closed.break_checks()
    assert closed.project.run("papermill", "verify.ipynb").returncode == 1
    assert verdicts(closed) == ["FAIL"]


def test_where_no_secret_lets_in_it_says_so_and_proves_nothing(closed: Application) -> None:
    closed.artisan("up")
    closed.artisan("down", "--secret=of-somebody-else")
    done = closed.project.run("papermill", "verify.ipynb")
    assert done.returncode == 1
    assert "its routes were not asked" in done.stdout + done.stderr
    assert verdicts(closed) == ["INCONCLUSIVE"]
