"""Readings over HTTP: is it up, is it ready, does the business work, which version answers."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from html import unescape
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from runbook_lib.command import mask, printable
from runbook_lib.config import Environment, Smoke

# Headers to ask each place with, by its base url: what lets in where an application is closed.
Keys = Mapping[str, Mapping[str, str]]

BODY_LIMIT = 1_000_000
AT_ONCE = 8


@dataclass(frozen=True)
class Reading:
    """What a probe saw and what it was held against.

    name: of the check ("/ready", "checkout"); place: url it was asked at; ok: within tolerance; saw: in words;
    seconds: how long the answer took; status: of HTTP, 0 when there was no answer; at: Unix time.
    """

    name: str
    place: str
    ok: bool
    saw: str
    seconds: float
    status: int = 0
    at: float = 0.0

    @property
    def failed_request(self) -> bool:
        """Whether a user would have seen an error: no answer, or 5xx."""
        return self.status == 0 or self.status >= 500

    @property
    def unanswered(self) -> bool:
        """Whether nobody answered, or a proxy says that nobody behind it does."""
        return self.status in (0, 502, 504) or (self.status == 503 and "no server is available" in self.saw.lower())

    @property
    def late(self) -> bool:
        """Whether no answer came in time, here or to a proxy."""
        return self.status == 504 or self.saw.startswith("no answer within")

    def __str__(self) -> str:
        return f"{self.name} at {self.place}: {self.saw}"


@dataclass(frozen=True)
class Route:
    """One request and what the answer must be. version: names of the release, one of which the answer must hold;
    headers: names and values that it must have."""

    name: str
    path: str
    method: str = "GET"
    status: int = 200
    contains: str = ""
    version: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, smoke: Smoke) -> Route:
        return cls(smoke.name, smoke.path, smoke.method, smoke.status, smoke.contains)


def routes(environment: Environment, version: Sequence[str] = ()) -> list[Route]:
    """The routes that an environment's health is read from; with `version`, its version route too."""
    checks = environment.checks
    found = [Route(checks.up, checks.up), Route(checks.ready, checks.ready), *map(Route.of, checks.smoke)]
    if checks.version and version:
        found.append(Route(checks.version, checks.version, version=tuple(version)))
    return found


def places(environment: Environment) -> list[str]:
    """The base urls to ask: as users reach it, then each replica."""
    return [environment.url, *environment.replica_urls]


@dataclass(frozen=True)
class Answer:
    """What came back. headers: found whatever their case."""

    status: int
    body: str
    headers: Mapping[str, str]


class Client:
    """Asks routes, each request bounded in time and size. timeout: seconds for one request as a whole."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    def ask(self, base: str, route: Route, headers: Mapping[str, str] = {}) -> Reading:
        """One reading; whatever goes wrong with the request is a reading too."""
        at, started = time.time(), time.monotonic()
        try:
            answer = self._fetch(route.method, base.rstrip("/") + route.path, started, headers)
        except requests.RequestException as error:
            seconds = time.monotonic() - started
            return Reading(route.name, base, False, no_answer(error, seconds), seconds, 0, at)
        seconds = time.monotonic() - started
        wrong = _wrong(route, answer)
        return Reading(route.name, base, not wrong, wrong or str(answer.status), seconds, answer.status, at)

    def text(self, url: str) -> str:
        """The body of a page with status 200. requests.RequestException otherwise."""
        answer = self._fetch("GET", url, time.monotonic())
        if answer.status != 200:
            raise requests.HTTPError(f"{url} answered {answer.status}")
        return answer.body

    def answer(self, url: str, headers: Mapping[str, str] = {}) -> Answer:
        """The answer to one GET with further headers; a redirect is not followed. requests.RequestException when there
        is none."""
        return self._fetch("GET", url, time.monotonic(), headers)

    def all(self, bases: Sequence[str], asked: Sequence[Route], keys: Keys | None = None) -> list[Reading]:
        """Every route at every base url, several at once, in order. keys: to be let in with."""
        wanted = [(base, route, (keys or {}).get(base, {})) for base in bases for route in asked]
        with ThreadPoolExecutor(min(AT_ONCE, len(wanted) or 1)) as pool:
            return list(pool.map(lambda one: self.ask(*one), wanted))

    def _fetch(self, method: str, url: str, started: float, headers: Mapping[str, str] = {}) -> Answer:
        # An adapter of its own for each request: no proxy of the environment, no cookie, no redirect is followed.
        request = requests.Request(method, url, {**requests.utils.default_headers(), **headers}).prepare()
        with BoundedAdapter(started + self._timeout - time.monotonic()) as adapter:
            try:
                answer = adapter.send(request, stream=True, timeout=self._timeout)
                with answer:
                    body = _body(answer)
                if adapter.over:
                    # What was cut off without a stated length looks complete.
                    raise requests.Timeout
                return Answer(answer.status_code, body, answer.headers)
            except (OSError, urllib3.exceptions.HTTPError) as error:
                if adapter.over:
                    raise requests.Timeout(f"no complete answer within {self._timeout:g} s") from error
                if isinstance(error, requests.RequestException):
                    raise
                raise requests.ConnectionError(error) from error


class BoundedAdapter(HTTPAdapter):
    """Ends its one request after some seconds, whatever the server does. The timeout of requests is for one read:
    an answer that drips would never end."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.over = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(max(0.0, seconds), self._cut_off)

    def __enter__(self) -> BoundedAdapter:
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        self.close()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = partial(self._connection, pool.ConnectionCls)
        return pool

    def _connection(self, kind: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """A connection that leaves a second descriptor of its socket here once it stands."""
        connection = kind(*args, **kwargs)
        connect = connection.connect

        def connect_and_keep() -> None:
            connect()
            self._socket = socket.socket(fileno=os.dup(connection.sock.fileno()))
            if self.over:
                self._cut_off()

        connection.connect = connect_and_keep
        return connection

    def _cut_off(self) -> None:
        self.over = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        super().close()
        if self._socket is not None:
            self._socket.close()


def _body(answer: requests.Response) -> str:
    """The beginning of the body."""
    body = bytearray()
    for chunk in iter(partial(answer.raw.read, 65_536, decode_content=True), b""):
        body += chunk
        if len(body) > BODY_LIMIT:
            break
    return body.decode("utf-8", "replace")


def _wrong(route: Route, answer: Answer) -> str:
    """What is wrong with an answer, or an empty string."""
    status, body = answer.status, answer.body
    if status != route.status:
        leads = f" to {location}" if (location := answer.headers.get("Location")) else ""
        return printable(mask(f"{status}{leads} instead of {route.status}: {readable(body)}"), 160)
    if route.contains and route.contains not in body:
        return f"{status}, but without {route.contains!r}"
    for name, value in route.headers:
        if answer.headers.get(name) != value:
            return f"{status}, but {name} is {printable(str(answer.headers.get(name)), 40)} instead of {value}"
    if route.version and not any(names(body, version) for version in route.version):
        return f"{status}, but names {printable(mask(body.strip()), 80)!r} instead of {route.version[0]}"
    return ""


def readable(body: str) -> str:
    """What a body says to a person: of HTML its words."""
    if not body.lstrip().startswith("<"):
        return body.strip()
    words = re.sub(r"(?is)<(script|style)\b.*?(</\1\s*>|$)|<[^<>]*>", " ", body)
    return " ".join(unescape(words).split())


def names(text: str, version: str) -> bool:
    """Whether a text holds a version as a word: v1.4.2 is not in v1.4.20."""
    return bool(version) and re.search(rf"(?<![\w.-]){re.escape(version)}(?![\w-]|\.\w)", text) is not None


def no_answer(error: requests.RequestException, seconds: float) -> str:
    """Why a request was not answered, in words. seconds: that it took."""
    if isinstance(error, requests.Timeout):
        return f"no answer within {seconds:.1f} s"
    reason = str(getattr(error.args[0], "reason", error) if error.args else error)
    return "no answer: " + printable(mask(reason.rpartition(": ")[2]), 120)
