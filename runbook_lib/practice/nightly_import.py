"""An import of prices that hangs in the middle of its transaction. Run by path with the bare interpreter, see
runbook_lib.practice.server.

    nightly_import.py DATABASE

It holds the database's write lock until it is ended, or until the database is gone.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time

LOOK = 1.0


def main(file: str) -> None:
    """Begin, change prices, and never commit."""
    database = sqlite3.connect(f"file:{file}?mode=rw", uri=True, timeout=30, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    database.execute("UPDATE prices SET cents = cents")
    while os.path.exists(file):
        time.sleep(LOOK)


if __name__ == "__main__":
    main(sys.argv[1])
