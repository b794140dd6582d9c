"""The real Laravel application live in one real container, with its database in a folder of this machine."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.notebooks.conftest import Project
from tests.platforms.docker_shop import free_port, get
from tests.real import laravel_app
from tests.real.engine import Engine, unavailable
from tests.real.images import PORT


def needed() -> None:
    """Skip, or fail in CI, where the application cannot be had."""
    if reason := laravel_app.missing():
        unavailable(reason)


class LaravelContainer:
    """The shop in the container "shop", its migrations run. data: its folder, made here."""

    def __init__(self, project: Project, engine: Engine, data: Path, tag: str, env: Sequence[str] = ()) -> None:
        self.project, self.engine, self.data, self.port = project, engine, data, free_port()
        data.mkdir()
        (data / "shop.sqlite").touch()
        bindings = {f"{PORT}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(self.port)}]}
        host = {"Binds": [f"{data}:/data"], "PortBindings": bindings}
        body = {"Image": f"shop:{tag}", "HostConfig": host, "Env": list(env)}
        engine.client.start(engine.client.create_container_from_config(body, "shop")["Id"])
        self.inside("php", "artisan", "migrate", "--force")

    def configure(self, text: str) -> None:
        """Write runbooks.toml; {port}, {engine} and {data} of the text are filled in."""
        filled = text.format(port=self.port, engine=self.engine.address, data=self.data)
        (self.project.root / "runbooks.toml").write_text(filled)

    def inside(self, *argv: str) -> str:
        command = ["docker", "--host", self.engine.address, "exec", "shop", *argv]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def customer(self, column: str) -> None:
        """One customer, Ada. column: what the release calls the name."""
        self.inside(
            "php",
            "-r",
            "$db = new PDO('sqlite:/data/shop.sqlite');"
            f"$db->exec(\"INSERT INTO customers ({column}, email) VALUES ('Ada', 'ada@shop.example')\");",
        )

    def customers(self, status: int = 200) -> str:
        """What the route says once it answers so."""
        deadline = time.monotonic() + 20
        while (answer := get(self.port, "/customers"))[0] != status and time.monotonic() < deadline:
            time.sleep(0.2)
        assert answer[0] == status, answer
        return answer[1]
