"""`make bench`: the guarded rollback against a bare script, a dry run against an empty notebook, and memory.

Whole processes, each pair in turn in one run; the ratios are the claim, the seconds depend on the machine.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.real.engine import Engine, missing, running_engine
from tests.real.images import PORT, build_image

ROUNDS = int(os.environ.get("ROUNDS", "5"))
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "rollback.ipynb"
PORTS = {"staging": 18481, "production": 18482}

# What people do by hand: stop, run the other image, poll /up and /ready. $1 is the version.
BARE = """
roll() {
  docker stop -t 10 "shop-$1" >/dev/null && docker rm "shop-$1" >/dev/null
  docker run -d --name "shop-$1" -p "127.0.0.1:$2:%d" "shop:$3" >/dev/null
  for route in up ready; do until curl -fs "http://127.0.0.1:$2/$route" >/dev/null; do sleep 0.05; done; done
}
roll staging %d "$1" && roll production %d "$1"
""" % (PORT, PORTS["staging"], PORTS["production"])  # noqa: UP031 - braces of the shell

ENVIRONMENT = """
[services.shop.environments.{name}]
platform = "docker"
url = "http://127.0.0.1:{port}"
staging = "{staging}"
approval.policy = "none"
observation.window = 0
docker = {{ image = "shop", container = "shop-{name}", engine = "{engine}" }}
"""

EMPTY = {
    "cells": [
        {"cell_type": "code", "id": "empty", "metadata": {}, "source": "", "outputs": [], "execution_count": None}
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def main() -> int:
    reason = missing()
    if reason:
        print(reason, file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="runbook-bench-"))
    try:
        with running_engine() as engine:
            prepare(folder, engine)
            report(
                "guarded rollback / bare script",
                *pairs(lambda n: guarded(folder, n), lambda n: bare(folder, engine, n)),
            )
            report("dry run / empty notebook", *pairs(lambda n: dry_run(folder, n), lambda n: empty(folder)))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(
            f"{'memory of the largest process':<34} {peak:6.0f} MiB   (aim: under 250; dockerd's children counted too)"
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def prepare(folder: Path, engine: Engine) -> None:
    """Two containers on v2, and the configuration that names them."""
    for tag in ("v1", "v2"):
        build_image(engine.client, "shop", tag)
    for name, port in PORTS.items():
        command = ["docker", "-H", engine.address, "run", "-d", "--name", f"shop-{name}"]
        subprocess.run([*command, "-p", f"127.0.0.1:{port}:{PORT}", "shop:v2"], check=True, capture_output=True)
    (folder / "runbooks.toml").write_text(
        "".join(
            ENVIRONMENT.format(name=name, port=port, engine=engine.address, staging="staging" * (name == "production"))
            for name, port in PORTS.items()
        )
    )
    shutil.copy(NOTEBOOK, folder)
    (folder / "empty.ipynb").write_text(json.dumps(EMPTY))
    (folder / "bare.sh").write_text(BARE)


def guarded(folder: Path, number: int) -> float:
    """A rollback with everything on; between v1 and v2 and back, so each round takes the mark of the last away."""
    tag = ("v1", "v2")[number % 2]
    if number:
        subprocess.run(
            ["runbook", "mark", tag, "good", "--reason", "bench"], cwd=folder, check=True, capture_output=True
        )
    return timed(["papermill", "rollback.ipynb", "-p", "tag", tag], folder)


def bare(folder: Path, engine: Engine, number: int) -> float:
    tag = ("v1", "v2")[number % 2]
    other = ("v2", "v1")[number % 2]
    env = {**os.environ, "DOCKER_HOST": engine.address}
    timed(["sh", "bare.sh", other], folder, env)
    return timed(["sh", "bare.sh", tag], folder, env)


def dry_run(folder: Path, number: int) -> float:
    tag = ("v2", "v1")[(ROUNDS - 1) % 2]
    subprocess.run(["runbook", "mark", tag, "good", "--reason", "bench"], cwd=folder, check=True, capture_output=True)
    return timed(["papermill", "rollback.ipynb", "-p", "tag", tag, "-p", "dry_run", "true"], folder)


def empty(folder: Path) -> float:
    return timed(["papermill", "empty.ipynb", "out.ipynb"], folder)


def timed(argv: list[str], folder: Path, env: dict[str, str] | None = None) -> float:
    started = time.monotonic()
    done = subprocess.run(
        argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - started
    if done.returncode:
        raise SystemExit(f"{argv} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return seconds


def pairs(ours: Callable[[int], float], theirs: Callable[[int], float]) -> tuple[list[float], list[float]]:
    measured = [(ours(number), theirs(number)) for number in range(ROUNDS)]
    return [a for a, _ in measured], [b for _, b in measured]


def report(what: str, ours: list[float], theirs: list[float]) -> None:
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        f"{what:<34} {statistics.median(ratios):6.2f} x     median {statistics.median(ours):.2f} s"
        f" against {statistics.median(theirs):.2f} s, ratios {ratios[0]:.2f} to {ratios[-1]:.2f}, {len(ours)} rounds"
    )


if __name__ == "__main__":
    sys.exit(main())
