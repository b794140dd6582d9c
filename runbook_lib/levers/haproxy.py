"""A rate limit in HAProxy: an entry of a map that its rule reads the limit from, changed by its runtime API.

The rule is HAProxy's own, written once; docs/how-to/mitigate.md shows it. The map is changed in memory: a reload brings
back what its file says, and then the mitigation counts as undone.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.command import printable
from runbook_lib.config.levers import RateLimit
from runbook_lib.errors import PlatformError, StepFailedError
from runbook_lib.levers import limit_probe
from runbook_lib.levers.base import At, Request
from runbook_lib.run.plan import Snapshot, Step, Verdict

ANSWER = 5.0
LARGEST = 1_000_000
_WORD = re.compile(r"[A-Za-z0-9_./@:-]+", re.ASCII)


@dataclass(frozen=True)
class HaproxyLimit:
    """rate: requests a second."""

    request: Request
    table: RateLimit
    rate: int

    stays: ClassVar[bool] = True
    several: ClassVar[bool] = False

    @property
    def what(self) -> str:
        return limit_probe.what(self.rate)

    def read(self) -> Snapshot:
        return {"was": self._entry()}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        return ("a reload of HAProxy brings back the limit of the map's file",)

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return (self._step(str(self.rate), at),)

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return (self._step(before["was"], at),)

    def effect(self, before: Snapshot) -> Verdict:
        return limit_probe.limited(self.request.target.environment, self.table, self.rate)

    def undone(self, before: Snapshot) -> Verdict:
        now = self._entry()
        if now != before["was"]:
            return Verdict("FAIL", (f"the limit is {now} instead of {before['was']}",))
        if before["was"] is not None and int(before["was"] or 0) <= self.rate * limit_probe.ABOVE:
            return Verdict("PASS", (f"the limit is {before['was']} as before",))
        return limit_probe.unlimited(self.request.target.environment, self.table, self.rate)

    def holds(self, before: Snapshot) -> bool | None:
        return self._entry() == str(self.rate)

    def _step(self, value: str | None, at: At) -> Step:
        return Step(
            id=f"{at.prefix}.map",
            title=f"{self.table.entry} = {'nothing' if value is None else value} in {self.table.map}",
            shows=(self._command(value, known=True),),
            do=lambda: self._set(value),
            done=lambda: self._entry() == value,
            repeatable=True,
        )

    def _command(self, value: str | None, *, known: bool) -> str:
        words = [self._word(self.table.map), self._word(self.table.entry)]
        if value is None:
            return " ".join(["del map", *words])
        return " ".join(["set map" if known else "add map", *words, value])

    def _set(self, value: str | None) -> str:
        said = self._ask(self._command(value, known=self._entry() is not None))
        if said.strip():
            raise StepFailedError(f"HAProxy: {printable(said.strip(), 200)}", next_step="check levers.rate_limit.map")
        return ""

    def _entry(self) -> str | None:
        """The value of the entry in HAProxy's memory; None when it has none."""
        said = self._ask(f"show map {self._word(self.table.map)}")
        rows = [line.split(None, 2) for line in said.splitlines() if line.startswith("0x")]
        if not rows and said.strip():
            raise PlatformError(
                f"HAProxy has no map {self.table.map}: {printable(said.strip(), 200)}",
                next_step="name it as its configuration does: levers.rate_limit.map",
            )
        return next((row[2] for row in rows if row[1] == self._word(self.table.entry)), None)

    def _word(self, text: str) -> str:
        if not _WORD.fullmatch(text):
            raise PlatformError(f"{printable(text, 60)!r} cannot be a word of HAProxy's", next_step="name it plainly")
        return text

    def _ask(self, command: str) -> str:
        """One command to the stats socket and what it answers."""
        try:
            with self._connected() as connection:
                connection.sendall(command.encode() + b"\n")
                answer = bytearray()
                while len(answer) < LARGEST and (chunk := connection.recv(65_536)):
                    answer += chunk
        except (OSError, ValueError) as error:
            raise PlatformError(
                f"HAProxy's socket {self.table.socket} does not answer: {error}",
                next_step="check levers.rate_limit.socket; it needs level admin",
            ) from error
        return answer.decode("utf-8", "replace")

    def _connected(self) -> socket.socket:
        host, _, port = self.table.socket.rpartition(":")
        if host and port.isdecimal():
            return socket.create_connection((host, int(port)), ANSWER)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(ANSWER)
        try:
            connection.connect(self.table.socket)
        except OSError:
            connection.close()
            raise
        return connection
