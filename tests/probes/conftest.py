"""A real HTTP server on the loopback address, as the application that is probed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Answer = tuple[int, str] | Callable[[BaseHTTPRequestHandler], None]


class Application:
    """Answers routes as it is told: status and body, or a function that gets the request's handler."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {"/up": (200, "up"), "/ready": (200, "ready")}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.leaving = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        # Who asks may leave in the middle of an answer.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def count(self, path: str) -> int:
        return sum(1 for _, asked, _ in self.asked if asked == path)

    def close(self) -> None:
        self.leaving.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        application = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                application.asked.append((self.command, self.path, dict(self.headers)))
                answer = application.answers.get(self.path, (404, "not found"))
                if callable(answer):
                    answer(self)
                    return
                status, body = answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body.encode())

            do_POST = do_HEAD = do_GET  # noqa: N815

            def log_message(self, *words: Any) -> None:
                pass

        return Handler


@pytest.fixture
def application() -> Iterator[Application]:
    application = Application()
    yield application
    application.close()
