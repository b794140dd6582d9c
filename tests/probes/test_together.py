"""Several looks at once, none of which can hold up the others."""

from __future__ import annotations

import threading
import time

from runbook_lib.command import Secret
from runbook_lib.errors import PlatformError
from runbook_lib.probes.together import Unseen, together


def test_they_run_side_by_side() -> None:
    began = time.monotonic()
    found = together({str(n): lambda n=n: time.sleep(0.2) or n for n in range(20)}, 5)
    assert found == {str(n): n for n in range(20)}
    assert time.monotonic() - began < 1.5


def test_one_that_hangs_is_left_behind() -> None:
    never = threading.Event()
    began = time.monotonic()
    found = together({"hangs": never.wait, "works": lambda: 1}, 0.3)
    assert time.monotonic() - began < 1
    assert found == {"hangs": Unseen("no answer within 0 s"), "works": 1}
    never.set()


def test_one_that_fails_says_why_and_shows_no_secret() -> None:
    Secret("hunter2-hunter2")

    def refused() -> None:
        raise PlatformError("the database is down", next_step="look at it")

    def broken() -> None:
        raise ValueError("password hunter2-hunter2 is wrong")

    found = together({"refused": refused, "broken": broken}, 5)
    assert found["refused"] == Unseen("the database is down")
    assert found["broken"] == Unseen("ValueError: password [secret] is wrong")
