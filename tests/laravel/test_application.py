"""The application of the tests runs as a real one does: each release, at the top of its repository or below."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import requests

from tests.laravel.cases import CASES
from tests.real import databases, laravel_app
from tests.real.databases import RedisServer, fresh_database
from tests.real.engine import unavailable
from tests.real.laravel_app import BASE

pytestmark = [pytest.mark.real, pytest.mark.slow]

GOOD, BAD = "v1.1.0", "v1.2.0"
_ORDER = {"number": "O-1", "lines": [{"product_id": 1, "quantity": 1, "price": 900}]}


def artisan(folder: Path, env: dict[str, str], *words: str) -> str:
    argv = ["php", "artisan", *words]
    done = subprocess.run(argv, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ordered(url: str) -> int:
    """The status of placing an order, in a shop that has one product."""
    requests.post(f"{url}/products", json={"sku": os.urandom(4).hex(), "name": "vase"}, timeout=10)
    return requests.post(f"{url}/orders", json=_ORDER, timeout=10).status_code


@pytest.mark.parametrize("driver", ["pgsql", "mysql", "sqlite"])
def test_the_releases_are_served_and_the_newest_is_bad(
    request: pytest.FixtureRequest, installed: dict[str, Path], tmp_path: Path, driver: databases.Driver
) -> None:
    database = fresh_database(request, driver, tmp_path)
    for tag, status in ((BASE, 201), (GOOD, 201), (BAD, 500)):
        artisan(installed[tag], database.env, "migrate", "--force")
        with laravel_app.serving(installed[tag], database.env) as url:
            assert requests.get(f"{url}/up", timeout=10).text == "ok"
            assert requests.get(f"{url}/ready", timeout=10).status_code == 200
            assert requests.get(f"{url}/version", timeout=10).text == tag
            assert ordered(url) == status
    with laravel_app.serving(installed[GOOD], database.env) as url:
        assert ordered(url) == 201
        # The newest release renamed a column that this one reads.
        assert requests.post(f"{url}/customers", json={"name": "A", "email": "a@b"}, timeout=10).status_code == 500


@pytest.mark.parametrize("queue", ["database", "redis"])
def test_a_job_is_done_by_a_worker(
    installed: dict[str, Path], tmp_path: Path, redis_server: RedisServer, queue: str
) -> None:
    env = databases.sqlite(tmp_path).env | redis_server.env(redis_server.fresh(3)) | {"QUEUE_CONNECTION": queue}
    artisan(installed[BASE], env, "migrate", "--force")
    with laravel_app.serving(installed[BASE], env) as url:
        assert ordered(url) == 201
        assert requests.post(f"{url}/orders/O-1/place", timeout=10).json() == {"queued": True}
        assert "O-1 is new" in requests.get(f"{url}/orders", timeout=10).text
        artisan(installed[BASE], env, "queue:work", "--once")
        assert "O-1 was placed" in requests.get(f"{url}/orders", timeout=10).text


def test_a_folder_of_the_repository_can_hold_it(tmp_path: Path) -> None:
    if reason := laravel_app.missing():
        unavailable(reason)
    repository = laravel_app.build_repository(tmp_path / "repository", inside="backend")
    folder = laravel_app.check_out(repository, BASE, inside="backend")
    assert folder.name == "backend"
    assert "8.83" in artisan(folder, {}, "--version")


def test_every_case_is_a_release_beside_the_first(tmp_path: Path) -> None:
    cases = {case.name: {case.file: case.text} for case in CASES}
    repository = laravel_app.build_repository(tmp_path / "repository", cases)
    asked = ["git", "-C", str(repository), "diff", "--name-only", f"{BASE}..drop-column"]
    assert subprocess.check_output(asked, text=True).split() == [
        "database/migrations/2026_02_01_000000_drop_column.php"
    ]
    tags = subprocess.check_output(["git", "-C", str(repository), "tag"], text=True).split()
    assert set(tags) == {*cases, *laravel_app.releases()}


def test_each_case_is_valid_php(tmp_path: Path) -> None:
    for case in CASES:
        laravel_app.write(tmp_path, {case.file: case.text})
    files = [str(tmp_path / case.file) for case in CASES]
    check = "foreach (array_slice($argv, 1) as $file) { token_get_all(file_get_contents($file), TOKEN_PARSE); }"
    subprocess.run(["php", "-r", check, "--", *files], check=True, timeout=60)
