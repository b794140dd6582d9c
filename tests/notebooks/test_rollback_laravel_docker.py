"""rollback.ipynb on a real Laravel application inside real containers: migrations are read from the images, and the
database's part is carried out inside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebooks.conftest import Project
from tests.notebooks.laravel_container import LaravelContainer, needed
from tests.real.engine import Engine
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
    needed()
    texts: dict[str, str] = {}
    for tag, changed in releases().items():
        texts |= changed
        if tag == "v1.1.0":
            build_release(engine.client, tag, texts)
    build_release(engine.client, "v1.3.0", {name: text for name, text in texts.items() if name != STOCK})
    return engine


@pytest.fixture
def shop(project: Project, images: Engine, tmp_path: Path) -> Iterator[LaravelContainer]:
    """The shop live on v1.3.0."""
    live = LaravelContainer(project, images, tmp_path / "data", "v1.3.0")
    live.customer("full_name")
    live.configure(CONFIGURATION)
    yield live
    images.clear()


def test_what_the_image_lacks_is_assessed_and_refused(shop: LaravelContainer) -> None:
    done = shop.project.rollback("tag", "v1.1.0")
    assert done.returncode == 1
    assert "2026_02_20_000000_rename_customer_name" in done.stderr
    assert "ADA" in shop.customers()


def test_migrations_are_taken_back_inside_the_image_that_brought_them(shop: LaravelContainer) -> None:
    done = shop.project.rollback("tag", "v1.1.0", "migrations", "down", *WHY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ADA" in shop.customers()
    assert "rename_customer_name" not in shop.inside("php", "artisan", "migrate:status")
    assert shop.inside("ls", "/data").split() == ["backup", "shop.sqlite"]


def test_shims_are_made_inside_the_image(shop: LaravelContainer) -> None:
    done = shop.project.rollback("tag", "v1.1.0", "migrations", "shim", *WHY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ADA" in shop.customers()
    assert "-p shims undo" in shop.project.run("runbook", "history").stdout


def test_left_ahead_against_the_truth_what_served_before_serves_again(shop: LaravelContainer) -> None:
    done = shop.project.rollback("tag", "v1.1.0", "migrations", "ahead", *WHY)
    assert done.returncode == 1
    assert "what served before serves again: v1.3.0" in done.stdout
    assert "ADA" in shop.customers()
