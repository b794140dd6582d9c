"""Markdown that says what it is meant to say: text from outside stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from runbook_lib.command import mask, printable

_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]<>()#+!|~&"})


def text(words: str, limit: int = 400) -> str:
    """Words as plain text in a paragraph or a cell."""
    return printable(mask(words), limit).translate(_SPECIAL)


def code(words: str) -> str:
    """Words as code within a line or a cell."""
    return f"<code>{escape(printable(mask(words), 400)).replace('|', '&#124;')}</code>" if words else ""


def fence(block: str, language: str = "text") -> str:
    """A block of code, whatever is in it."""
    longest = max((len(run) for run in re.findall("`+", block)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{_lines(block)}\n{ticks}"


def _lines(block: str) -> str:
    return "\n".join(printable(mask(line), 2000) for line in block.rstrip("\n").split("\n"))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def folded(kind: str, title: str, body: str) -> str:
    """A block that a reader unfolds. kind: of the admonition."""
    return f'??? {kind} "{title}"\n\n' + indented(body)


def indented(body: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in body.split("\n"))
