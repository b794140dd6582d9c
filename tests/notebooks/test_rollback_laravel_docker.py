"""rollback.ipynb on a real Laravel application inside real containers: migrations are read from the images, and the
database's part is carried out inside them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebooks.conftest import Project
from tests.platforms.docker_shop import free_port, get
from tests.real import laravel_app
from tests.real.engine import Engine, unavailable
from tests.real.images import PORT
from tests.real.laravel_app import releases
from tests.real.php_image import build_release

pytestmark = [pytest.mark.real, pytest.mark.slow]

CONFIGURATION = """
[services.shop.environments.production]
platform = "docker"
url = "http://127.0.0.1:{port}"
approval.policy = "none"
observation = {{ window = 0, max_p95_ms = 60000 }}
checks = {{ within = 20, timeout = 20, smoke = [{{ name = "customers", path = "/customers" }}] }}
docker = {{ image = "shop", container = "shop", engine = "{engine}", stop_timeout = 2 }}

[services.shop.environments.production.laravel]
database = "sqlite"
backup = {{ run = ["cp", "/data/shop.sqlite", "/data/backup"], check = ["test", "-s", "/data/backup"] }}
"""
STOCK = "database/migrations/2026_02_20_000001_add_stock_levels.php"
WHY = ("migrations_reason", "v1.1 reads the old name")


@pytest.fixture(scope="module")
def images(engine: Engine) -> Engine:
    """The engine with v1.1.0, and v1.3.0, which renamed a column and can take that back."""
    if reason := laravel_app.missing():
        unavailable(reason)
    texts: dict[str, str] = {}
    for tag, changed in releases().items():
        texts |= changed
        if tag == "v1.1.0":
            build_release(engine.client, tag, texts)
    build_release(engine.client, "v1.3.0", {name: text for name, text in texts.items() if name != STOCK})
    return engine


class Shop:
    """The shop live on v1.3.0 in one container, with its database in a folder of this machine."""

    def __init__(self, project: Project, engine: Engine, data: Path) -> None:
        self.project, self.engine, self.port = project, engine, free_port()
        (data / "shop.sqlite").touch()
        host = {
            "Binds": [f"{data}:/data"],
            "PortBindings": {f"{PORT}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(self.port)}]},
        }
        body = {"Image": "shop:v1.3.0", "HostConfig": host}
        engine.client.start(engine.client.create_container_from_config(body, "shop")["Id"])
        self.inside("php", "artisan", "migrate", "--force")
        self.inside("php", "-r", _CUSTOMER)
        text = CONFIGURATION.format(port=self.port, engine=engine.address)
        (project.root / "runbooks.toml").write_text(text)

    def inside(self, *argv: str) -> str:
        command = ["docker", "--host", self.engine.address, "exec", "shop", *argv]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def customers(self) -> str:
        deadline = time.monotonic() + 20
        while (answer := get(self.port, "/customers"))[0] != 200 and time.monotonic() < deadline:
            time.sleep(0.2)
        return answer[1]


_CUSTOMER = (
    "$db = new PDO('sqlite:/data/shop.sqlite');"
    "$db->exec(\"INSERT INTO customers (full_name, email) VALUES ('Ada', 'ada@shop.example')\");"
)


@pytest.fixture
def shop(project: Project, images: Engine, tmp_path: Path) -> Iterator[Shop]:
    data = tmp_path / "data"
    data.mkdir()
    yield Shop(project, images, data)
    images.clear()


def test_what_the_image_lacks_is_assessed_and_refused(shop: Shop) -> None:
    done = shop.project.rollback("tag", "v1.1.0")
    assert done.returncode == 1
    assert "2026_02_20_000000_rename_customer_name" in done.stderr
    assert "ADA" in shop.customers()


def test_migrations_are_taken_back_inside_the_image_that_brought_them(shop: Shop) -> None:
    done = shop.project.rollback("tag", "v1.1.0", "migrations", "down", *WHY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ADA" in shop.customers()
    assert "rename_customer_name" not in shop.inside("php", "artisan", "migrate:status")
    assert shop.inside("ls", "/data").split() == ["backup", "shop.sqlite"]


def test_shims_are_made_inside_the_image(shop: Shop) -> None:
    done = shop.project.rollback("tag", "v1.1.0", "migrations", "shim", *WHY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ADA" in shop.customers()
    assert "-p shims undo" in shop.project.run("runbook", "history").stdout


def test_left_ahead_against_the_truth_what_served_before_serves_again(shop: Shop) -> None:
    done = shop.project.rollback("tag", "v1.1.0", "migrations", "ahead", *WHY)
    assert done.returncode == 1
    assert "what served before serves again: v1.3.0" in done.stdout
    assert "ADA" in shop.customers()
