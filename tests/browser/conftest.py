"""A real browser, a served site and a real JupyterLab, all on loopback."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks.conftest import Project
from tests.notebooks.conftest import project as fresh_project
from tests.real.databases import free_port
from tests.real.engine import unavailable

__all__ = ["fresh_project"]

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
# Nothing of the browser's own calls home: there is no way out, and each try would only cost time.
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The session's browser."""
    program = shutil.which("chromium")
    if program is None:
        unavailable("no browser: chromium not found; scripts/real-parts installs what is needed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


class Page:
    """A page that notes what must not happen: errors on the console and requests to other hosts."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("console", lambda message: self._said(message))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))

    def _said(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _asked(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:")):
            self.elsewhere.append(url)


@pytest.fixture
def page(chromium: Any) -> Iterator[Page]:
    """A fresh page."""
    context = chromium.new_context(viewport={"width": 1300, "height": 1000})
    yield Page(context)
    context.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """This project's site, built and served; its address."""
    from runbook_lib.publishing.site import build

    folder = tmp_path_factory.mktemp("site")
    build(ROOT, folder)
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def running_lab(project: Project) -> Iterator[str]:
    """JupyterLab on the runbooks of a project; the address of its folder, to which a notebook's name is added."""
    port = free_port()
    options = (
        *("--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1", "--IdentityProvider.token=test"),
        *("--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
    )
    places = {f"JUPYTER_{name}_DIR": str(project.root / f".jupyter/{name.lower()}") for name in ("CONFIG", "RUNTIME")}
    # What is out of sight stays in the page, so that it can be waited for.
    settings = project.root / ".jupyter/config/lab/user-settings/@jupyterlab/notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    log = project.root / "lab.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [BIN / "jupyter", "lab", *options],
            cwd=project.notebooks,
            env=project.env(**places, JUPYTER_DATA_DIR=str(project.root / ".jupyter/data")),
            stdout=said,
            stderr=said,
        )
    try:
        _await(f"http://127.0.0.1:{port}/api?token=test", process, log)
        yield f"http://127.0.0.1:{port}/lab/tree/{{}}?token=test"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not come up:\n{log.read_text(errors='replace')[-1000:]}")


@pytest.fixture
def project(fresh_project: Project) -> Iterator[Project]:
    """A folder with the runbooks; its practice environment ends with the test."""
    yield fresh_project
    fresh_project.run("runbook", "practice", "stop")


@pytest.fixture
def lab(project: Project) -> Iterator[str]:
    """A JupyterLab of the project's own."""
    with running_lab(project) as address:
        yield address


def keep(page: Any, name: str) -> None:
    """Keep a screenshot for the documentation, where RUNBOOK_SCREENSHOTS names a folder."""
    folder = os.environ.get("RUNBOOK_SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
