"""`make bench`: how long a thousand migrations take to assess."""

from __future__ import annotations

import sys
import time

from runbook_lib.migrations import assess
from tests.migrations.test_speed import many

COUNT = 1000
ROUNDS = 5


def main() -> int:
    files, took = many(COUNT), []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        assess(files, database="mysql")
        took.append(time.perf_counter() - began)
    print(f"{COUNT} migrations assessed: {min(took):.2f} s at best, {max(took):.2f} s at worst of {ROUNDS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
