"""suspected_breach.ipynb on real containers of a real engine: their evidence, a secret changed, maintenance mode."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    if reason := laravel_app.missing():
        unavailable(reason)
    changes = releases()
    build_release(engine.client, "v1.1.0", changes["v1.0.0"] | changes["v1.1.0"])
    return engine


class Shop:
    """The shop live in one container, into which somebody broke."""

    def __init__(self, project: Project, engine: Engine, data: Path) -> None:
        self.project, self.engine, self.port = project, engine, free_port()
        (data / "shop.sqlite").touch()
        host = {
            "Binds": [f"{data}:/data"],
            "PortBindings": {f"{PORT}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(self.port)}]},
        }
        body = {"Image": "shop:v1.1.0", "HostConfig": host, "Env": [f"APP_KEY={OLD}"]}
        engine.client.start(engine.client.create_container_from_config(body, "shop")["Id"])
        self.inside("php", "artisan", "migrate", "--force")
        self.inside("php", "-r", _CUSTOMER)
        self.inside(
            "sh",
            "-c",
            "echo '<?php system($_GET[1]);' > /app/public/shell.php; rm /app/composer.json; sleep 3600 &",
        )
        text = CONFIGURATION.format(port=self.port, engine=engine.address)
        (project.root / "runbooks.toml").write_text(text)

    def inside(self, *argv: str) -> str:
        command = ["docker", "--host", self.engine.address, "exec", "shop", *argv]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

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

    def answers(self, status: int) -> str:
        deadline = time.monotonic() + 20
        while (answer := get(self.port, "/customers"))[0] != status and time.monotonic() < deadline:
            time.sleep(0.2)
        assert answer[0] == status, answer
        return answer[1]


_CUSTOMER = (
    "$db = new PDO('sqlite:/data/shop.sqlite');"
    "$db->exec(\"INSERT INTO customers (name, email) VALUES ('Ada', 'ada@shop.example')\");"
)


@pytest.fixture
def shop(project: Project, image: Engine, tmp_path: Path) -> Iterator[Shop]:
    data = tmp_path / "data"
    data.mkdir()
    yield Shop(project, image, data)
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
    assert "ADA" in shop.answers(200)
    record = json.dumps(shop.project.record())
    assert not [value for value in (OLD, new) if value in said or value in record]


def test_maintenance_mode_keeps_everybody_out(shop: Shop) -> None:
    shop.answers(200)
    shop.breach("action", "maintenance")
    shop.answers(503)
    assert "A /app/public/shell.php" in shop.evidence()["shop/file-system.txt"].splitlines()
    (in_force,) = shop.project.json("runbook", "in-force")
    assert "maintenance" in json.dumps(in_force)
    done = shop.project.run("papermill", "maintenance_mode.ipynb", "-p", "mode", "off")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ADA" in shop.answers(200)
