"""Queued jobs across a rollback: in a real Redis, of releases that are images; and Composer, where it is configured."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.notebooks.conftest import Project
from tests.notebooks.laravel_container import LaravelContainer, needed
from tests.notebooks.laravel_shop import Application
from tests.platforms.docker_shop import get
from tests.real.databases import RedisServer
from tests.real.engine import Engine
from tests.real.laravel_app import releases
from tests.real.php_image import build_release

pytestmark = [pytest.mark.real, pytest.mark.slow]

NUMBER = 3
PREFIX = "shop_database_"
SEND = "App\\Jobs\\SendInvoice"
PLACE = "App\\Jobs\\PlaceOrder"
REDIS = f"""
[services.shop.environments.production.queues]
store = "redis"
[services.shop.environments.production.redis]
url = {{ env = "SHOP_REDIS" }}
prefix = "{PREFIX}"
"""
BOOT = (
    'require "vendor/autoload.php"; $app = require "bootstrap/app.php";'
    "$app->make(Illuminate\\Contracts\\Console\\Kernel::class)->bootstrap();"
)
DISPATCH = """
for ($i = 1; $i <= 4; $i++) { App\\Jobs\\SendInvoice::dispatch("O-$i"); App\\Jobs\\PlaceOrder::dispatch("O-$i"); }
App\\Jobs\\SendInvoice::dispatch('later')->delay(3600);
App\\Jobs\\SendInvoice::dispatch('mail')->onQueue('mail');
"""
on_sqlite = pytest.mark.parametrize("application", ["sqlite"], indirect=True)


class Queued:
    """The shop with its queues in Redis."""

    def __init__(self, application: Application, server: RedisServer) -> None:
        self.application, self.server = application, server
        application.env |= {**server.env(server.fresh(NUMBER)), "QUEUE_CONNECTION": "redis", "REDIS_PREFIX": PREFIX}
        application.deploy("v1.1.0")
        application.configure(application.url, more=REDIS)
        self._php(BOOT + DISPATCH)

    def _php(self, code: str) -> None:
        env = {**os.environ, **self.application.env}
        subprocess.run(["php", "-r", code], cwd=self.application.folder, env=env, check=True, timeout=60)

    def waiting(self) -> Counter[str]:
        """The classes of all jobs that a worker would take sooner or later."""
        found: Counter[str] = Counter()
        with redis.Redis(port=self.server.port, db=NUMBER) as client:
            for queue in ("default", "mail"):
                raw = client.lrange(f"{PREFIX}queues:{queue}", 0, -1)
                raw += client.zrange(f"{PREFIX}queues:{queue}:delayed", 0, -1)
                for payload in raw:
                    found[SEND if b"SendInvoice" in payload else PLACE] += 1
        return found

    def work(self) -> None:
        self.application.artisan("queue:work", "--queue=default,mail", "--stop-when-empty", "--tries=1", "--sleep=0")

    def failed(self) -> int:
        connection = self.application.database.connect()
        rows = connection.execute("SELECT COUNT(*) FROM failed_jobs").fetchone()
        connection.close()
        return int(rows[0])


@pytest.fixture
def queued(application: Application, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Queued:
    monkeypatch.setenv("SHOP_REDIS", f"redis://127.0.0.1:{redis_server.port}/{NUMBER}")
    return Queued(application, redis_server)


@on_sqlite
def test_jobs_in_redis_are_counted_set_aside_and_come_back_and_none_is_lost(queued: Queued) -> None:
    shop = queued.application
    assert queued.waiting() == {SEND: 6, PLACE: 4}
    done = shop.project.rollback("tag", "v1.0.0", "jobs", "aside")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{SEND} 6" in done.stdout
    assert queued.waiting() == {PLACE: 4}
    queued.work()  # the older release does what is its own
    assert (queued.waiting(), queued.failed()) == ({}, 0)
    mark = shop.project.run("runbook", "history").stdout.partition("runbook jobs put-back ")[2].split()[0]
    assert shop.project.run("runbook", "jobs", "put-back", mark).returncode == 1  # v1.0.0 would fail on them
    shop.deploy("v1.1.0")
    back = shop.project.run("runbook", "jobs", "put-back", mark)
    assert back.returncode == 0, back.stdout + back.stderr
    assert queued.waiting() == {SEND: 6}
    queued.work()
    assert (queued.waiting(), queued.failed()) == ({SEND: 1}, 0)  # the delayed one keeps its time
    assert "in force" not in shop.project.run("runbook", "history").stdout


@on_sqlite
def test_jobs_in_redis_that_are_left_fail_in_the_older_release(queued: Queued) -> None:
    done = queued.application.project.rollback("tag", "v1.0.0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"cannot run: {SEND} 6; they are left" in done.stdout
    queued.work()
    assert queued.failed() == 5


# -- releases that are images -----------------------------------------------------------------------------------------

CONTAINER = """
[services.shop.environments.production]
platform = "docker"
url = "http://127.0.0.1:{port}"
approval.policy = "none"
observation = {{ window = 0, max_p95_ms = 60000 }}
checks = {{ within = 20, timeout = 20, smoke = [{{ name = "customers", path = "/customers" }}] }}
docker = {{ image = "shop", container = "shop", engine = "{engine}", stop_timeout = 2 }}
[services.shop.environments.production.laravel]
database = "sqlite"
[services.shop.environments.production.queues]
store = "database"
[services.shop.environments.production.database]
kind = "sqlite"
file = "{data}/shop.sqlite"
"""


@pytest.fixture
def container(project: Project, engine: Engine, tmp_path: Path) -> Iterator[LaravelContainer]:
    """The shop live on v1.1.0 in a container beside an image of v1.0.0, with queued jobs."""
    needed()
    texts: dict[str, str] = {}
    for tag in ("v1.0.0", "v1.1.0"):
        texts |= releases()[tag]
        build_release(engine.client, tag, texts)
    live = LaravelContainer(project, engine, tmp_path / "data", "v1.1.0")
    live.inside("php", "-r", BOOT + DISPATCH)
    live.configure(CONTAINER)
    yield live
    engine.clear()


def test_which_classes_a_release_lacks_is_read_out_of_its_image(container: LaravelContainer) -> None:
    done = container.project.rollback("tag", "v1.0.0", "jobs", "aside")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{SEND} 6" in done.stdout
    assert PLACE not in done.stdout
    assert get(container.port, "/version")[1] == "v1.0.0"


# -- Composer ---------------------------------------------------------------------------------------------------------

PACKAGE = {"name": "shop/labels", "version": "1.0.0", "autoload": {"psr-4": {"Shop\\Labels\\": "src/"}}}
LABEL = "<?php\n\nnamespace Shop\\Labels;\n\nclass Label\n{\n    const TEXT = 'of a package';\n}\n"


@pytest.fixture
def packaged(application: Application) -> Application:
    """Live on v1.1.2, which no longer has the package that v1.1.1 requires."""
    application.deploy("v1.1.0")
    folder = application.folder
    composer = json.loads((folder / "composer.json").read_text())
    composer["require"]["shop/labels"] = "1.0.0"
    composer["repositories"].insert(0, {"type": "path", "url": "packages/labels"})
    (folder / "packages" / "labels" / "src").mkdir(parents=True)
    (folder / "packages" / "labels" / "composer.json").write_text(json.dumps(PACKAGE))
    (folder / "packages" / "labels" / "src" / "Label.php").write_text(LABEL)
    (folder / "composer.json").write_text(json.dumps(composer))
    routes = folder / "routes" / "api.php"
    routes.write_text(routes.read_text() + "\nRoute::get('/label', fn () => Shop\\Labels\\Label::TEXT);\n")
    env = {**os.environ, "COMPOSER_ALLOW_SUPERUSER": "1", "COMPOSER_HOME": str(folder / "storage" / "composer")}
    argv = ["composer", "update", "--no-interaction", "--quiet"]
    subprocess.run(argv, cwd=folder, env=env, check=True, capture_output=True, timeout=60)
    git = ["git", "-c", "user.name=shop", "-c", "user.email=shop@shop.example"]
    for words in (
        ["add", "--all"],
        ["commit", "--quiet", "--message", "with a package"],
        ["tag", "v1.1.1"],
        ["checkout", "--quiet", "v1.1.0", "--", "composer.json", "routes/api.php"],
        ["rm", "--quiet", "--cached", "composer.lock"],
        ["commit", "--quiet", "--message", "without it"],
        ["tag", "v1.1.2"],
    ):
        subprocess.run([*git, *words], cwd=folder, check=True)
    (folder / "composer.lock").unlink()
    application.deploy("v1.1.2")
    return application


@on_sqlite
def test_composer_installs_what_the_older_release_needs(packaged: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOSER_ALLOW_SUPERUSER", "1")
    assert not (packaged.folder / "vendor" / "shop").exists()
    packaged.configure(packaged.url, more='composer = ["composer"]\n')
    (packaged.folder / "composer.lock").unlink(missing_ok=True)
    done = packaged.project.rollback("tag", "v1.1.1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert packaged.get("/label")[:2] == (200, "of a package")
