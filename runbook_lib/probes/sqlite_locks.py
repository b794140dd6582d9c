"""Who holds the write lock of a SQLite file. The file formats and lock bytes are SQLite's: https://sqlite.org/walformat.html
and https://sqlite.org/lockingv3.html."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

# In the file itself: pending, reserved and shared bytes. In the file -shm: the byte of the write lock.
_PENDING = 0x40000000
_WAL_WRITE = 120


@dataclass(frozen=True)
class Holder:
    """A process on this machine with the write lock."""

    pid: int
    command: str


def refused(file: str, patience: float) -> tuple[str, float]:
    """Why the write lock cannot be had within `patience` seconds, or an empty string, and the seconds waited. "locked"
    where somebody else has it; else what SQLite says. It is given back at once, nothing is written."""
    began = time.monotonic()
    if not os.access(file, os.W_OK):
        # SQLite itself would begin a transaction that only reads, and say nothing.
        return "the file cannot be written", 0.0
    connection = sqlite3.connect(f"{Path(file).as_uri()}?mode=rw", timeout=patience, uri=True, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        text = str(error)
        return ("locked" if "locked" in text else text), time.monotonic() - began
    finally:
        connection.close()
    return "", time.monotonic() - began


def holders(file: str) -> list[Holder]:
    """The processes that hold it, from /proc/locks; none where the system has no such file."""
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return []
    wanted = {(_inode(file), _PENDING), (_inode(f"{file}-shm"), _WAL_WRITE)}
    found: dict[int, Holder] = {}
    for line in lines:
        # "1: POSIX  ADVISORY  WRITE 1234 08:01:5678 120 120"
        words = line.split()
        if len(words) != 8 or words[3] != "WRITE" or not words[4].isdigit():
            continue
        pid, inode, first = int(words[4]), words[5].rpartition(":")[2], int(words[6])
        if any(inode == name and _is_lock(first, start) for name, start in wanted) and pid != os.getpid():
            found[pid] = Holder(pid, _command(pid))
    return list(found.values())


def _is_lock(first: int, start: int) -> bool:
    return first == start if start == _WAL_WRITE else start <= first < start + 512


def _inode(file: str) -> str:
    try:
        return str(os.stat(file).st_ino)
    except OSError:
        return ""


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""
