"""A real Laravel application with a worker under a supervisor, its queue and cache in a real Redis."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.levers.mitigating import KEY, Project
from tests.real import databases
from tests.real.databases import RedisServer

QUEUE = "shop_database_queues:default"
# What systemd or supervisord do: whoever ends is started again, unless it is to be halted.
SUPERVISOR = """
while [ ! -e "$1/stop" ]; do
  if [ -e "$1/halted" ]; then sleep 0.1; continue; fi
  php artisan queue:work redis --sleep=0.2 --tries=1 --name="$2"
  sleep 0.2
done
"""
_JOB = 'O:19:"App\\Jobs\\PlaceOrder":1:{s:6:"number";s:3:"O-1";}'


@dataclass
class Working:
    """client: of the Redis that holds the jobs. folder: where `stop` and `halted` are; name: of the worker."""

    project: Project
    client: redis.Redis
    folder: Path
    name: str

    def push(self, count: int) -> None:
        pipeline = self.client.pipeline(transaction=False)
        for number in range(count):
            data = {"commandName": "App\\Jobs\\PlaceOrder", "command": _JOB}
            payload = {"uuid": f"{number}-{time.time_ns()}", "displayName": "App\\Jobs\\PlaceOrder", "attempts": 0}
            payload |= {"job": "Illuminate\\Queue\\CallQueuedHandler@call", "id": str(number), "data": data}
            pipeline.rpush(QUEUE, json.dumps(payload))
        pipeline.execute()

    @property
    def waiting(self) -> int:
        return int(self.client.llen(QUEUE))

    def pids(self) -> set[str]:
        found = subprocess.run(["pgrep", "-f", f"name={self.name}$"], capture_output=True, text=True, check=False)
        return set(found.stdout.split())

    def comes(self, wanted: bool) -> None:
        """Wait until a worker runs, or none."""
        deadline = time.monotonic() + 20
        while bool(self.pids()) is not wanted:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@contextmanager
def working(
    project: Project, application: Path, server: RedisServer, levers: str, *, supervised: bool = True
) -> Iterator[Working]:
    """The application, configured in a project; the worker runs from start to end. levers: %NAME% is the worker's name,
    %FOLDER% the folder of `halted`."""
    number, name = server.fresh(7), f"w{os.getpid()}-{time.time_ns()}"
    database = databases.sqlite(project.root)
    env = {**database.env, **server.env(number), "CACHE_DRIVER": "redis", "QUEUE_CONNECTION": "redis"}
    subprocess.run(
        ["php", "artisan", "migrate", "--force"], cwd=application, env={**os.environ, **env}, check=True, timeout=60,
        capture_output=True,
    )  # fmt: skip
    os.environ["WORKING_REDIS"] = f"redis://127.0.0.1:{server.port}/{number}"
    variables = ", ".join(f"{key} = {json.dumps(value)}" for key, value in env.items())
    head = f"""
[{KEY}]
platform = "git"
url = "{project.routes.url}"
git = {{ path = "{application}", env = {{ {variables} }} }}
laravel = {{ database = "sqlite" }}
approval.policy = "none"
checks.within = 3
redis = {{ url = {{ env = "WORKING_REDIS" }}, prefix = "shop_database_" }}
queues = {{ store = "redis" }}
"""
    project.configure(levers.replace("%NAME%", name).replace("%FOLDER%", str(project.root)), head=head)
    argv = ["sh", "-c", SUPERVISOR, "supervisor", str(project.root), name]
    process = None
    if supervised:
        process = subprocess.Popen(
            argv, cwd=application, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    client = redis.Redis(port=server.port, db=number)
    made = Working(project, client, project.root, name)
    try:
        if supervised:
            made.comes(True)
        yield made
    finally:
        (project.root / "stop").touch()
        for pid in made.pids():
            os.kill(int(pid), 9)
        if process is not None:
            process.wait(10)
        del os.environ["WORKING_REDIS"]
