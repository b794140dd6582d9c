"""Starting and stopping of detached processes, with a shop of a few lines."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.practice import server

SHOP = """
import os, socket, sys
listening = socket.create_server(("127.0.0.1", int(os.environ["SHOP_PORT"])))
while True:
    connection, _ = listening.accept()
    connection.recv(1000)
    connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
    connection.close()
"""
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SHOP


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "run").mkdir()
    (tmp_path / "shared" / "storage").mkdir(parents=True)
    release(tmp_path, "one", SHOP)
    yield tmp_path
    server.stop(tmp_path / "run" / "shop.lock")


def release(site: Path, name: str, code: str) -> None:
    folder = site / "releases" / name
    folder.mkdir(parents=True)
    (folder / "shop.py").write_text(code)
    (site / "current").unlink(missing_ok=True)
    (site / "current").symlink_to(f"releases/{name}")


def control(*words: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-I", "-S", server.__file__, *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30)


def shop_pid(site: Path) -> int | None:
    return server.holder(site / "run" / "shop.lock")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_restart_serves_what_current_names(site: Path, port: int) -> None:
    assert control("restart", site, port).stdout.startswith(f"one serves at port {port}")
    first = shop_pid(site)
    release(site, "two", SHOP)
    assert control("restart", site, port).stdout.startswith("two serves")
    second = shop_pid(site)
    assert first is not None
    assert second is not None
    assert not alive(first)
    assert Path(f"/proc/{second}/cwd").resolve().name == "two"


def test_start_leaves_a_serving_process_alone(site: Path, port: int) -> None:
    control("start", site, port)
    pid = shop_pid(site)
    assert control("start", site, port).returncode == 0
    assert shop_pid(site) == pid


@pytest.mark.slow
def test_start_replaces_a_process_that_does_not_answer(site: Path, port: int) -> None:
    control("start", site, port)
    stuck = shop_pid(site)
    assert stuck is not None
    os.kill(stuck, signal.SIGSTOP)
    assert control("start", site, port).returncode == 0
    assert shop_pid(site) not in (None, stuck)


def test_a_shop_that_does_not_come_up_is_reported_with_its_last_line(site: Path, port: int) -> None:
    release(site, "broken", "import nothing_of_this_name\n")
    done = control("restart", site, port)
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'nothing_of_this_name'" in done.stderr.splitlines()[-1]
    assert shop_pid(site) is None


def test_a_release_without_a_shop_is_reported(site: Path, port: int) -> None:
    (site / "current").unlink()
    assert control("restart", site, port).returncode == 1


def test_a_port_of_another_program_is_told_apart(site: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        done = control("restart", site, port)
    assert done.returncode == server.TAKEN
    assert f"port {port} is taken" in done.stderr


def test_a_reused_pid_is_never_signalled(site: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (site / "run" / "shop.lock").write_text(f"{bystander.pid}\n")
        assert server.holder(site / "run" / "shop.lock") is None
        assert server.stop(site / "run" / "shop.lock") is False
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_process_that_ignores_the_request_to_end_is_ended_by_force(site: Path, port: int) -> None:
    release(site, "stubborn", STUBBORN)
    control("restart", site, port)
    assert server.stop(site / "run" / "shop.lock", patience=0.2)
    assert shop_pid(site) is None
    assert server.free(port)


def test_restarts_at_the_same_time_leave_one_process(site: Path, port: int) -> None:
    argv = [sys.executable, "-I", "-S", server.__file__, "restart", str(site), str(port)]
    at_once = [subprocess.Popen(argv, stdout=subprocess.DEVNULL) for _ in range(4)]
    assert [process.wait(timeout=30) for process in at_once] == [0, 0, 0, 0]
    found = subprocess.run(["pgrep", "-f", str(site / "releases")], capture_output=True, text=True).stdout.split()
    assert found == [str(shop_pid(site))]


def test_a_restart_that_is_killed_is_made_good_by_the_next(site: Path, port: int) -> None:
    argv = [sys.executable, "-I", "-S", server.__file__, "restart", str(site), str(port)]
    for wait in (0.01, 0.03, 0.05, 0.07):
        killed = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        time.sleep(wait)
        killed.kill()
        killed.wait()
        assert control("restart", site, port).returncode == 0
        found = subprocess.run(["pgrep", "-f", str(site / "releases")], capture_output=True, text=True)
        assert found.stdout.split() == [str(shop_pid(site))]


def test_the_daemon_keeps_nothing_of_its_caller(site: Path, port: int) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    argv = [sys.executable, "-I", "-S", server.__file__, "restart", str(site), str(port)]
    env = {**os.environ, "SHOP_TEST_SECRET": "hunter2"}
    subprocess.run(argv, pass_fds=[writing], stdout=subprocess.DEVNULL, env=env, check=True)
    os.close(writing)
    # Without a writer the pipe is at its end at once.
    assert select.select([reading], [], [], 2)[0]
    os.close(reading)
    assert b"hunter2" not in Path(f"/proc/{shop_pid(site)}/environ").read_bytes()


@pytest.mark.parametrize("words", [(), ("dance", "/tmp"), ("restart", "/tmp"), ("restart", "/tmp", "many")])
def test_a_wrong_call_shows_the_usage(words: tuple[str, ...]) -> None:
    done = control(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")
