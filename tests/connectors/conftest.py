"""The ssh server for the tests of the connector."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.sshd import Server, missing, running_server, unavailable


@pytest.fixture(scope="session")
def started_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    reason = missing()
    if reason:
        unavailable(reason)
    with running_server(tmp_path_factory.mktemp("d")) as running:
        yield running


@pytest.fixture
def server(started_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server that this test's `ssh` reaches as web-1 and web-2."""
    started_server.reach(monkeypatch)
    return started_server
