"""Drills on real containers of a real engine that a runbooks.toml describes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebooks.conftest import Project, project
from tests.platforms.docker_shop import free_port, get
from tests.real.engine import Engine
from tests.real.images import PORT, build_image

__all__ = ["project"]

pytestmark = [pytest.mark.real, pytest.mark.slow]

CONFIGURATION = """
[services.shop.environments.production]
platform = "docker"
url = "http://127.0.0.1:{port}"
approval.policy = "none"
observation = {{ window = 0 }}
checks = {{ within = 5, timeout = 2, version = "/version", smoke = [{{ name = "checkout", path = "/checkout" }}] }}
docker = {{ image = "shop", container = "shop", engine = "{engine}", stop_timeout = 2 }}
drill = {{ good = "v1", bad = "v2" }}
"""


@pytest.fixture
def shop(project: Project, engine: Engine) -> Iterator[Project]:
    """A container with the good release; the bad one is an image whose checkout fails."""
    build_image(engine.client, "shop", "v1", files={"/www/version": "v1"})
    build_image(engine.client, "shop", "v2", "failing", files={"/www/version": "v2"})
    port = free_port()
    bindings = {f"{PORT}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
    body = {"Image": "shop:v1", "HostConfig": {"PortBindings": bindings}}
    engine.client.start(engine.client.create_container_from_config(body, "shop")["Id"])
    (project.root / "runbooks.toml").write_text(CONFIGURATION.format(port=port, engine=engine.address))
    yield project
    assert get(port) == (200, "v1")
    engine.clear()


def drilled(shop: Project, *names: str) -> dict[str, dict[str, object]]:
    """Run them; what each left as evidence."""
    config = str(shop.root / "runbooks.toml")
    done = shop.run("runbook", "drill", *names, "--on", "docker", "--config", config)
    assert done.returncode == 0, done.stdout + done.stderr
    records = [json.loads(file.read_text()) for file in sorted((shop.root / ".runbooks" / "drills").glob("*.json"))]
    return {record["drill"]: record for record in records}


@pytest.mark.parametrize(
    ("name", "blamed"), [("bad-release", "bad-release"), ("down", "process-down"), ("hang", "process-hung")]
)
def test_a_fault_of_real_containers_is_blamed_and_ended(shop: Project, name: str, blamed: str) -> None:
    record = drilled(shop, name)[name]
    assert (record["on"], record["status"], record["blamed"]) == ("docker", "passed", blamed)


def test_a_service_without_the_table_is_not_broken(shop: Project) -> None:
    file = shop.root / "runbooks.toml"
    file.write_text("".join(line for line in file.read_text().splitlines(True) if not line.startswith("drill")))
    done = shop.run("runbook", "drill", "down", "--on", "docker", "--config", str(file))
    assert done.returncode == 1
    assert "has a table drill" in done.stderr
    assert not Path(shop.root / ".runbooks" / "drills").exists()
