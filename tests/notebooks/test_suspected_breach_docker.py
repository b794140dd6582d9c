"""suspected_breach.ipynb on real containers of a real engine: their evidence, a secret changed, maintenance mode."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
checks = {{ within = 20, timeout = 20, smoke = [{{ name = "customers", path = "/customers" }}] }}
docker = {{ image = "shop", container = "shop", engine = "{engine}", stop_timeout = 2 }}
laravel = {{ database = "sqlite" }}

[services.shop.environments.production.leaks]
rows = {{ users = "SELECT id, name FROM customers" }}

[services.shop.environments.production.rotation.secrets.APP_KEY]
kind = "app_key"
places = [{{ kind = "container" }}]
"""
OLD = "base64:cGxhbnRlZC1hcHAta2V5LW9mLTMyLWJ5dGVzLXllcyE="


@pytest.fixture(scope="module")
def image(engine: Engine) -> Engine:
    needed()
    changes = releases()
    build_release(engine.client, "v1.1.0", changes["v1.0.0"] | changes["v1.1.0"])
    return engine


class Shop(LaravelContainer):
    """The shop live on v1.1.0, into which somebody broke."""

    def __init__(self, project: Project, engine: Engine, data: Path) -> None:
        super().__init__(project, engine, data, "v1.1.0", [f"APP_KEY={OLD}"])
        self.customer("name")
        self.inside(
            "sh",
            "-c",
            "echo '<?php system($_GET[1]);' > /app/public/shell.php; rm /app/composer.json; sleep 3600 &",
        )
        self.configure(CONFIGURATION)

    def breach(self, *parameters: str) -> str:
        pairs = [word for pair in zip(parameters[::2], parameters[1::2], strict=True) for word in ("-p", *pair)]
        done = self.project.run("papermill", "suspected_breach.ipynb", *pairs)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def evidence(self) -> dict[str, str]:
        """The pieces of the newest look, by their names."""
        looks = [one for one in self.project.json("runbook", "history", "-n", "9") if "breach" in one["run"]]
        folder = self.project.root / ".runbooks/runs" / looks[0]["run"] / "evidence"
        summed = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=folder, capture_output=True, check=False)
        assert summed.returncode == 0, summed.stderr
        return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*.txt")}

    def environment(self) -> dict[str, str]:
        pairs: Any = self.engine.client.inspect_container("shop")["Config"]["Env"]
        return dict(pair.split("=", 1) for pair in pairs)


@pytest.fixture
def shop(project: Project, image: Engine, tmp_path: Path) -> Iterator[Shop]:
    yield Shop(project, image, tmp_path / "data")
    image.clear()


def test_evidence_of_a_container_is_kept_before_it_is_made_anew(shop: Shop) -> None:
    before = shop.engine.client.inspect_container("shop")["Id"]
    said = shop.breach("action", "rotate", "secret", "APP_KEY")
    evidence = shop.evidence()
    assert "A /app/public/shell.php" in evidence["shop/file-system.txt"].splitlines()
    assert "D /app/composer.json" in evidence["shop/file-system.txt"].splitlines()
    assert "sleep 3600" in evidence["shop/processes.txt"]
    assert json.loads(evidence["shop/container.txt"])[0]["Id"] == before
    assert "Development Server" in evidence["shop/log.txt"]
    assert "Ada" in evidence["rows/users.txt"]

    new = shop.environment()["APP_KEY"]
    assert new.startswith("base64:")
    assert new != OLD
    assert shop.engine.client.inspect_container("shop")["Id"] != before
    assert "ADA" in shop.customers(200)
    record = json.dumps(shop.project.record())
    assert not [value for value in (OLD, new) if value in said or value in record]


def test_maintenance_mode_keeps_everybody_out(shop: Shop) -> None:
    shop.customers(200)
    shop.breach("action", "maintenance")
    shop.customers(503)
    assert "A /app/public/shell.php" in shop.evidence()["shop/file-system.txt"].splitlines()
    (in_force,) = shop.project.json("runbook", "in-force")
    assert "maintenance" in json.dumps(in_force)
    done = shop.project.run("papermill", "maintenance_mode.ipynb", "-p", "mode", "off")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ADA" in shop.customers(200)
