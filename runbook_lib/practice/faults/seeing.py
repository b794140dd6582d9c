"""What faults look like from outside, in production."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable

from runbook_lib.practice import server
from runbook_lib.practice.deployment import ask
from runbook_lib.practice.ground import Ground, Marker, Site

TIMEOUT = 2.5
# Failed or slow requests from which on users are hurt.
ENOUGH = 3
SLOW = 0.25

_COUNTED = re.compile(r'^http_requests_total\{route="([^"]+)",status="5\d\d"\} (\d+)', re.MULTILINE)


def production(ground: Ground) -> Site:
    return ground.site("production")


def address(ground: Ground, name: str = "production") -> str:
    """The shop's url without a path. ValueError when nothing is built."""
    marker = Marker.read(ground)
    if marker is None:
        raise ValueError("there is no practice environment")
    return f"http://{server.LOOPBACK}:{marker.ports[name]}"


def route_fails(*paths: str) -> Callable[[Ground], str]:
    """Whether one of these routes does not answer 200."""

    def look(ground: Ground) -> str:
        for path in paths:
            status, body = ask(address(ground), path, TIMEOUT)
            if status != 200:
                return f"{path} answers {status or 'nothing'} {body[:80].strip()}".strip()
        return ""

    return look


def customers_fail(ground: Ground) -> str:
    """Whether customers' requests fail, as the shop itself counts them."""
    _, text = ask(address(ground), "/metrics", TIMEOUT)
    failed = {route: int(count) for route, count in _COUNTED.findall(text) if int(count) >= ENOUGH}
    return ", ".join(f"{count} requests of {route} failed" for route, count in failed.items())


def requests(ground: Ground) -> int:
    """How many requests of customers were answered since the shop started."""
    _, text = ask(address(ground), "/metrics", TIMEOUT)
    return sum(int(count) for count in re.findall(r"^http_requests_total\{[^}]*\} (\d+)", text, re.MULTILINE))


def answers_are_slow(ground: Ground) -> str:
    """Whether several answers of the home page were slow."""
    return _slow_answers(ground, "/", SLOW)


def checkouts_are_slow(ground: Ground) -> str:
    """Whether several answers of the checkout took longer than it ever takes by itself."""
    return _slow_answers(ground, "/checkout", 1.0)


def _slow_answers(ground: Ground, route: str, bound: float) -> str:
    _, text = ask(address(ground), "/metrics", TIMEOUT)
    found = re.findall(rf'_bucket\{{route="{route}",le="(?:{bound}|\+Inf)"\}} (\d+)', text)
    slow = int(found[1]) - int(found[0]) if len(found) == 2 else 0
    return f"{slow} answers of {route} took more than {bound} s" if slow >= ENOUGH else ""


def jobs_wait(ground: Ground, most: int = 200) -> str:
    """Whether more jobs wait than the configuration allows."""
    waiting = waiting_jobs(ground)
    return f"{waiting} jobs wait" if waiting > most else ""


def waiting_jobs(ground: Ground) -> int:
    marker = Marker.read(ground)
    if marker is None:
        return 0
    return int(tell(marker.ports[production(ground).store], "LLEN", "shop_queues:default") or 0)


def logged(text: str) -> Callable[[Ground], str]:
    """Whether a text stands in the shop's log."""

    def look(ground: Ground) -> str:
        try:
            lines = (production(ground).storage / "logs" / "shop.log").read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return next((line for line in lines if text in line), "")

    return look


def tell(port: int, *words: str) -> str:
    """Send one command to a cache; its answer in one line, empty when it does not answer."""
    parts = [word.encode() for word in words]
    command = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    try:
        with socket.create_connection((server.LOOPBACK, port), timeout=TIMEOUT) as connection:
            connection.settimeout(TIMEOUT)
            connection.sendall(command)
            return connection.makefile("rb").readline().decode().strip().lstrip(":+$")
    except OSError:
        return ""
