"""rotate_secrets.ipynb on a real Laravel application with real databases, while it answers requests."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from tests.notebooks.conftest import Project
from tests.notebooks.dying import killed, started_after_it_finished
from tests.real.databases import Database, fresh_database
from tests.real.laravel_app import install, serving
from tests.rotation.kinds.test_postgresql import asks_for_passwords
from tests.rotation.processes import Processes

pytestmark = [pytest.mark.real, pytest.mark.slow]

CONFIGURATION = """
[services.shop.environments.production]
platform = "git"
url = "{url}"
approval.policy = "none"
checks = {{ within = 10, smoke = [{{ name = "customers", path = "/customers" }}] }}
git = {{ path = "{app}" }}
laravel = {{ database = "{driver}" }}

[services.shop.environments.production.database]
kind = "{driver}"
url = {{ file = "admin" }}

[services.shop.environments.production.rotation.secrets.APP_KEY]
kind = "app_key"
places = [{{ kind = "env_file", file = ".env" }}]

[services.shop.environments.production.rotation.secrets.DB_PASSWORD]
kind = "database"
drain = 1
places = [{{ kind = "env_file", file = ".env" }}]
"""
PASSWORD = "planted-Passw0rd/with+signs"
KEY = base64.b64encode(b"a planted key of 32 bytes, really"[:32]).decode()


class Application:
    """The shop, live in place, with all that it knows in its .env."""

    def __init__(self, project: Project, folder: Path, database: Database, url: str) -> None:
        self.project, self.folder, self.database, self.url = project, folder, database, url

    @property
    def env(self) -> dict[str, str]:
        lines = (self.folder / ".env").read_text().splitlines()
        return {name: value.strip("'\"") for name, _, value in (line.partition("=") for line in lines) if value}

    def rotate(self, *parameters: str) -> subprocess.CompletedProcess[str]:
        pairs = [word for pair in zip(parameters[::2], parameters[1::2], strict=True) for word in ("-p", *pair)]
        return self.project.run("papermill", "rotate_secrets.ipynb", *pairs)

    def get(self, path: str) -> int:
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                answer.read()
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return int(error.code)
        except OSError:
            return 0

    @contextmanager
    def load(self, path: str = "/customers") -> Iterator[list[int]]:
        """Requests one after the other, from two users, until the end: their statuses."""
        statuses: list[int] = []
        end = threading.Event()

        def ask() -> None:
            while not end.is_set():
                statuses.append(self.get(path))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield statuses
        finally:
            end.set()
            for thread in threads:
                thread.join()


@pytest.fixture(params=["pgsql", "mysql"])
def application(
    request: pytest.FixtureRequest, project: Project, repository: Path, tmp_path: Path
) -> Iterator[Application]:
    folder = tmp_path / "app"
    subprocess.run(["git", "clone", "--quiet", str(repository), str(folder)], check=True)
    subprocess.run(["git", "checkout", "--quiet", "v1.0.0"], cwd=folder, check=True)
    (folder / ".git/info/exclude").write_text(".env\n")
    install(folder)
    database = fresh_database(request, request.param, tmp_path)
    lines = database.env | {"APP_ENV": "production", "APP_KEY": f"base64:{KEY}", "QUOTED": '"$x # y"'}
    lines |= {"DB_USERNAME": "shop", "DB_PASSWORD": f"'{PASSWORD}'"}
    prepare(database)
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    (folder / ".env").chmod(0o600)
    migrated = subprocess.run(["php", "artisan", "migrate", "--force"], cwd=folder, capture_output=True, check=False)
    assert migrated.returncode == 0, migrated.stdout
    scheme = "postgresql" if database.driver == "pgsql" else "mysql"
    (project.root / "admin").write_text(f"{scheme}://{database.user}@127.0.0.1:{database.port}/{database.name}\n")
    with ExitStack() as stack:
        url = stack.enter_context(serving(folder, {}))
        text = CONFIGURATION.format(url=url, app=folder, driver=database.driver)
        (project.root / "runbooks.toml").write_text(text)
        yield Application(project, folder, database, url)
    clean(database)


def prepare(database: Database) -> None:
    """The application's own user, who has to give its password."""
    if database.driver == "pgsql":
        asks_for_passwords(database)
        statements = [
            f"CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'",
            f"ALTER DATABASE {database.name} OWNER TO shop",
            "ALTER SCHEMA public OWNER TO shop",
        ]
    else:
        statements = [
            f"CREATE USER 'shop'@'%' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT ALL ON `{database.name}`.* TO 'shop'@'%'",
        ]
    execute(database, statements)


def clean(database: Database) -> None:
    users = ("shop__a", "shop__b", "shop")
    if database.driver == "pgsql":
        give = [f"ALTER DATABASE {database.name} OWNER TO {database.user}", "DROP OWNED BY shop CASCADE"]
        execute(database, [*give, *(f"DROP ROLE IF EXISTS {user}" for user in users)])
    else:
        execute(database, [f"DROP USER IF EXISTS '{user}'@'%'" for user in users])


def execute(database: Database, statements: list[str]) -> None:
    connection = database.connect()
    if database.driver == "pgsql":
        connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def logs_in(database: Database, user: str, password: str) -> bool:
    """Whether the server lets this user in; it must say no in words of its own."""
    driver: Any = psycopg if database.driver == "pgsql" else pymysql
    name = {"dbname" if database.driver == "pgsql" else "database": database.name}
    try:
        driver.connect(host="127.0.0.1", port=database.port, user=user, password=password, **name).close()
    except driver.OperationalError as error:
        if not re.search("not permitted to log in|authentication failed|locked|denied", str(error)):
            raise
        return False
    return True


def test_a_database_password_under_load_without_a_failed_request(application: Application) -> None:
    before = (application.folder / ".env").read_text()
    with application.load() as statuses, Processes() as processes:
        done = application.rotate("secret", "DB_PASSWORD")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(statuses) > 20
    assert set(statuses) == {200}

    new = application.env
    assert new["DB_USERNAME"] == "shop__a"
    assert logs_in(application.database, "shop__a", new["DB_PASSWORD"])
    assert not logs_in(application.database, "shop", PASSWORD)
    expected = before.replace("DB_USERNAME=shop", "DB_USERNAME=shop__a").replace(PASSWORD, new["DB_PASSWORD"])
    assert (application.folder / ".env").read_text() == expected
    assert (application.folder / ".env").stat().st_mode & 0o777 == 0o600
    nowhere(application, [PASSWORD, new["DB_PASSWORD"]], done, processes)
    assert len(application.project.record()["events"]) == EVENTS


@pytest.mark.parametrize("application", ["pgsql"], indirect=True)
def test_the_key_of_a_version_without_previous_keys(application: Application) -> None:
    with Processes() as processes:
        done = application.rotate("secret", "APP_KEY")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Laravel 8 knows no previous keys" in done.stdout + done.stderr
    new = application.env["APP_KEY"]
    assert re.fullmatch("base64:[A-Za-z0-9+/]{43}=", new)
    assert KEY not in new
    assert application.get("/customers") == 200
    nowhere(application, [KEY, new, new.removeprefix("base64:")], done, processes)


def nowhere(
    application: Application, values: list[str], done: subprocess.CompletedProcess[str], processes: Processes
) -> None:
    """None of the values, in any form, is in what was said, kept or seen in the process list."""
    project = application.project
    texts = {
        "output": done.stdout + done.stderr,
        "record": json.dumps(project.record()),
        **processes.seen,
    }
    for file in [*project.root.rglob("*"), *Path("/tmp").glob("tmp*"), *Path.home().glob(".*history")]:
        if file.is_file() and application.folder not in file.parents and file.name != "admin":
            texts[str(file)] = file.read_bytes().decode("latin-1")
    assert any(".sqlite" in name or "journal" in name for name in texts)
    assert processes.looks > 20
    forms = {form for value in values for form in forms_of(value)}
    assert {name for name, text in texts.items() if any(form in text for form in forms)} == set()


def forms_of(value: str) -> Iterator[str]:
    yield value
    yield urllib.parse.quote(value, safe="")
    yield base64.b64encode(value.encode()).decode().rstrip("=")
    yield value.encode().hex()


@pytest.mark.parametrize("application", ["pgsql"], indirect=True)
def test_remember_me_tokens_are_revoked_through_the_application(application: Application) -> None:
    names = ("ada", "bo", "cy")
    for number, name in enumerate(names, 1):
        values = f"({number}, '{name}', '{name}@shop.example', 'x', 'remembered')"
        execute(
            application.database, [f"INSERT INTO users (id, name, email, password, remember_token) VALUES {values}"]
        )
    some = ("-p", "action", "revoke", "-p", "users", "1, bo@shop.example")
    done = application.project.run("papermill", "suspected_breach.ipynb", *some)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing is left of 2" in done.stdout + done.stderr
    with application.database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT name FROM users WHERE remember_token IS NOT NULL")
        assert cursor.fetchall() == [("cy",)]


# Of a rotation without staging: after it was made, made valid, written, shown to be good, the old one dead, forgotten.
COMMAND = ("rotate_secrets.ipynb", "-p", "secret", "DB_PASSWORD")
EVENTS = 29
FEW = [(7, "before"), (8, "after"), (10, "after"), (12, "before"), (14, "after"), (20, "after"), (25, "after")]
# After the last one the run is over, and the same command is another run.
ALL = [(number, when) for number in range(1, EVENTS + 1) for when in ("before", "after")][:-1]


@pytest.mark.parametrize(("number", "when"), ALL if os.environ.get("RUNBOOK_CRASH_MATRIX") else FEW)
def test_killed_anywhere_the_application_serves_and_the_same_command_ends_right(
    application: Application, number: int, when: str
) -> None:
    killed(application.project, number, when, *COMMAND)
    assert application.get("/customers") == 200
    done = application.rotate("secret", "DB_PASSWORD")
    assert done.returncode == 0, done.stdout + done.stderr
    assert application.get("/customers") == 200
    history = application.project.json("runbook", "history", "-n", "10")
    assert [record["status"] for record in history] == ["succeeded"]
    assert started_after_it_finished(application.project.record()["events"]) == []
    new = application.env
    assert new["DB_USERNAME"] == "shop__a"
    assert logs_in(application.database, "shop__a", new["DB_PASSWORD"])
    assert not logs_in(application.database, "shop", PASSWORD)
    assert list((application.project.root / ".runbooks/secrets").iterdir()) == []


@pytest.mark.parametrize("application", ["pgsql"], indirect=True)
def test_an_application_that_does_not_take_it_keeps_the_old_one(application: Application) -> None:
    """It looks for its password somewhere else, so the new one never reaches it."""
    before = (application.folder / ".env").read_bytes()
    (application.folder / ".env").write_bytes(before)
    config = application.folder / "config/app.php"
    text = config.read_text()
    config.write_text(
        text.replace("'release' =>", "'broken' => env('DB_USERNAME') === 'shop' ? 0 : abort(500), 'release' =>")
    )
    subprocess.run(["git", "update-index", "--assume-unchanged", "config/app.php"], cwd=application.folder, check=True)
    done = application.rotate("secret", "DB_PASSWORD")
    assert done.returncode == 1
    assert application.get("/customers") == 200
    assert (application.folder / ".env").read_bytes() == before
    assert logs_in(application.database, "shop", PASSWORD)
    assert list((application.project.root / ".runbooks/secrets").iterdir()) == []
