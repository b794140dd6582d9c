"""The ways to a host."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.connectors.base import Connector


def connector_to(host: str, state: Path) -> Connector:
    """The connector for a host of the configuration: "local", or user@host by ssh."""
    if host == "local":
        from runbook_lib.connectors.local import LocalConnector

        return LocalConnector(state)
    from runbook_lib.connectors.ssh import SshConnector

    return SshConnector(host)
