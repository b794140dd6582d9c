"""rollback.ipynb and maintenance_mode.ipynb on a real Laravel application with real databases."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks.conftest import Project
from tests.notebooks.dying import killed, started_after_it_finished
from tests.real.databases import fresh_database
from tests.real.laravel_app import install, serving

pytestmark = [pytest.mark.real, pytest.mark.slow]

CONFIGURATION = """
[services.shop.environments.production]
platform = "git"
url = "{url}"
approval.policy = "none"
observation = {{ window = 0, max_p95_ms = 5000 }}
checks = {{ within = 10, smoke = [{{ name = "customers", path = "/customers" }}] }}

[services.shop.environments.production.git]
path = "{app}"
env = {{ {env} }}

[services.shop.environments.production.laravel]
database = "{driver}"
backup = {{ run = ["sh", "-c", "{backup}"], check = ["test", "-e", "{app}/storage/backup"] }}
"""


# For what does not depend on the kind of database.
on_one_database = pytest.mark.parametrize("application", ["sqlite"], indirect=True)


class Application:
    """The shop, live in place. env: of its database."""

    def __init__(self, project: Project, folder: Path, env: Mapping[str, str], driver: str) -> None:
        self.project, self.folder, self.driver = project, folder, driver
        self.env = dict(env)

    def artisan(self, *words: str) -> str:
        done = subprocess.run(
            ["php", "artisan", *words],
            cwd=self.folder,
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout

    def deploy(self, tag: str) -> None:
        """As a careless deployment does it: checkout and migrate."""
        subprocess.run(["git", "checkout", "--quiet", tag], cwd=self.folder, check=True)
        install(self.folder)
        self.artisan("migrate", "--force")

    def configure(self, url: str, backup: str = "date > storage/backup") -> None:
        env = ", ".join(f'{name} = "{value}"' for name, value in self.env.items())
        text = CONFIGURATION.format(url=url, app=self.folder, env=env, driver=self.driver, backup=backup)
        (self.project.root / "runbooks.toml").write_text(text)
        self.url = url

    def post(self, path: str, data: Mapping[str, str]) -> None:
        body = json.dumps(data).encode()
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status in (200, 201)

    def get(self, path: str) -> tuple[int, str, Mapping[str, str]]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace"), error.headers


@pytest.fixture(params=["sqlite", "pgsql", "mysql"])
def application(
    request: pytest.FixtureRequest, project: Project, repository: Path, tmp_path: Path
) -> Iterator[Application]:
    folder = tmp_path / "app"
    subprocess.run(["git", "clone", "--quiet", str(repository), str(folder)], check=True)
    database = fresh_database(request, request.param, tmp_path)
    made = Application(project, folder, {**database.env, "APP_ENV": "production"}, request.param)
    made.deploy("v1.0.0")
    with ExitStack() as stack:
        made.configure(stack.enter_context(serving(folder, made.env)))
        yield made


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


@pytest.fixture
def renamed(application: Application) -> Application:
    """Live on v1.3.0, which renamed a column and can take that back."""
    application.post("/customers", {"name": "Ada", "email": "ada@shop.example"})
    folder = application.folder
    git = ["git", "-c", "user.name=shop", "-c", "user.email=shop@shop.example"]
    for words in (
        ["checkout", "--quiet", "v1.2.0"],
        ["rm", "--quiet", "database/migrations/2026_02_20_000001_add_stock_levels.php"],
        ["commit", "--quiet", "--message", "only the column"],
        ["tag", "v1.3.0"],
    ):
        subprocess.run([*git, *words], cwd=folder, check=True)
    application.deploy("v1.3.0")
    return application


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


# Before and after the steps of the database: backup, its check, migrate:rollback, then the code.
@pytest.mark.parametrize(
    ("number", "when"), [(7, "after"), (11, "before"), (11, "after"), (12, "before"), (14, "after")]
)
def test_killed_while_migrations_are_taken_back_the_same_command_goes_on(
    renamed: Application, number: int, when: str
) -> None:
    pairs = [word for pair in zip(DOWN[::2], DOWN[1::2], strict=True) for word in ("-p", *pair)]
    killed(renamed.project, number, when, "rollback.ipynb", *pairs)
    done = renamed.project.rollback(*DOWN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert renamed.get("/version")[1] == "v1.1.0"
    assert "ADA" in renamed.get("/customers")[1]
    assert "rename_customer_name" not in renamed.artisan("migrate:status")
    assert started_after_it_finished(renamed.project.record()["events"]) == []


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
    text = (renamed.project.root / "runbooks.toml").read_text()
    broken = text.replace('path = "/customers"', 'path = "/customers", contains = "Grace"').replace(
        "within = 10", "within = 1"
    )
    (renamed.project.root / "runbooks.toml").write_text(broken)
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
