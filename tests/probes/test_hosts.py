"""Hosts as machines: processes, disks, files and the clock, on this machine, over ssh and in a container."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from runbook_lib.command import Command
from runbook_lib.config import Hosts
from runbook_lib.connectors.base import Connector
from runbook_lib.connectors.local import LocalConnector
from runbook_lib.errors import CommandError
from runbook_lib.probes import clock, disk, hosts, workers
from runbook_lib.probes.hosts import HostState, state


@dataclass
class Here:
    """A platform with one host: a folder of this machine, or of one that is reached by a connector."""

    folder: Path
    connector: Connector

    def live(self, command: Command, host: str) -> tuple[Connector, Command]:
        return self.connector, replace(command, cwd=str(self.folder / (command.cwd or "")))


def look(folder: Path, settings: Hosts, connector: Connector | None = None) -> HostState:
    here = Here(folder, connector or LocalConnector(folder / "state"))
    return state(here, "web-1", settings, 5)  # type: ignore[arg-type]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is told by its command line."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", f"{tmp_path}/artisan", "queue:work"]
    )
    yield process
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait()


def test_processes_that_run_and_that_do_not(tmp_path: Path, worker: subprocess.Popen[bytes]) -> None:
    settings = Hosts(processes={"worker": f"{tmp_path}/artisan queue:work", "scheduler": f"{tmp_path}/schedule:work"})
    seen = look(tmp_path, settings)
    assert seen.processes is not None
    found = workers.matching(seen.processes, settings.processes)
    assert [process.pid for process in found["worker"]] == [worker.pid]
    assert not found["worker"][0].stopped
    assert found["scheduler"] == ()


def test_a_process_that_is_stopped_is_seen_as_that(tmp_path: Path, worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    settings = Hosts(processes={"worker": f"{tmp_path}/artisan"})
    seen = look(tmp_path, settings)
    assert seen.processes is not None
    assert workers.matching(seen.processes, settings.processes)["worker"][0].stopped


def test_without_ps_the_processes_are_read_from_proc(tmp_path: Path, worker: subprocess.Popen[bytes]) -> None:
    script = "ps() { return 127; }\n" + workers.SCRIPT
    output = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    found = workers.processes(output)
    assert found is not None
    assert worker.pid in [process.pid for process in found if "artisan queue:work" in process.command]


def test_room_on_the_disk_and_when_files_were_written(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1")
    os.utime(tmp_path / ".env", (1_700_000_000, 1_700_000_000))
    seen = look(tmp_path, Hosts(folders=[".", "/"], files=[".env", "gone"]))
    assert seen.disks is not None
    assert set(seen.disks) == {".", "/"}
    assert 0 < seen.disks["/"].used < 1
    assert seen.disks["/"].free > 0
    assert seen.files == {".env": 1_700_000_000}


@pytest.mark.real
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount; the reading itself is tested below")
def test_a_full_file_system(tmp_path: Path) -> None:
    small = tmp_path / "small disk"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=True)
    try:
        with pytest.raises(OSError, match="No space"):
            (small / "log").write_bytes(b"x" * 2_000_000)
        seen = look(tmp_path, Hosts(folders=["small disk"]))
    finally:
        subprocess.run(["umount", small], check=True)
    assert seen.disks is not None
    full = seen.disks["small disk"]
    assert full.most >= 0.99
    assert full.mount == str(small)


def test_a_disk_without_files_left_is_full() -> None:
    text = "folder .\nspace /dev/sda1 1000 100 900 10% /my disk\nfiles /dev/sda1 50 50 0 100% /my disk\nfolder /gone\n"
    (found,) = disk.file_systems(text).values()
    assert found.mount == "/my disk"
    assert found.free == 900 * 1024
    assert found.most == 1.0
    assert "100% of its files" in str(found)


def test_the_clock_of_this_machine_agrees_with_itself(tmp_path: Path) -> None:
    seen = look(tmp_path, Hosts())
    assert seen.skew is not None
    assert abs(seen.skew) <= seen.skew_error + 0.01


@pytest.mark.parametrize(
    ("text", "skew", "error"),
    [("1700000010.5\n", 10.0, 0.5), ("1700000010.%N\n", 10.0, 1.0), ("date: not found", None, 0.0), ("", None, 0.0)],
)
def test_what_date_says_is_compared_with_here(text: str, skew: float | None, error: float) -> None:
    assert clock.skew(text, 1_700_000_000.0, 1_700_000_001.0) == (skew, error)


def test_a_name_from_outside_does_not_reach_the_shell(tmp_path: Path) -> None:
    settings = Hosts(folders=[".", '$(touch "pwned")', "-x"], files=["; touch pwned", "`touch pwned`"])
    look(tmp_path, settings)
    assert not (tmp_path / "pwned").exists()


def test_where_there_is_no_shell_it_is_said(tmp_path: Path) -> None:
    class Nothing(LocalConnector):
        def read(self, command: Command) -> object:  # type: ignore[override]
            return super().read(Command.of("false"))

    with pytest.raises(CommandError, match="web-1 cannot be looked into"):
        look(tmp_path, Hosts(), Nothing(tmp_path))


def test_the_script_is_one_that_every_shell_reads() -> None:
    for shell in ("sh", "bash"):
        subprocess.run([shell, "-n", "-c", hosts.SCRIPT], check=True)


def test_who_listens_at_a_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        seen = look(tmp_path, Hosts())
    assert seen.listening is not None
    assert seen.listening[port].pid == os.getpid()


def test_how_busy_it_is_is_told(tmp_path: Path) -> None:
    seen = look(tmp_path, Hosts())
    assert seen.load is not None
    assert seen.load.queue >= 0
    assert 0 < seen.load.free <= 1


def test_a_folder_that_may_not_be_written_is_told() -> None:
    text = "folder storage\nspace /dev/sda1 100 40 60 40% /\nclosed deploy\nfolder .\nspace /dev/sda1 100 40 60 40% /\n"
    found = disk.file_systems(text)
    assert (found["storage"].closed, found["."].closed) == ("deploy", "")


def test_who_may_write_where_laravel_must(tmp_path: Path) -> None:
    (tmp_path / "storage" / "logs").mkdir(parents=True)
    log = tmp_path / "storage" / "logs" / "laravel.log"
    log.touch(0o644)
    seen = {one.path: one for one in look(tmp_path, Hosts()).guarded}
    assert set(seen) == {"storage", "storage/logs", "storage/logs/laravel.log"}
    assert seen["storage/logs/laravel.log"].closed_to("www-data")
    assert not seen["storage/logs/laravel.log"].closed_to(log.owner())
    log.chmod(0o666)
    assert not look(tmp_path, Hosts()).guarded[-1].closed_to("www-data")


def test_whose_a_process_is_is_told(tmp_path: Path, worker: subprocess.Popen[bytes]) -> None:
    seen = look(tmp_path, Hosts())
    assert [p.user for p in seen.processes or () if p.pid == worker.pid] == [tmp_path.owner()]
