"""A service on many hosts for benches and tests: one ssh server under many names, one log of any length, replicas."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CONFIGURATION = """
[services.shop.environments.production]
platform = "git"
url = "{url}"
replica_urls = [{replicas}]
approval.policy = "none"
checks.smoke = [{{ name = "home page", path = "/" }}]
checks.timeout = 5
observation.metrics = "/metrics"
git = {{ layout = "releases", path = "{path}", repository = "{path}/repository", hosts = [{hosts}], logs = ["log"] }}
{more}
"""

METRICS = """# TYPE http_requests_total counter
http_requests_total{{route="/",status="200"}} {good}
http_requests_total{{route="/",status="500"}} {bad}
"""


@dataclass
class Replica:
    """A server that answers each request as it is told. bad: requests of hundred that fail by its metrics."""

    server: ThreadingHTTPServer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def replicas(count: int, bad: int = 0) -> Iterator[list[Replica]]:
    """So many servers that run in this process."""
    began = time.monotonic()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests = int((time.monotonic() - began) * 100)
            good, failed = requests * (100 - bad) // 100, requests * bad // 100
            body = (METRICS.format(good=good, bad=failed) if self.path == "/metrics" else "well").encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: Any) -> None:
            pass

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(count)]
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield [Replica(server) for server in servers]
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def shop(folder: Path, tag: str = "v1.4.2") -> Path:
    """A shop in release folders, as a deployment leaves it; the folder."""
    path = folder / "shop"
    repository = path / "repository"
    repository.mkdir(parents=True)
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for who in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{who}_NAME": "Shop team", f"GIT_{who}_EMAIL": "team@shop.example"}

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=repository, env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet")
    (repository / "VERSION").write_text(tag)
    git("add", ".")
    git("commit", "--quiet", "-m", tag)
    git("tag", tag)
    release = path / "releases" / tag
    release.mkdir(parents=True)
    (release / "REVISION").write_text(git("rev-parse", "HEAD"))
    (path / "current").symlink_to(release)
    return path


def write_log(file: Path, size: int, hostile: bool = True) -> None:
    """A log of so many bytes: everyday lines, errors, binary, and lines of a megabyte without end."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 60))
    usual = b"".join(b"%s.%03dZ INFO order %d placed\n" % (moment.encode(), n % 1000, n) for n in range(20_000))
    errors = b"".join(b"%s.%03dZ ERROR order %d failed\n" % (moment.encode(), n, n) for n in range(50))
    binary = os.urandom(200_000) + b"\n" + b"ERROR " + b"x" * 1_000_000 + b"\x1b[2J<script>\n"
    block = usual + errors + (binary if hostile else b"")
    with file.open("wb") as log:
        while log.tell() < size:
            log.write(block)
        log.write(errors)


def configuration(path: Path, hosts: list[str], places: list[Replica], more: str = "") -> str:
    """A runbooks.toml for it."""

    def quoted(words: list[str]) -> str:
        return ", ".join(f'"{word}"' for word in words)

    urls = [place.url for place in places]
    return CONFIGURATION.format(url=urls[0], replicas=quoted(urls), path=path, hosts=quoted(hosts), more=more)
