"""A place that is reached by commands of your own: a secret store, an appliance."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from runbook_lib.command import Command, Secret, mask, printable
from runbook_lib.config import SecretPlace
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import PlatformError, StepFailedError
from runbook_lib.platforms.command_step import in_short
from runbook_lib.rotation.values import Values, known
from runbook_lib.run.plan import Step

TIMEOUT = 60.0


@dataclass(frozen=True)
class CommandPlace:
    """One value that a command writes and, where there is one for it, another reads. folder: in which they run."""

    table: SecretPlace
    number: int
    connector: Connector
    folder: str
    run: str

    @property
    def host(self) -> str:
        return self.connector.host

    @property
    def name(self) -> str:
        return f"{self.host}.command-{self.number}"

    @property
    def title(self) -> str:
        return in_short(self.table.write)

    @property
    def warnings(self) -> list[str]:
        return [] if self.table.read else [f"{self.title} has no `read`: there is no way back from it"]

    def facts(self) -> dict[str, Any]:
        self.read()
        return {"write": self.table.write}

    def read(self) -> Values:
        if not self.table.read:
            return {}
        command = Command.of("sh", "-c", _HEX, "runbook", *self.table.read, cwd=self.folder, timeout=TIMEOUT)
        result = self.connector.read(command)
        if not result.ok:
            raise PlatformError(
                f"`{in_short(self.table.read)}` ended with status {result.code}", next_step="try that command by hand"
            )
        value = bytes.fromhex(result.output.replace("\n", "")).decode("utf-8", "surrogateescape").rstrip("\r\n")
        return known({self.table.part: value})

    def keep(self) -> Any:
        return self.read()

    def write(self, values: Values) -> str:
        value = values[self.table.part]
        command = Command.of(*self.table.write, cwd=self.folder, timeout=TIMEOUT, input=Secret(value))
        mark = f"{self.run}/{self.name}.{token_hex(4)}"
        result = self.connector.change(command, mark, repeatable=True)
        if not result.ok:
            raise StepFailedError(
                f"`{self.title}` ended with status {result.code}: {printable(mask(result.last_line), 200)}",
                next_step="try that command by hand",
            )
        return ""

    def holds(self, values: Values) -> bool | None:
        return self.read() == {self.table.part: values[self.table.part]} if self.table.read else None

    def put_back(self, kept: Any) -> str:
        if not kept:
            raise StepFailedError(
                f"{self.title} has no `read`, so what was there is not known",
                next_step="put the old value back by hand",
            )
        return self.write(kept)

    def retire(self, section: str) -> tuple[Step, ...]:
        return ()


# As numbers: what was masked on its way could not be written back. The status is the command's.
_HEX = """
exec 3>&1
code=$( { { "$@" 2>/dev/null; echo $? >&4; } | od -An -v -tx1 >&3; } 4>&1 )
exit "$code"
"""
