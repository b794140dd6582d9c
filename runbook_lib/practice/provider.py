"""A payment provider, which is outside of what a practice shop's operators can repair. Run by path with the bare
interpreter, see runbook_lib.practice.server.

    provider.py FOLDER PORT

POST /SHOP/charge takes {"amount": cents} and answers with a number; GET /SHOP says how it is. Where there is a file
FOLDER/keys/SHOP, its key must come along to charge. A file FOLDER/out/SHOP makes it answer that shop with 503, a file
FOLDER/out/SHOP.slow makes it take its time. It ends by itself when FOLDER is gone or another.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from socketserver import TCPServer

LOOK = 2.0
# Seconds that it takes while it is slow; the shop waits for 2.
SLOW = 1.2
CHARGES = count(1)


class Handler(BaseHTTPRequestHandler):
    """One request of a shop."""

    timeout = 5
    server: Provider

    def do_GET(self) -> None:
        """How this provider is, as far as that shop is concerned."""
        self._answer(lambda: (200, {"status": "ok"}))

    def do_POST(self) -> None:
        """Charge."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(self._charge)

    def _answer(self, well: Callable[[], tuple[int, dict[str, object]]]) -> None:
        """The answer, unless this provider is out of order for that shop."""
        out = self.server.folder / "out"
        if (out / f"{self._shop}.slow").exists():
            time.sleep(SLOW)
        if (out / self._shop).exists():
            self._say(503, {"error": "upstream gateway timed out"})
        else:
            self._say(*well())

    def _charge(self) -> tuple[int, dict[str, object]]:
        try:
            key = (self.server.folder / "keys" / self._shop).read_text().strip()
        except OSError:
            key = ""
        if key and self.headers.get("Authorization") != f"Bearer {key}":
            return 401, {"error": "invalid api key"}
        return 200, {"charge": next(CHARGES)}

    @property
    def _shop(self) -> str:
        return Path(self.path.strip("/").partition("/")[0]).name

    def _say(self, status: int, body: dict[str, object]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


class Provider(ThreadingHTTPServer):
    """Listens on the loopback address."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """HTTPServer's own asks the resolver for the host's name, which can take seconds."""
        TCPServer.server_bind(self)


def main(folder: Path, port: int) -> None:
    """Serve until the folder is gone."""
    here = os.stat(folder)
    with Provider(folder, port) as provider:
        threading.Thread(target=provider.serve_forever, daemon=True).start()
        while _same(folder, here):
            time.sleep(LOOK)


def _same(folder: Path, before: os.stat_result) -> bool:
    try:
        now = os.stat(folder)
    except OSError:
        return False
    return (now.st_dev, now.st_ino) == (before.st_dev, before.st_ino)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
