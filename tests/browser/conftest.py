"""A real browser, a served site and a real JupyterLab, all on loopback."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
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

from tests.notebooks.conftest import NOTEBOOKS, Project
from tests.real.databases import free_port
from tests.real.engine import unavailable

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
# Nothing of the browser's own calls home: there is no way out, and each try would only cost time.
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@contextmanager
def browsing() -> Iterator[Any]:
    """The system's Chromium, without a window."""
    program = shutil.which("chromium")
    if program is None:
        unavailable("no browser: chromium not found; scripts/real-parts installs what is needed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The session's browser."""
    with browsing() as browser:
        yield browser


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


def grave_findings(page: Any, within: str = "html") -> list[tuple[str, str]]:
    """What axe finds serious or critical on a page, in the parts that a CSS selector names: rule and element."""
    from axe_playwright_python.sync_playwright import Axe

    # Axe takes all text in a body without height for clipped, such as JupyterLab's, and does not judge its contrast.
    page.evaluate("document.body.style.height = '100vh'")
    found = Axe().run(page, context={"include": [within]}).response["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    return [(one["id"], node["html"]) for one in grave for node in one["nodes"]]


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Page]:
    """A fresh page; how it looked in the end is kept among the test's files."""
    context = chromium.new_context(viewport={"width": 1300, "height": 1000})
    opened = Page(context)
    yield opened
    opened.page.screenshot(path=str(tmp_path / "last.png"))
    context.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_words: object) -> None:
        pass


@contextmanager
def served_site(folder: Path) -> Iterator[str]:
    """This project's site, built into a folder and served; its address."""
    from runbook_lib.publishing.site import build

    build(ROOT, folder)
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """This project's site; its address."""
    with served_site(tmp_path_factory.mktemp("site")) as address:
        yield address


@contextmanager
def running_lab(folder: Path, bin_: Path = BIN) -> Iterator[str]:
    """A JupyterLab on a folder, with nothing of this user's settings; its address. bin_: where its programs are."""
    port = free_port()
    options = (
        *("--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1", "--IdentityProvider.token=test"),
        *("--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
    )
    kept = folder / ".jupyter"
    places = {f"JUPYTER_{name}_DIR": str(kept / name.lower()) for name in ("CONFIG", "RUNTIME", "DATA")}
    _settle(kept / "config/lab/user-settings/@jupyterlab")
    path = f"{bin_}:{os.environ['PATH']}"
    log = folder / "lab.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [bin_ / "jupyter", "lab", *options],
            cwd=folder,
            env={**os.environ, "PATH": path, **places, "IPYTHONDIR": str(kept / "ipython")},
            stdout=said,
            stderr=said,
        )
    try:
        _await(f"http://127.0.0.1:{port}/api?token=test", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _settle(settings: Path) -> None:
    """What is out of sight stays in the page, so that it can be waited for; nothing asks about news."""
    for name, text in (
        ("notebook-extension/tracker", '{"windowingMode": "none"}'),
        ("apputils-extension/notification", '{"fetchNews": "false"}'),
    ):
        file = settings / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(text)


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not come up:\n{log.read_text(errors='replace')[-1000:]}")


@pytest.fixture(scope="session")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder whose projects are open in a JupyterLab, and its address."""
    folder = tmp_path_factory.mktemp("desks")
    with running_lab(folder) as address:
        yield folder, address


@pytest.fixture
def project(desks: tuple[Path, str], request: pytest.FixtureRequest) -> Iterator[Project]:
    """A project of the test's own in that folder; its practice environment ends with the test."""
    with working_at(desks[0] / re.sub(r"\W", "_", request.node.name), desks[1]) as made:
        yield made


@contextmanager
def working_at(root: Path, address: str) -> Iterator[Project]:
    """A project in that folder, open in a JupyterLab at that address, whose kernels and practice environment end with
    it."""
    shutil.copytree(NOTEBOOKS, root / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (root / ".runbooks").mkdir()
    made = Project(root)
    try:
        yield made
    finally:
        end_kernels(address)
        made.run("runbook", "practice", "stop")


def end_kernels(address: str) -> None:
    """End every kernel of a notebook server."""
    headers = {"Authorization": "token test"}
    with urllib.request.urlopen(urllib.request.Request(f"{address}/api/kernels", headers=headers), timeout=30) as found:
        kernels = [kernel["id"] for kernel in json.load(found)]
    for kernel in kernels:
        request = urllib.request.Request(f"{address}/api/kernels/{kernel}", headers=headers, method="DELETE")
        urllib.request.urlopen(request, timeout=30).close()
