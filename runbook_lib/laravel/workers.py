"""Whether queue workers have started since the code was switched: until then they run what they loaded before.

Both times are counted by the host's kernel since it started, so that no clock that is set meanwhile matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.command import Command, Result, printable

TIMEOUT = 30.0

# How long the host has been up, in seconds.
UPTIME = Command.of("cat", "/proc/uptime", timeout=TIMEOUT)

# Clock ticks are hundredths of a second for everything that /proc tells, whatever the kernel's own. The patterns are
# parted so that no command line that carries this text is taken for a worker's.
_LIST = r"""
for place in /proc/[0-9]*; do
  line=$(tr '\000' ' ' 2>/dev/null <"$place/cmdline") || continue
  case "$line" in
    *"artisan queue:"work* | *"artisan queue:"listen* | *"artisan hori"zon*) ;;
    *) continue ;;
  esac
  stat=$(cat "$place/stat" 2>/dev/null) || continue
  set -- ${stat##*) }
  printf '%s\t%s\t%s\t%s\n' "${place#/proc/}" "${20}" "$(readlink "$place/cwd" 2>/dev/null)" "$line"
done
"""
LIST = Command.of("sh", "-c", _LIST, timeout=TIMEOUT)


@dataclass(frozen=True)
class Worker:
    """A process that works on queues. started: seconds after the host did; folder: in which it works, where that can
    be seen; line: how it was called."""

    pid: int
    started: float
    folder: str
    line: str

    def __str__(self) -> str:
        return f"pid {self.pid} ({printable(self.line, 60)})"


def uptime_in(result: Result | None) -> float | None:
    """The number that UPTIME printed, or None."""
    words = result.output.split() if result is not None and result.ok else []
    try:
        return float(words[0]) if words else None
    except ValueError:
        return None


def workers_in(result: Result, folder: str = "") -> list[Worker] | None:
    """The workers that LIST found; None where the host does not tell. folder: of the application; workers that are
    seen to work elsewhere belong to another one."""
    if not result.ok:
        return None
    found = [worker for line in result.output.splitlines() if (worker := _worker(line)) is not None]
    return [worker for worker in found if not folder or not worker.folder or _inside(worker.folder, folder)]


def _worker(line: str) -> Worker | None:
    parts = line.split("\t", 3)
    if len(parts) < 4 or not parts[0].isdigit() or not parts[1].isdigit():
        return None
    return Worker(int(parts[0]), int(parts[1]) / 100, parts[2], parts[3].strip())


def _inside(place: str, folder: str) -> bool:
    return place == folder or place.startswith(f"{folder.rstrip('/')}/")


def told(host: str, workers: Sequence[Worker] | None, since: float | None) -> tuple[bool, str]:
    """Whether all workers of a host have started since, and what to say of it; where that cannot be told, they are not
    held against it."""
    if workers is None or since is None:
        return True, f"{host} does not tell which workers run"
    old = [worker for worker in workers if worker.started < since]
    if old:
        return False, f"{len(old)} of {len(workers)} workers on {host} run the code of before: {old[0]}"
    return True, f"{len(workers)} workers on {host} started since" if workers else f"no worker is seen on {host}"
