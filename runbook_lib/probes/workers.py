"""The processes of a host: those that must run, how many there are, and whether one is stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runbook_lib.command import mask

# Of procps, of Busybox, or from /proc where a container has neither. A line each: pid, state, user, command.
SCRIPT = r"""
ps -ww -Ao pid=,state=,user:32=,args= 2>/dev/null || ps -o pid,stat,user,args 2>/dev/null ||
for process in /proc/[0-9]*; do
  words=$(tr '\0\n' '  ' < "$process/cmdline" 2>/dev/null) && [ -n "$words" ] || continue
  status=$(sed 's/^.*) //; s/ .*//' "$process/stat" 2>/dev/null)
  printf '%s %s %s %s\n' "${process#/proc/}" "$status" "$(stat -c %U "$process" 2>/dev/null || echo '?')" "$words"
done
"""
STOPPED = ("T", "t", "Z", "X")
COMMAND_LIMIT = 300


@dataclass(frozen=True)
class Process:
    """A process. state: its letter in ps; T is stopped, D waits for a disk, Z is dead. command: its command line;
    user: whose it is, empty where that is not told."""

    pid: int
    state: str
    command: str
    user: str = ""

    @property
    def stopped(self) -> bool:
        return self.state[:1] in STOPPED


def processes(text: str) -> tuple[Process, ...] | None:
    """Those that SCRIPT printed, itself left out; None where it printed none."""
    found = []
    for line in text.splitlines():
        words = line.split(None, 3)
        if len(words) == 4 and words[0].isdigit():
            found.append(Process(int(words[0]), words[1], mask(words[3])[:COMMAND_LIMIT], words[2].strip("?")))
    return tuple(found) or None


def matching(found: Iterable[Process], wanted: Mapping[str, str]) -> dict[str, tuple[Process, ...]]:
    """The processes of each name. wanted: a text of the command line by name."""
    known = [process for process in found if "date +%s.%N" not in process.command]
    return {name: tuple(process for process in known if text in process.command) for name, text in wanted.items()}
