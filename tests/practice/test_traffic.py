"""The synthetic traffic."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runbook_lib.practice import server, traffic

SEEN: Counter[str] = Counter()


class Recorder(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        SEEN[f"{self.command} {self.path.partition('?')[0]}"] += 1
        self.send_response(500)
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - the name that http.server calls

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shop_port() -> Iterator[int]:
    SEEN.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as shop:
        threading.Thread(target=shop.serve_forever, kwargs={"poll_interval": 0.02}).start()
        yield shop.server_port
        shop.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "lease").touch()
    yield tmp_path
    if tmp_path.exists():
        server.stop(tmp_path / "traffic.lock")


def started(folder: Path, *ports: int) -> int:
    argv = [sys.executable, "-I", "-S", server.__file__, "traffic", str(folder), *map(str, ports)]
    subprocess.run(argv, check=True)
    pid = server.holder(folder / "traffic.lock")
    assert pid is not None
    return pid


def gone(folder: Path, within: float) -> bool:
    deadline = time.monotonic() + within
    while server.holder(folder / "traffic.lock") is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.slow
def test_about_eight_requests_a_second_of_which_a_third_checks_out(folder: Path, shop_port: int) -> None:
    started(folder, shop_port)
    time.sleep(3)
    server.stop(folder / "traffic.lock")
    assert 18 <= SEEN.total() <= 30
    assert 0.2 < SEEN["POST /checkout"] / SEEN.total() < 0.45


@pytest.mark.slow
def test_a_shop_that_is_down_does_not_end_it(folder: Path, shop_port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        nobody = probe.getsockname()[1]
    pid = started(folder, nobody, shop_port)
    time.sleep(1.5)
    assert server.holder(folder / "traffic.lock") == pid
    assert SEEN.total() > 5


@pytest.mark.slow
def test_it_ends_when_its_folder_is_gone(folder: Path, shop_port: int) -> None:
    started(folder, shop_port)
    lock = os.open(folder / "traffic.lock", os.O_RDONLY)
    shutil.rmtree(folder)
    try:
        deadline = time.monotonic() + 5
        while not server._locked(lock, fcntl.LOCK_EX) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert server._locked(lock, fcntl.LOCK_EX)
    finally:
        os.close(lock)


@pytest.mark.slow
def test_it_ends_when_its_lease_is_over(folder: Path, shop_port: int) -> None:
    started(folder, shop_port)
    long_ago = time.time() - traffic.LEASE_HOURS * 3600 - 1
    os.utime(folder / "lease", (long_ago, long_ago))
    assert gone(folder, within=5)


def test_a_second_start_leaves_the_first_alone(folder: Path, shop_port: int) -> None:
    assert started(folder, shop_port) == started(folder, shop_port)


@pytest.mark.slow
def test_it_takes_almost_no_processor_time(folder: Path, shop_port: int) -> None:
    pid = started(folder, shop_port, shop_port)
    time.sleep(0.5)
    before = processor_seconds(pid)
    time.sleep(3)
    assert processor_seconds(pid) - before < 0.2


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
