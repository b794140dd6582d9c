"""Stopping by hand: the first interrupt ends the run after the step in hand, the second one at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from runbook_lib.errors import RunStopped

Asked = Callable[[], bool]


@contextmanager
def stoppable(enabled: bool, say: Callable[[str], None]) -> Iterator[Asked]:
    """While it lasts, the first SIGINT is kept: the function that is given says whether one came. The second raises
    KeyboardInterrupt as usual. enabled: whether a person sits here; signals need the main thread."""
    asked = threading.Event()
    if not enabled or threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def on_interrupt(_signum: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        say("stopping after the step in hand; once more stops at once")

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def stopped(step: str) -> RunStopped:
    """What ends a run that was stopped before this step."""
    return RunStopped(f"stopped before {step}, as you asked; every step before it is finished")
