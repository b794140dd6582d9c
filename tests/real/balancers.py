"""nginx and HAProxy of the tests' own, in front of a small application, on loopback; each is ended by its pid."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.actions.routes import serving
from tests.real.databases import free_port
from tests.real.engine import unavailable

_SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

_NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  include {folder}/conf.d/*.conf;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {backend}; }} }}
}}
"""
# The rule that docs/how-to/mitigate.md shows.
_HAPROXY = """
global
  stats socket {folder}/admin.sock level admin
  stats socket ipv4@127.0.0.1:{admin} level admin
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend shop
  bind 127.0.0.1:{port}
  stick-table type ip size 10k expire 10s store http_req_rate(1s)
  http-request track-sc0 src
  http-request set-var(req.limit) str(limit),map_str_int({folder}/limits.map,1000000)
  http-request set-var(req.over) sc_http_req_rate(0),sub(req.limit)
  http-request deny deny_status 429 if {{ var(req.over) -m int gt 0 }}
  default_backend application
backend application
  server one {backend}
"""


@dataclass(frozen=True)
class Balancer:
    """One that runs. folder: of its files."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]
    admin: int = 0


def _found(program: str) -> str:
    path = shutil.which(program, path=_SBIN)
    if path is None:
        unavailable(f"no {program}: not installed; scripts/real-parts installs what is needed")
    return str(path)


@contextmanager
def _running(argv: list[str], folder: Path, port: int, stop: signal.Signals) -> Iterator[subprocess.Popen[bytes]]:
    import socket

    with (folder / "log").open("wb") as log:
        # setpriv: it ends when pytest is killed.
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", stop.name.removeprefix("SIG"), *argv], stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 15
        while process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        else:
            raise RuntimeError((folder / "log").read_text(errors="replace")[-500:])
        yield process
    finally:
        process.send_signal(stop)
        process.wait(15)


@contextmanager
def _folder() -> Iterator[Path]:
    # A socket's path may have 108 characters; workers that are not root have to get there.
    folder = Path(tempfile.mkdtemp(prefix="rb-balancer-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def nginx() -> Iterator[Balancer]:
    """nginx, whose http block includes conf.d/*.conf of its folder."""
    program = _found("nginx")
    with ExitStack() as stack:
        folder, port = stack.enter_context(_folder()), free_port()
        (folder / "conf.d").mkdir()
        routes = stack.enter_context(serving())
        routes.statuses |= {"/": 200}
        text = _NGINX.format(folder=folder, port=port, backend=routes.url)
        (folder / "nginx.conf").write_text(text)
        argv = [program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        process = stack.enter_context(_running(argv, folder, port, signal.SIGQUIT))
        yield Balancer(f"http://127.0.0.1:{port}", folder, process)


@pytest.fixture
def haproxy() -> Iterator[Balancer]:
    """HAProxy, which reads its limit from limits.map of its folder."""
    program = _found("haproxy")
    with ExitStack() as stack:
        folder, port, admin = stack.enter_context(_folder()), free_port(), free_port()
        (folder / "limits.map").write_text("other 1\n")
        routes = stack.enter_context(serving())
        routes.statuses |= {"/": 200}
        backend = routes.url.removeprefix("http://")
        (folder / "haproxy.cfg").write_text(_HAPROXY.format(folder=folder, port=port, admin=admin, backend=backend))
        argv = [program, "-db", "-f", str(folder / "haproxy.cfg")]
        process = stack.enter_context(_running(argv, folder, port, signal.SIGTERM))
        # Its sockets get their names one after the other.
        while not (folder / "admin.sock").exists():
            time.sleep(0.02)
        yield Balancer(f"http://127.0.0.1:{port}", folder, process, admin)
