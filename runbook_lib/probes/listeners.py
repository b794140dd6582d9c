"""Which program listens at which port of a host."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook_lib.command import printable

SCRIPT = "ss -Hltnp 2>/dev/null | head -n 200"
_LINE = re.compile(r"^LISTEN +\d+ +\d+ +\S*:(\d+) +\S+(?: +users:\(\(\"([^\"]*)\",pid=(\d+))?")


@dataclass(frozen=True)
class Listener:
    """A program with a port. program: its name, empty with pid 0 where only root is told."""

    port: int
    program: str = ""
    pid: int = 0

    def __str__(self) -> str:
        return f"{self.program} (pid {self.pid})" if self.pid else "a program of another user"


def listeners(text: str) -> dict[int, Listener]:
    """By port. text: what SCRIPT printed; nothing where the host has no ss."""
    found = filter(None, map(_LINE.match, text.splitlines()))
    each = (Listener(int(m[1]), printable(m[2] or "", 40), int(m[3] or 0)) for m in found)
    return {one.port: one for one in each}
