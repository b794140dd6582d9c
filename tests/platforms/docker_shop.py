"""A shop in containers for the tests of the Docker platform: its target, its containers, its answers."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.config import Service, Target
from runbook_lib.platforms.base import Release, Switch
from runbook_lib.platforms.docker import DockerPlatform
from runbook_lib.run.plan import Snapshot, Step
from tests.real.engine import Engine
from tests.real.images import PORT

RUN = "20250102-030405-ab12"


def target(engine: str, within: float = 5, **docker: Any) -> Target:
    """shop/production in containers, found by the name "shop" unless said otherwise."""
    if not {"label", "project"} & set(docker):
        docker.setdefault("container", "shop")
    environment = {
        "platform": "docker",
        "url": "http://127.0.0.1:8080",
        "docker": {"image": "shop", "engine": engine, "stop_timeout": 3, **docker},
        "checks": {"within": within},
    }
    service = Service.model_validate({"environments": {"production": environment}})
    return Target("shop", "production", service.environments["production"], service, Path("/"), Path("/nowhere"))


@dataclass
class Shop:
    """One engine with images of the shop. images: id of each tag."""

    engine: Engine
    images: dict[str, str]

    def platform(self, **docker: Any) -> DockerPlatform:
        return DockerPlatform(target(docker.pop("engine", self.engine.address), **docker))

    def release(self, tag: str) -> Release:
        return Release(tag, self.images[tag])

    def start(
        self,
        tag: str = "v2",
        name: str = "shop",
        port: int | None = None,
        host: dict[str, Any] | None = None,
        **body: Any,
    ) -> str:
        """Run a container; port: of this machine, published. Returns its id."""
        bindings = {f"{PORT}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]} if port else {}
        config = {"Image": f"shop:{tag}", **body, "HostConfig": {"PortBindings": bindings, **(host or {})}}
        made = self.engine.client.create_container_from_config(config, name)["Id"]
        self.engine.client.start(made)
        return str(made)

    def inspect(self, container: str = "shop") -> dict[str, Any]:
        return dict(self.engine.client.inspect_container(container))

    def names(self) -> set[str]:
        return {item["Names"][0].removeprefix("/") for item in self.engine.client.containers(all=True)}


def carry_out(steps: Sequence[Step]) -> None:
    for step in steps:
        step.do()
        assert step.done() is True, step.id


def switch(platform: DockerPlatform, release: Release, readings: Snapshot | None = None) -> Switch:
    return platform.switch(release, readings or platform.readings(release), "production", RUN)


def get(port: int, path: str = "/version", patience: float = 3) -> tuple[int, str]:
    """Status and text of an answer; waits until there is one."""
    deadline = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode().strip()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode().strip()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
