"""A build of the site acts on nothing but practice: what it starts and calls is recorded, with a production at hand
that notices what is done to it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.notebooks.conftest import NOTEBOOKS
from tests.publishing.notebooks import code, notebook, project

RUNBOOK = Path(sys.executable).with_name("runbook")
PROGRAMS = ("ssh", "docker", "php", "composer", "systemctl", "psql", "mysql", "mariadb", "redis-cli", "restic", "curl")

# Python imports it in every process: it writes down each process that is started and each address that is called.
RECORDER = """
import sys

def recorded(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "socket.connect"):
        with open({file!r}, "a") as out:
            print(event, repr(arguments[:2]), file=out)

sys.addaudithook(recorded)
"""

PRODUCTION = """
[services.shop.environments.production]
platform = "git"
url = "http://127.0.0.1:{port}"

[services.shop.environments.production.git]
path = "/srv/shop"
hosts = ["deploy@web-1.example"]
restart = [["{trap}", "restart"]]
"""


@pytest.fixture
def called(tmp_path: Path) -> Path:
    """The file in which what is done to production is written down."""
    return tmp_path / "called"


@pytest.fixture
def address(called: Path) -> Iterator[int]:
    """The port of a production that writes down every request."""

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.write_text(self.path)
            self.send_error(500)

    with HTTPServer(("127.0.0.1", 0), Shop) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def environ(tmp_path: Path, called: Path) -> dict[str, str]:
    """Programs that act on machines and stores are traps."""
    traps = tmp_path / "bin"
    traps.mkdir()
    for name in PROGRAMS:
        trap = traps / name
        trap.write_text(f'#!/bin/sh\necho {name} "$@" >> {shlex.quote(str(called))}\n')
        trap.chmod(0o755)
    return {**os.environ, "PATH": f"{traps}:{RUNBOOK.parent}:{os.environ['PATH']}"}


def at_hand(root: Path, traps: Path, port: int) -> None:
    """A configuration whose production is none of practice's."""
    (root / "runbooks.toml").write_text(PRODUCTION.format(port=port, trap=traps / "ssh"))


@pytest.mark.slow
def test_a_build_starts_git_and_mkdocs_and_calls_nobody(
    tmp_path: Path, environ: dict[str, str], called: Path, address: int
) -> None:
    root = project(tmp_path / "project")
    at_hand(root, tmp_path / "bin", address)
    trapped = notebook()
    trapped["cells"].append(code(f"open({str(called)!r}, 'w')", "trap"))
    (root / "notebooks/mend.ipynb").write_text(json.dumps(trapped))
    record = tmp_path / "record"
    (tmp_path / "sitecustomize.py").write_text(RECORDER.format(file=str(record)))
    done = subprocess.run(
        [RUNBOOK, "site"], cwd=root, env={**environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not called.exists()
    started = record.read_text().splitlines()
    assert any("'mkdocs'" in line for line in started)
    assert [line for line in started if "'git'" not in line and "'mkdocs'" not in line] == []
    # What looks at production is noticed.
    subprocess.run([RUNBOOK, "check"], cwd=root, env=environ, capture_output=True, check=False)
    assert called.exists()


@pytest.mark.slow
@pytest.mark.real
def test_a_drill_leaves_the_configured_production_alone(
    tmp_path: Path, environ: dict[str, str], called: Path, address: int
) -> None:
    root = tmp_path / "project"
    shutil.copytree(NOTEBOOKS, root / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (root / ".runbooks").mkdir()
    at_hand(root, tmp_path / "bin", address)
    drill = [RUNBOOK, "drill", "bad-release"]
    done = subprocess.run(drill, cwd=root, env=environ, capture_output=True, text=True)
    subprocess.run([RUNBOOK, "practice", "stop"], cwd=root, env=environ, capture_output=True, check=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not called.exists(), called.read_text()
