"""What the person at the terminal sees while a runbook runs: lines, in the order of what happens."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from runbook_lib.command import mask, printable
from runbook_lib.run import live
from runbook_lib.run.journal import Event

_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")


class Terminal:
    """A stream that is written to line by line for as long as somebody is there; nothing fails when not."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.colour = self._is_terminal() and not os.environ.get("NO_COLOR")
        with suppress(AttributeError, io.UnsupportedOperation, ValueError):
            # A terminal that lacks a character gets its number; it must not end the run.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]

    def say(self, text: str) -> None:
        """Show text at once, secrets masked, nothing in it that could steer the terminal but colours."""
        if self._stream is None:
            return
        try:
            self._stream.write("".join(f"{safe(line)}\n" for line in mask(text).splitlines()))
            self._stream.flush()
        except (OSError, ValueError):
            self._give_up()

    def _give_up(self) -> None:
        """Write to nobody from now on. What is still in the stream's buffer would fail again when the process ends, and
        change its exit status."""
        with suppress(OSError, ValueError, AttributeError):
            nobody = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nobody, self._stream.fileno())  # type: ignore[union-attr]
            os.close(nobody)
        self._stream = None

    def _is_terminal(self) -> bool:
        try:
            return self._stream is not None and self._stream.isatty()
        except ValueError:
            return False


def safe(line: str) -> str:
    """A line that a terminal can show: control characters as escapes, colours as they are."""
    return "".join(part if _COLOUR.fullmatch(part) else printable(part, limit=10_000) for part in _COLOUR.split(line))


@contextmanager
def live_lines(terminal: Terminal) -> Iterator[None]:
    """While it lasts, show each event of a run on the terminal, and not in the cell as well."""

    def show(event: Event) -> None:
        line = live.line(event, terminal.colour)
        if line is not None:
            terminal.say(line)

    echo, live.echo = live.echo, False
    live.listeners.append(show)
    try:
        yield
    finally:
        if show in live.listeners:
            live.listeners.remove(show)
        live.echo = echo
