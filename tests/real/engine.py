"""A container engine of the tests' own: started by hand, with its own folders, socket and bridge, and taken away
again. Where it cannot be had, the tests are skipped and say what they miss; with CI=true that is a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import docker
import pytest

# Sessions that run at the same time must not share a bridge or a network.
_NETWORK = 20 + os.getpid() % 200
_BRIDGE = f"rbtest{os.getpid() % 10**7}"

_PROGRAMS = ("dockerd", "containerd", "ip", "setpriv", "busybox")
# A root that was become with plain `su` has no sbin in its path.
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_ENVIRONMENT = {**os.environ, "PATH": _PATH}


class Engine:
    """An engine of its own in `folder`: its socket, data and log. Started when it is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/sock"
        self.start()

    def start(self) -> None:
        """Start the engine and wait until it answers. RuntimeError, with its last words, when it does not."""
        with (self.folder / "log").open("ab") as log:
            argv = _argv(self.folder)
            self.process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, env=_ENVIRONMENT)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(docker.errors.DockerException):
                self.client: Any = docker.APIClient(base_url=self.address, version="auto", timeout=60)
                return
            time.sleep(0.05)
        self.stop()
        words = (self.folder / "log").read_text(errors="replace").splitlines()[-5:]
        raise RuntimeError("dockerd did not come up:\n" + "\n".join(words))

    def stop(self) -> None:
        """End the engine as a shutdown of the machine does; containers stay and are stopped."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def clear(self) -> None:
        """Remove every container, and every network that a test made. Images stay."""
        for container in self.client.containers(all=True):
            self.client.remove_container(container["Id"], force=True, v=True)
        for network in self.client.networks():
            if network["Name"] not in ("bridge", "host", "none"):
                self.client.remove_network(network["Id"])


def missing() -> str:
    """What this machine lacks to run an engine, one sentence, or nothing."""
    absent = [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]
    if absent:
        return f"no container engine: {', '.join(absent)} not found; scripts/real-parts installs what is needed"
    if os.geteuid() != 0:
        return "no container engine: starting dockerd needs root"
    return ""


def unavailable(reason: str) -> NoReturn:
    """Skip a test that needs what cannot be had here; in CI nothing may be skipped."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextmanager
def running_engine() -> Iterator[Engine]:
    """An engine from start to end. RuntimeError when it does not come up."""
    # A socket's path may have 108 characters; pytest's folders can be longer.
    folder = Path(tempfile.mkdtemp(prefix="rb-engine-", dir="/tmp"))
    try:
        _add_bridge()
        engine = Engine(folder)
        try:
            yield engine
        finally:
            with suppress(docker.errors.DockerException, OSError):
                engine.clear()
            engine.stop()
    finally:
        _unmount(folder)
        _ip("link", "delete", _BRIDGE)
        shutil.rmtree(folder, ignore_errors=True)


def _argv(folder: Path) -> list[str]:
    # setpriv: the engine ends when pytest is killed. Without iptables, so as not to take the chains of another
    # engine on this machine; published ports go through the userland proxy.
    return [
        *("setpriv", "--pdeathsig", "TERM", "dockerd", "--host", f"unix://{folder}/sock"),
        *("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid"),
        *("--iptables=false", "--ip6tables=false", "--ip-masq=false", "--bridge", _BRIDGE),
        *("--default-address-pool", f"base=10.{_NETWORK}.128.0/17,size=24", "--shutdown-timeout", "2"),
    ]


def _add_bridge() -> None:
    _ip("link", "add", "name", _BRIDGE, "type", "bridge", check=True)
    _ip("address", "add", f"10.{_NETWORK}.0.1/24", "dev", _BRIDGE, check=True)
    _ip("link", "set", _BRIDGE, "up", check=True)


def _ip(*words: str, check: bool = False) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True, env=_ENVIRONMENT)


def _unmount(folder: Path) -> None:
    """Take away what an engine that was killed left mounted."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The session's container engine."""
    reason = missing()
    if reason:
        unavailable(reason)
    with ExitStack() as stack:
        try:
            running = stack.enter_context(running_engine())
        except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
            unavailable(f"no container engine: {error}")
        yield running
