"""The shop of tests/real/laravel live in a Git checkout, on each kind of database, operated by the runbooks."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.real.databases import Database, fresh_database
from tests.real.laravel_app import install, serving

if TYPE_CHECKING:
    from tests.notebooks.conftest import Project

CONFIGURATION = """
[services.shop.environments.production]
platform = "git"
url = "{url}"
approval.policy = "none"
observation = {{ window = 0, max_p95_ms = 60000 }}
checks = {{ within = 10, timeout = 20, smoke = [{{ name = "customers", path = "/customers" }}] }}

[services.shop.environments.production.git]
path = "{app}"
env = {{ {env} }}

[services.shop.environments.production.laravel]
database = "{driver}"
backup = {{ run = ["sh", "-c", "{backup}"], check = ["test", "-e", "{app}/storage/backup"] }}
"""


class Application:
    """The shop, live in place. env: of its database."""

    def __init__(self, project: Project, folder: Path, database: Database) -> None:
        self.project, self.folder, self.database, self.driver = project, folder, database, database.driver
        self.env = {**database.env, "APP_ENV": "production"}

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

    def tag_without(self, tag: str, migration: str) -> None:
        """A release like v1.2.0 without one of its migrations."""
        git = ["git", "-c", "user.name=shop", "-c", "user.email=shop@shop.example"]
        for words in (
            ["checkout", "--quiet", "v1.2.0"],
            ["rm", "--quiet", f"database/migrations/{migration}.php"],
            ["commit", "--quiet", "--message", f"without {migration}"],
            ["tag", tag],
        ):
            subprocess.run([*git, *words], cwd=self.folder, check=True)

    def configure(self, url: str, backup: str = "date > storage/backup", more: str = "") -> None:
        """Write runbooks.toml. more: lines for the table laravel, and tables after it."""
        env = ", ".join(f'{name} = "{value}"' for name, value in self.env.items())
        text = CONFIGURATION.format(url=url, app=self.folder, env=env, driver=self.driver, backup=backup)
        (self.project.root / "runbooks.toml").write_text(text + more)
        self.url = url

    def let_in_by(self, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A secret path leads in during maintenance mode."""
        monkeypatch.setenv("SHOP_BYPASS", secret)
        self.configure(self.url, more='bypass = { env = "SHOP_BYPASS" }\n')

    def break_checks(self) -> None:
        """From now on no release is healthy."""
        file = self.project.root / "runbooks.toml"
        text = file.read_text().replace('path = "/customers"', 'path = "/customers", contains = "Grace"')
        file.write_text(text.replace("within = 10", "within = 1"))

    def post(self, path: str, data: Mapping[str, str]) -> None:
        body = json.dumps(data).encode()
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status in (200, 201)

    def migrations(self, tag: str = "", **parameters: str) -> subprocess.CompletedProcess[str]:
        """`papermill rollback_migrations.ipynb -p tag TAG ...`"""
        words = {"tag": tag, **parameters}
        pairs = [word for name, value in words.items() for word in ("-p", name, value)]
        return self.project.run("papermill", "rollback_migrations.ipynb", *pairs)

    def run_sql(self, *statements: str) -> None:
        connection = self.database.connect()
        for statement in statements:
            connection.cursor().execute(statement)
        connection.commit()
        connection.close()

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
    made = Application(project, folder, database)
    made.deploy("v1.0.0")
    with ExitStack() as stack:
        made.configure(stack.enter_context(serving(folder, made.env)))
        yield made


@pytest.fixture
def renamed(application: Application) -> Application:
    """Live on v1.3.0, which renamed a column and can take that back."""
    application.post("/customers", {"name": "Ada", "email": "ada@shop.example"})
    application.tag_without("v1.3.0", "2026_02_20_000001_add_stock_levels")
    application.deploy("v1.3.0")
    return application
