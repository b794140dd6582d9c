"""One at a time: named locks in the journal, each held by a live process.

A holder on this machine is alive when its process is (pid, told from a reused one by its birth); one on another
machine when its heartbeat moves. A dead holder's lock is taken over, and that is recorded. Every taking gets a
higher token, which fences what the former holder may still try to write.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runbook_lib.errors import JournalError, LockHeldError
from runbook_lib.run.journal import Journal

BEAT_SECONDS = 5.0
# A holder elsewhere that was silent this long is watched for SILENT_BEATS before it counts as dead: its clock may
# differ from ours, its counter cannot.
STALE_SECONDS = 30.0
SILENT_BEATS = 3

ACTOR_VARIABLE = "RUNBOOK_ACTOR"


def actor() -> str:
    """Who is at work: RUNBOOK_ACTOR, else who called sudo, else the user of this process."""
    for name in (ACTOR_VARIABLE, "SUDO_USER"):
        if os.environ.get(name):
            return os.environ[name][:80]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def host() -> str:
    """The name of this machine."""
    return socket.gethostname()


@dataclass(frozen=True)
class Holder:
    """Who holds a lock. born: identifies the process among all that had its pid; since, beat: Unix time."""

    name: str
    run: str
    actor: str
    host: str
    pid: int
    born: str
    token: int
    since: float
    beats: int
    beat: float

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"{self.actor}@{self.host} (pid {self.pid}, run {self.run}, since {since})"


@dataclass(frozen=True)
class Lease:
    """A lock that this process holds. taken_from: the dead holder it was taken over from, or None."""

    name: str
    token: int
    taken_from: Holder | None = None


class Locks:
    """The locks of one journal, as held by one run of this process."""

    def __init__(self, journal: Journal, run: str) -> None:
        self._journal = journal
        self._run = run
        self._held: dict[str, Lease] = {}
        self._stop = threading.Event()
        self._beating: threading.Thread | None = None

    @property
    def fences(self) -> list[tuple[str, int]]:
        """Name and token of every lock that is held: what the journal checks before each event."""
        return [(lease.name, lease.token) for lease in self._held.values()]

    def take(self, names: Sequence[str]) -> list[Lease]:
        """Take all of these locks or none. LockHeldError names the live holder of the first that is taken."""
        wanted = [name for name in names if name not in self._held]
        if not wanted:
            return []
        for holder in self.holders(wanted):
            if not _on_this_machine(holder):
                self._refuse_unless_silent(holder)
        taken: list[Lease] = []
        with self._journal.transaction() as connection:
            for name in wanted:
                row = connection.execute("SELECT * FROM locks WHERE name = ?", (name,)).fetchone()
                former = Holder(*row) if row else None
                if former is not None and alive(former):
                    raise _held(former)
                token = connection.execute("UPDATE tokens SET last = last + 1 RETURNING last").fetchone()[0]
                now = time.time()
                connection.execute(
                    "INSERT OR REPLACE INTO locks VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
                    (name, self._run, actor(), host(), os.getpid(), born(os.getpid()), token, now, now),
                )
                taken.append(Lease(name, token, former))
        self._held |= {lease.name: lease for lease in taken}
        self._beat_from_now_on()
        return taken

    def holders(self, names: Sequence[str] = ()) -> list[Holder]:
        """Who holds these locks (all when none is named), dead or alive."""
        with self._journal.transaction() as connection:
            rows = [Holder(*row) for row in connection.execute("SELECT * FROM locks ORDER BY name")]
        return [holder for holder in rows if not names or holder.name in names]

    def release(self) -> None:
        """Give back every lock that is still ours. Never raises: a lock that stays is taken over when we are gone."""
        self._stop.set()
        with contextlib.suppress(JournalError), self._journal.transaction() as connection:
            for lease in self._held.values():
                connection.execute("DELETE FROM locks WHERE name = ? AND token = ?", (lease.name, lease.token))
        self._held.clear()

    def _refuse_unless_silent(self, holder: Holder) -> None:
        if abs(time.time() - holder.beat) < STALE_SECONDS:
            raise _held(holder)
        for _ in range(SILENT_BEATS):
            time.sleep(BEAT_SECONDS)
            now = next(iter(self.holders([holder.name])), None)
            if now is not None and (now.token, now.beats) != (holder.token, holder.beats):
                raise _held(now)

    def _beat_from_now_on(self) -> None:
        if self._beating is None and self._held:
            self._beating = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
            self._beating.start()

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            # A beat that fails is made up by the next; the fence guards what matters.
            with contextlib.suppress(JournalError), self._journal.transaction() as connection:
                for lease in list(self._held.values()):
                    connection.execute(
                        "UPDATE locks SET beats = beats + 1, beat = ? WHERE name = ? AND token = ?",
                        (time.time(), lease.name, lease.token),
                    )


def alive(holder: Holder) -> bool:
    """Whether a holder is at work: its process here, its recent heartbeat elsewhere."""
    return _alive(holder) if _on_this_machine(holder) else abs(time.time() - holder.beat) < STALE_SECONDS


def born(pid: int) -> str:
    """What tells a process from a later one with the same pid: boot and start time; empty where unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # The command name may hold spaces and parentheses; fields are counted after its last ")".
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return f"{boot}:{fields[19]}" if fields[0] != "Z" else "zombie"
    except (OSError, IndexError):
        return ""


def runs(machine: str, pid: int) -> bool:
    """Whether a process seems to run; one on another machine counts as running, for it cannot be seen."""
    if machine != host():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return born(pid) != "zombie"


def _alive(holder: Holder) -> bool:
    return runs(holder.host, holder.pid) and born(holder.pid) == holder.born


def _on_this_machine(holder: Holder) -> bool:
    return holder.host == host()


def _held(holder: Holder) -> LockHeldError:
    return LockHeldError(
        f"{holder.name} is held by {holder}",
        next_step=f"wait for it, or look at it: `runbook show {holder.run}`",
    )
