"""A payment provider, which is outside of what a practice shop's operators can repair. Run by path with the bare
interpreter, see runbook_lib.practice.server.

    provider.py FOLDER PORT

POST /SHOP/charge takes {"amount": cents} and answers with a number. A file FOLDER/out/SHOP makes it answer that shop
with 503 instead. It ends by itself when FOLDER is gone or another.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from socketserver import TCPServer

LOOK = 2.0
CHARGES = count(1)


class Handler(BaseHTTPRequestHandler):
    """One request of a shop."""

    timeout = 5
    server: Provider

    def do_POST(self) -> None:
        """Charge, unless this provider is out of order for that shop."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        shop = Path(self.path.strip("/").partition("/")[0]).name
        if (self.server.folder / "out" / shop).exists():
            self._say(503, {"error": "upstream gateway timed out"})
        else:
            self._say(200, {"charge": next(CHARGES)})

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
