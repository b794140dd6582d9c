"""rotate_secrets.ipynb changes Redis' password under a real Laravel application that answers from it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.notebooks.conftest import Project
from tests.notebooks.test_rotate_secrets_laravel import Application, nowhere
from tests.real.databases import Database, missing
from tests.real.engine import unavailable
from tests.real.laravel_app import install, serving
from tests.rotation.kinds.test_redis import OLD, Server
from tests.rotation.processes import Processes

pytestmark = [pytest.mark.real, pytest.mark.slow]

CONFIGURATION = """
[services.shop.environments.production]
platform = "git"
url = "{url}"
approval.policy = "none"
checks = {{ within = 10, smoke = [{{ name = "visits", path = "/visits" }}] }}
git = {{ path = "{app}" }}
laravel = {{ database = "sqlite" }}
redis = {{ url = {{ file = "admin" }} }}

[services.shop.environments.production.rotation.secrets.REDIS_PASSWORD]
kind = "redis"
drain = 1
places = [{{ kind = "env_file", file = ".env" }}]
"""
PASSWORD = "'password' => env('REDIS_PASSWORD'), "
ROUTE = "Route::get('/visits', fn () => ['visits' => cache()->store('redis')->increment('visits')]);\n"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if reason := missing("redis"):
        unavailable(reason)
    # Its own file may have its password: it is not where values are looked for.
    running = Server(
        tmp_path_factory.mktemp("redis"), f"requirepass {OLD['password']}\nuser admin on ~* &* +@all >planted-admin"
    )
    yield running
    running.stop()


@pytest.fixture
def application(project: Project, repository: Path, server: Server, tmp_path: Path) -> Iterator[Application]:
    folder = tmp_path / "app"
    subprocess.run(["git", "clone", "--quiet", str(repository), str(folder)], check=True)
    subprocess.run(["git", "checkout", "--quiet", "v1.0.0"], cwd=folder, check=True)
    for name, before, more in (
        ("config/database.php", "'port' => env('REDIS_PORT'", PASSWORD),
        ("routes/api.php", "Route::get('/up'", ROUTE),
    ):
        text = (folder / name).read_text()
        assert before in text
        (folder / name).write_text(text.replace(before, f"{more}{before}"))
        subprocess.run(["git", "update-index", "--assume-unchanged", name], cwd=folder, check=True)
    (folder / ".git/info/exclude").write_text(".env\nshop.sqlite\n")
    install(folder)
    (folder / "shop.sqlite").touch()
    lines = {"APP_ENV": "production", "DB_CONNECTION": "sqlite", "DB_DATABASE": f"{folder}/shop.sqlite"}
    lines |= {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(server.port), "REDIS_PASSWORD": OLD["password"]}
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    (project.root / "admin").write_text(f"redis://admin:planted-admin@127.0.0.1:{server.port}/0\n")
    with serving(folder, {}) as url:
        (project.root / "runbooks.toml").write_text(CONFIGURATION.format(url=url, app=folder))
        yield Application(project, folder, Database("sqlite", f"{folder}/shop.sqlite"), url)


def test_under_load_without_a_failed_request(application: Application, server: Server) -> None:
    assert application.get("/visits") == 200
    with application.load("/visits") as statuses, Processes() as processes:
        done = application.rotate("secret", "REDIS_PASSWORD")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(statuses) > 20
    assert set(statuses) == {200}

    new = application.env["REDIS_PASSWORD"]
    assert new != OLD["password"]
    with redis.Redis(port=server.port, password=new) as client:
        assert client.ping()
        (counter,) = client.keys("*visits")
        assert int(client.get(counter) or 0) >= len(statuses)
    with redis.Redis(port=server.port, password=OLD["password"]) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    nowhere(application, [OLD["password"], new], done, processes)


def test_without_its_password_the_application_does_not_answer(application: Application, server: Server) -> None:
    """So that what the test above sees is Redis' answer."""
    with redis.Redis(port=server.port, username="admin", password="planted-admin") as client:
        client.execute_command("ACL", "SETUSER", "default", "resetpass", ">another")
    assert application.get("/visits") == 500
