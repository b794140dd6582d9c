"""A server whose routes answer what a test wants."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Routes:
    """statuses: of each route; every other one answers 404. secret: path that gives the cookie of maintenance mode,
    with which routes answer as if it were off."""

    url: str = ""
    secret: str = ""
    statuses: dict[str, int] = field(default_factory=lambda: {"/up": 200, "/ready": 200})


@contextmanager
def serving() -> Iterator[Routes]:
    """The routes, served on a free port of this machine."""
    routes = Routes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            cookie = "laravel_maintenance=let-in"
            if routes.secret and self.path == f"/{routes.secret}":
                self.send_response(302)
                self.send_header("Set-Cookie", f"{cookie}; path=/; httponly")
            elif cookie in self.headers.get("Cookie", ""):
                self.send_response(dict.get(routes.statuses, self.path, 404))
            else:
                self.send_response(routes.statuses.get(self.path, 404))
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    routes.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield routes
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
