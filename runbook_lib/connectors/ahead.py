"""A connector that has read some answers ahead, in one trip: over ssh each question costs two processes and a wait."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.command import Command, Result
from runbook_lib.connectors.base import Connector


class ReadAhead:
    """Asks `commands` at once and gives each answer when it is asked for; everything else goes to the host as always.
    For one look: what was read ahead does not change any more. CommandError when the host is not reached."""

    def __init__(self, connector: Connector, commands: Sequence[Command]) -> None:
        self._connector = connector
        self._known = list(zip(commands, connector.read_all(commands), strict=False))

    @property
    def host(self) -> str:
        return self._connector.host

    def read(self, command: Command) -> Result:
        for asked, result in self._known:
            if asked == command:
                return result
        return self._connector.read(command)

    def read_all(self, commands: Sequence[Command]) -> list[Result]:
        return self._connector.read_all(commands)

    def change(self, command: Command, mark: str, *, repeatable: bool = False) -> Result:
        return self._connector.change(command, mark, repeatable=repeatable)

    def outcome(self, mark: str) -> Result | None:
        return self._connector.outcome(mark)
