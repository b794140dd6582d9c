"""An engine that cannot be used is said to be so, at once, with what to do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runbook_lib.errors import PlatformError, StepFailedError
from runbook_lib.platforms import docker_engine
from runbook_lib.platforms.docker import DockerPlatform
from runbook_lib.platforms.docker_engine import connect, reported
from tests.platforms.docker_shop import target


@contextmanager
def silent_socket(path: Path) -> Iterator[None]:
    """A socket that takes calls and never answers."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield


def test_no_engine_at_the_address(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"nothing\.sock cannot be used: (.|\n)*Next: start the engine"):
        DockerPlatform(target(f"unix://{tmp_path}/nothing.sock")).current()


def test_nobody_listens_at_a_tcp_address() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(PlatformError, match="Next: start the engine"):
            connect(address)


def test_the_address_comes_from_docker_host_unless_it_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/from-environment.sock")
    with pytest.raises(PlatformError, match=r"from-environment\.sock"):
        connect()
    with pytest.raises(PlatformError, match=r"configured\.sock"):
        connect("unix:///nonexistent/configured.sock")


@pytest.mark.parametrize("address", ["nonsense", "ftp://engine", "unix//missing-colon", "tcp://"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(PlatformError, match="cannot be used"):
        connect(address)


def test_an_address_without_a_scheme_shows_how_to_write_one() -> None:
    with pytest.raises(PlatformError, match=r"write it as unix:///var/run/docker\.sock"):
        connect("nonsense:port")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody without permission")
def test_no_permission_names_the_group(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    path = tmp_path / "sock"
    with silent_socket(path):
        path.chmod(0o600)
        os.seteuid(65534)
        try:
            with pytest.raises(PlatformError, match="a member of the group docker"):
                connect(f"unix://{path}")
        finally:
            os.seteuid(0)


def test_an_engine_that_does_not_answer_is_given_up_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_engine, "_FIRST_ANSWER", 0.3)
    with silent_socket(tmp_path / "sock"):
        began = time.monotonic()
        with pytest.raises(PlatformError, match="timed out"):
            connect(f"unix://{tmp_path}/sock")
        assert time.monotonic() - began < 2


def test_the_engines_words_become_one_printable_line_without_secrets() -> None:
    from docker.errors import APIError

    from runbook_lib.command import Secret

    Secret("swordfish-77")
    with pytest.raises(StepFailedError) as caught, reported("starting shop", StepFailedError, "look"):
        raise APIError("500", explanation="port \x1b[31mtaken\nby swordfish-77")
    assert caught.value.message == "starting shop failed: port \\x1b[31mtaken by [secret]"
    assert caught.value.next_step == "look"


def test_errors_of_our_own_pass_unchanged() -> None:
    error = StepFailedError("gone", next_step="look")
    with pytest.raises(StepFailedError) as caught, reported("starting shop"):
        raise error
    assert caught.value is error


def test_importing_the_platform_does_not_import_the_sdk() -> None:
    code = "import sys, runbook_lib.platforms.docker; sys.exit('docker' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_making_a_platform_asks_nothing(tmp_path: Path) -> None:
    DockerPlatform(target(f"unix://{tmp_path}/nothing.sock"))
