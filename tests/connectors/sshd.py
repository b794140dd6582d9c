"""An ssh server of the tests' own, on a free port of this machine: with its own keys, configuration and known hosts,
and ended by its pid. Where it cannot be had, the tests are skipped and say what they miss; with CI=true that is a
failure."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

HOSTS = ("web-1", "web-2")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

_SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 100
SetEnv XDG_STATE_HOME={folder}/state
"""

_CLIENT = """\
Host {hosts}
  HostKeyAlias web

Host {hosts} stranger
  HostName 127.0.0.1
  Port {port}
  IdentityFile {folder}/key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  LogLevel ERROR

Host nobody-there
  HostName 127.0.0.1
  Port 1

Host silent
  HostName 127.0.0.1
  Port {silent}
"""


def missing() -> str:
    """What this machine lacks to run a server, one sentence, or nothing."""
    absent = [name for name in ("sshd", "ssh", "ssh-keygen") if shutil.which(name, path=_PATH) is None]
    return f"no ssh server: {', '.join(absent)} not found; scripts/real-parts installs what is needed" if absent else ""


def unavailable(reason: str) -> None:
    """Skip the test; where everything has to be there, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Server:
    """A running server. folder: of everything it has; state: where the commands' marks lie, on the other side."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def state(self) -> Path:
        return self.folder / "state/runbooks/commands"

    @property
    def connections(self) -> int:
        """How many there are now: each has a process of its own."""
        return len(self._children(self.process.pid))

    def drop(self) -> None:
        """End every connection as a broken line does; the server stays."""
        for child in self._children(self.process.pid):
            for pid in (*self._children(child), child):
                with suppress(OSError):  # gone with the one above it
                    if b"sshd" in Path(f"/proc/{pid}/comm").read_bytes():
                        os.kill(pid, signal.SIGKILL)

    def _children(self, pid: int) -> list[int]:
        with suppress(OSError):
            return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return []

    def reach(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let this test's ssh know the server, and nothing of this machine's."""
        monkeypatch.setenv("PATH", f"{self.folder}/bin:{os.environ['PATH']}")
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(self.folder))


@contextmanager
def running_server(folder: Path, hosts: Sequence[str] = HOSTS) -> Iterator[Server]:
    """A server in a folder of its own, which must be short: sockets lie in it. hosts: the names that lead to it."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = _free_port()
        _lay_out(folder, port, silent.getsockname()[1], hosts)
        server = Server(folder, _start(folder, port))
        try:
            yield server
        finally:
            server.drop()  # with the connections, the clients' shared ones end
            server.process.terminate()
            server.process.wait()


def _lay_out(folder: Path, port: int, silent: int, hosts: Sequence[str]) -> None:
    for name in ("host_key", "key"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", getpass.getuser(), "-f", str(folder / name)]
        subprocess.run(argv, check=True)
    public = (folder / "host_key.pub").read_text()
    (folder / "known_hosts").write_text(f"web {public}")
    (folder / "sshd_config").write_text(_SERVER.format(folder=folder, port=port))
    (folder / "ssh_config").write_text(_CLIENT.format(folder=folder, port=port, hosts=" ".join(hosts), silent=silent))
    (folder / "bin").mkdir()
    ssh = folder / "bin/ssh"
    ssh.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n')
    ssh.chmod(0o755)


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd locks up the part of it that has no rights
    argv = [str(shutil.which("sshd", path=_PATH)), "-D", "-e", "-f", str(folder / "sshd_config")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return process
        time.sleep(0.02)
    raise RuntimeError("sshd did not come up:\n" + (folder / "log").read_text())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
