"""One look at everything: bounded in time and memory whatever hangs, and honest about what it did not see."""

from __future__ import annotations

import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from runbook_lib.config import Target, load
from runbook_lib.diagnosis import diagnose, look
from runbook_lib.diagnosis.looking import SECONDS
from runbook_lib.incident.record import declare
from runbook_lib.run.journal import Journal
from tests.bench.fleet import configuration, replicas, shop, write_log
from tests.connectors.sshd import missing, running_server, unavailable
from tests.probes.conftest import Application

pytestmark = pytest.mark.slow


@pytest.fixture
def target(tmp_path: Path) -> Callable[..., Target]:
    """An environment on this machine, in release folders; more: further tables; hosts; replicas."""
    path = shop(tmp_path)

    def make(places: list[object], more: str = "", hosts: tuple[str, ...] = ("local",)) -> Target:
        (tmp_path / "runbooks.toml").write_text(configuration(path, list(hosts), places, more))  # type: ignore[arg-type]
        return load(tmp_path / "runbooks.toml").target()

    return make


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(512)
        yield listening.getsockname()[1]


class At:
    """A place by its url."""

    def __init__(self, url: str) -> None:
        self.url = url


def stores(folder: Path, port: int) -> str:
    (folder / "database-url").write_text(f"postgresql://shop:x@127.0.0.1:{port}/shop")
    (folder / "redis-url").write_text(f"redis://127.0.0.1:{port}/0")
    return (
        'database = { kind = "pgsql", url = { file = "database-url" }, timeout = 60 }\n'
        'redis = { url = { file = "redis-url" }, timeout = 60 }\nqueues = { store = "redis" }'
    )


def test_what_is_not_configured_is_a_line_and_no_error(target: Callable[..., Target]) -> None:
    with replicas(2) as places:
        facts = look(target(places), window=0.5)
    assert not facts.impact.hurt
    assert diagnose(facts).causes == ()
    for name in ("database", "redis", "queues", "certificates"):
        assert [line for line in facts.unseen if line.startswith(f"{name}: ")]
    assert str(facts.live).startswith("v1.4.2")
    assert facts.live_since is not None
    assert facts.machines["local"].disks


def test_everything_hangs_at_once(target: Callable[..., Target], tmp_path: Path, silent: int) -> None:
    began = time.monotonic()
    facts = look(target([At(f"http://127.0.0.1:{silent}")] * 20, stores(tmp_path, silent)))
    assert time.monotonic() - began < 15
    assert facts.database is not None
    assert not facts.database.reachable
    assert facts.redis is not None
    assert not facts.redis.reachable
    assert len(facts.impact.silent) == len(facts.impact.places)
    names = [cause.name for cause in diagnose(facts).causes]
    assert {"process-hung", "database-down", "cache-down"} <= set(names)


def test_an_answer_that_drips_is_cut_off(target: Callable[..., Target]) -> None:
    application = Application()

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not application.leaving.wait(0.2):
            try:
                request.wfile.write(b"x")
            except OSError:
                return

    for path in ("/up", "/ready", "/", "/metrics"):
        application.answers[path] = drip
    began = time.monotonic()
    try:
        facts = look(target([At(application.url)]))
    finally:
        application.close()
    assert time.monotonic() - began < SECONDS + 2
    (first, *_) = diagnose(facts).causes
    assert first.name == "process-hung"


def test_nothing_is_there_at_all(target: Callable[..., Target], tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    facts = look(target([At(f"http://127.0.0.1:{port}")], stores(tmp_path, port)), window=0.5)
    names = [cause.name for cause in diagnose(facts).causes]
    assert {"process-down", "database-down", "cache-down"} <= set(names)
    assert "error-spike" not in names


def test_a_secret_that_is_not_there_is_a_line(target: Callable[..., Target], tmp_path: Path) -> None:
    with replicas(1) as places:
        more = stores(tmp_path, 1)
        (tmp_path / "database-url").unlink()
        facts = look(target(places, more), window=0.5)
    assert facts.database is None
    assert any("database: the secret file" in line for line in facts.unseen)


def test_a_gigabyte_of_hostile_log_is_not_read_whole(target: Callable[..., Target], tmp_path: Path) -> None:
    write_log(tmp_path / "shop" / "current" / "log", 1_000_000_000)
    with replicas(1) as places:
        where = target(places)
        tracemalloc.start()
        began = time.monotonic()
        facts = look(where, window=0.5)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert time.monotonic() - began < 15
    assert peak < 40 * 2**20
    assert [message.count for message in facts.messages if "order … failed" in message.text] == [50]


@pytest.mark.real
def test_hosts_that_cannot_be_reached_or_never_answer(
    target: Callable[..., Target], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason := missing():
        unavailable(reason)
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="rb-", dir="/tmp"))
    with running_server(folder) as server, replicas(1, bad=50) as places:
        server.reach(monkeypatch)
        began = time.monotonic()
        facts = look(target(places, hosts=("web-1", "nobody-there", "silent")))
    assert time.monotonic() - began < 15
    assert "web-1" in facts.machines
    assert set(facts.unreachable) == {"nobody-there", "silent"}
    assert "host-down" in [cause.name for cause in diagnose(facts).causes]


def test_the_error_rate_of_real_traffic_is_measured(target: Callable[..., Target]) -> None:
    with replicas(2, bad=30) as places:
        facts = look(target(places), window=1)
    assert facts.impact.errors
    assert facts.impact.flow is not None
    assert 0.2 < (facts.impact.flow.total.error_rate or 0) < 0.4
    assert list(facts.impact.routes_erring) == ["/"]


def test_only_the_parts_that_are_asked_for_are_looked_at(target: Callable[..., Target], tmp_path: Path) -> None:
    facts = look(target([At("http://127.0.0.1:1")], stores(tmp_path, 1)), parts={"routes"})
    assert facts.database is None
    assert facts.machines == {}
    assert facts.unseen == ()
    assert facts.impact.silent


def test_an_open_incident_is_known(target: Callable[..., Target]) -> None:
    where = target([At("http://127.0.0.1:1")])
    declare(Journal(where.state), where.label, "x", "SEV3")
    assert look(where, parts={"changes"}).incident_open
