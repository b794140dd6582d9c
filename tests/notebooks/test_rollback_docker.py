"""rollback.ipynb on real containers of a real engine: what is served at the end is what counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.notebooks.conftest import Project
from tests.platforms.docker_shop import free_port, get
from tests.real.engine import Engine
from tests.real.images import PORT, Behaviour, build_image

pytestmark = [pytest.mark.real, pytest.mark.slow]

CONFIGURATION = """
[services.shop.environments.{name}]
platform = "docker"
url = "http://127.0.0.1:{port}"
staging = "{staging}"
approval.policy = "none"
observation = {{ window = {window}, interval = 0.2 }}
checks = {{ within = 2, version = "/version", smoke = [{{ name = "checkout", path = "/checkout" }}] }}
docker = {{ image = "shop", container = "shop-{name}", engine = "{engine}", stop_timeout = 2 }}
"""


class Shop:
    """The shop live on v2 in staging and production. ports, containers: by environment."""

    def __init__(self, project: Project, engine: Engine) -> None:
        self.project, self.engine = project, engine
        self.ports = {name: free_port() for name in ("staging", "production")}
        self.containers = {name: self._start(name) for name in self.ports}
        self.configure(0)

    def image(self, tag: str, behaviour: Behaviour = "good") -> str:
        return build_image(self.engine.client, "shop", tag, behaviour, files={"/www/version": tag})

    def _start(self, name: str) -> str:
        self.image("v2")
        body = {
            "Image": "shop:v2",
            "HostConfig": {
                "PortBindings": {f"{PORT}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(self.ports[name])}]}
            },
        }
        made = self.engine.client.create_container_from_config(body, f"shop-{name}")["Id"]
        self.engine.client.start(made)
        return str(made)

    def configure(self, window: float) -> None:
        tables = [
            CONFIGURATION.format(
                name=name,
                port=port,
                staging="staging" * (name == "production"),
                engine=self.engine.address,
                window=window,
            )
            for name, port in self.ports.items()
        ]
        (self.project.root / "runbooks.toml").write_text("".join(tables))

    def served(self) -> dict[str, tuple[int, str]]:
        return {name: get(port) for name, port in self.ports.items()}

    def live(self, name: str) -> dict[str, Any]:
        return dict(self.engine.client.inspect_container(f"shop-{name}"))

    def names(self) -> set[str]:
        return {item["Names"][0].removeprefix("/") for item in self.engine.client.containers(all=True)}


@pytest.fixture
def shop(project: Project, engine: Engine) -> Iterator[Shop]:
    yield Shop(project, engine)
    engine.clear()


def test_from_v2_to_v1_through_staging(shop: Shop) -> None:
    v1 = shop.image("v1")
    done = shop.project.rollback("tag", "v1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.served() == {"staging": (200, "v1"), "production": (200, "v1")}
    assert shop.live("production")["Image"] == v1
    assert shop.names() == {"shop-staging", "shop-production"}
    sections = [event["data"]["section"] for event in shop.project.record()["events"] if event["kind"] == "verified"]
    assert sections == ["staging", "production"]


@pytest.mark.parametrize("behaviour", ["unready", "failing", "exits", "unstartable"])
def test_a_broken_target_is_left_again_in_staging_and_production_is_not_touched(
    shop: Shop, behaviour: Behaviour
) -> None:
    shop.image("v1", behaviour)
    done = shop.project.rollback("tag", "v1")
    assert done.returncode == 1
    assert "what served before serves again" in done.stderr + done.stdout
    assert shop.served() == {"staging": (200, "v2"), "production": (200, "v2")}
    assert {name: shop.live(name)["Id"] for name in shop.containers} == shop.containers
    assert shop.names() == {"shop-staging", "shop-production"}
    assert shop.project.last_run()["status"] == "failed"


def test_dry_run_touches_nothing(shop: Shop) -> None:
    shop.image("v1")
    done = shop.project.rollback("tag", "v1", "dry_run", "true")
    assert done.returncode == 0
    assert {name: shop.live(name)["Id"] for name in shop.containers} == shop.containers
    assert shop.names() == {"shop-staging", "shop-production"}
    assert shop.project.last_run()["status"] == "planned"


def test_a_missing_image_is_refused_with_the_nearest(shop: Shop) -> None:
    shop.image("v1.0")
    done = shop.project.rollback("tag", "v1.00")
    assert done.returncode == 1
    assert "v1.0" in done.stderr
    assert {name: shop.live(name)["Id"] for name in shop.containers} == shop.containers


def test_an_engine_that_does_not_run_is_named(shop: Shop) -> None:
    file = shop.project.root / "runbooks.toml"
    file.write_text(file.read_text().replace(shop.engine.address, "unix:///nowhere/docker.sock"))
    done = shop.project.rollback("tag", "v1")
    assert done.returncode == 1
    assert "/nowhere/docker.sock" in done.stderr
    assert "Traceback" not in done.stderr
