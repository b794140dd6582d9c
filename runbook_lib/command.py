"""A command is a value: an argv with its secrets marked, never a shell line."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MASK = "[secret]"

_known: set[str] = set()


class Secret:
    """A value that no output may show. str() and repr() give a mask; `reveal()` gives the value.

    Every secret that was made is remembered for the life of the process, so that `mask` finds it
    in text that came from elsewhere (a command's output, an error message).
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        if value:
            _known.add(value)

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return MASK

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def mask(text: str) -> str:
    """The text with the value of every known secret replaced by a mask, the longest first."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


# Longest command in a message.
SHORT = 160


@dataclass(frozen=True)
class Command:
    """An argv to be executed without a shell.

    argv: program and arguments; a Secret among them is masked wherever the command is shown.
    cwd: folder in which it runs, on the host where it runs. env: variables set besides the inherited ones.
    timeout: seconds after which it is stopped and counts as failed. input: what it reads on its standard input, where
    no process list and no environment shows it; None: nothing.
    """

    argv: tuple[str | Secret, ...]
    cwd: str | None = None
    env: Mapping[str, str | Secret] = field(default_factory=dict)
    timeout: float = 600.0
    input: Secret | None = None

    @classmethod
    def of(
        cls,
        *argv: str | Secret | os.PathLike[str],
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str | Secret] | None = None,
        timeout: float = 600.0,
        input: Secret | None = None,
    ) -> Command:
        words = tuple(word if isinstance(word, Secret) else os.fspath(word) for word in argv)
        return cls(words, None if cwd is None else os.fspath(cwd), dict(env or {}), timeout, input)

    @property
    def raw(self) -> list[str]:
        """The argv as the operating system gets it."""
        return [word.reveal() if isinstance(word, Secret) else word for word in self.argv]

    @property
    def raw_env(self) -> dict[str, str]:
        """The additional variables as the operating system gets them."""
        return {name: value.reveal() if isinstance(value, Secret) else value for name, value in self.env.items()}

    def __str__(self) -> str:
        """The command as a reader may see it: quoted so that it can be pasted, secrets masked."""
        return mask(" ".join(MASK if isinstance(w, Secret) else shlex.quote(w) for w in self.argv))

    @property
    def short(self) -> str:
        """The same for a message: one line, and of a long script its beginning."""
        return printable(str(self), SHORT)


@dataclass(frozen=True)
class Result:
    """How a command ended. code: exit status; output: standard output and error together, secrets masked;
    seconds: how long it took."""

    code: int
    output: str
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def last_line(self) -> str:
        """The last line that says something, for a one-line report."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return lines[-1] if lines else ""


_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str, limit: int = 200) -> str:
    """Text from outside made safe for a terminal: control and direction characters shown as escapes, cut
    to `limit` characters."""
    if not text.isprintable():
        text = _UNPRINTABLE.sub(lambda match: f"\\x{ord(match[0]):02x}", text.replace("\n", " ").replace("\t", " "))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def quantity(number: int, noun: str) -> str:
    """A number and its regular noun: "1 step", "2 steps"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def runbook_command(runbook: str, parameters: Mapping[str, Any]) -> str:
    """What to type in the folder of the notebooks to run a runbook. parameters: JSON values, those left as they are
    left out."""
    words = ["papermill", f"{runbook}.ipynb"]
    for name, value in parameters.items():
        words += ["-p", name, str(value).lower() if isinstance(value, bool) else str(value)]
    return shlex.join(words)


def nearest(name: str, names: Sequence[str], count: int = 3) -> list[str]:
    """The names most like `name`, best first, for "did you mean"."""
    from difflib import get_close_matches

    return get_close_matches(name[:200], list(names), n=count, cutoff=0.5)
