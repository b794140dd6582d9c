"""Synthetic customers: a steady stream of requests to local shops. Run by path, see runbook_lib.practice.server.

    traffic.py LEASE PORT...

LEASE is a file: the traffic ends by itself when the file is gone or replaced, or was last touched LEASE_HOURS ago.
"""

from __future__ import annotations

import http.client
import os
import signal
import sys
import threading
import time
from itertools import cycle, islice
from pathlib import Path

LEASE_HOURS = 8
PER_SECOND = 8
# Enough that a shop which takes up to 0.5 s an answer still gets all requests.
WORKERS = 4
TIMEOUT = 2.0
LOOK = 2.0

BASKETS = ("sku=MUG-01&quantity=1", "sku=TEE-01&quantity=1", "sku=PIN-01&quantity=3", "sku=BAG-01&quantity=1")
VISITS = tuple(visit for basket in BASKETS for visit in (("GET", "/"), ("GET", "/"), ("POST", f"/checkout?{basket}")))


def visit(port: int, method: str, path: str) -> None:
    """One request; its answer is the shop's business, and no answer is no reason to stop."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request(method, path)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()


def keep_visiting(port: int, number: int) -> None:
    """Visits without end, evenly spread over the workers of a shop."""
    pause = WORKERS / PER_SECOND
    due = time.monotonic() + pause * number / WORKERS
    # An offset of its own in the list, so that the workers do not all check out at once.
    for method, path in islice(cycle(VISITS), number * 5, None):
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + pause, time.monotonic())
        visit(port, method, path)


def mark(lease: Path) -> tuple[int, int] | None:
    """What tells this lease from another at the same place; None when it is gone or over."""
    try:
        status = lease.stat()
    except OSError:
        return None
    over = time.time() - status.st_mtime > LEASE_HOURS * 3600
    return None if over else (status.st_dev, status.st_ino)


def main(lease: Path, ports: list[int]) -> None:
    """Send traffic until the lease ends."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    started_with = mark(lease)
    for port in ports:
        for number in range(WORKERS):
            threading.Thread(target=keep_visiting, args=(port, number), daemon=True).start()
    while started_with is not None and mark(lease) == started_with:
        time.sleep(LOOK)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(port) for port in sys.argv[2:]])
