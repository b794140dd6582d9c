"""Environment files on another machine, over a real ssh server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.connectors.ssh import SshConnector
from runbook_lib.errors import PlatformError
from tests.connectors.sshd import Server, missing, running_server, unavailable
from tests.rotation.places.test_env_file import NEW, TEXT, place
from tests.rotation.processes import Processes

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    reason = missing()
    if reason:
        unavailable(reason)
    with running_server(tmp_path_factory.mktemp("d")) as running:
        yield running


def test_it_is_written_and_put_back_there(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: Processes
) -> None:
    server.reach(monkeypatch)
    (tmp_path / ".env").write_bytes(b"\xff\xfe" + TEXT.encode())
    env = place(tmp_path, SshConnector("web-1"))
    kept = env.keep()
    env.write(NEW)
    assert env.read() == NEW
    env.put_back(kept)
    assert (tmp_path / ".env").read_bytes() == b"\xff\xfe" + TEXT.encode()
    (tmp_path / ".env").chmod(0o444)
    with pytest.raises(PlatformError, match=r"\.env on web-1 is read-only"):
        env.facts()
    assert "s3cr3t" not in processes.text
