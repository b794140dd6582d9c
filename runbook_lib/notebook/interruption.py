"""Signals and time limits, as exceptions in the cell that is running."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any

from runbook_lib.errors import RunInterrupted

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class CellTimeoutError(KeyboardInterrupt):
    """A cell took longer than it may. Like RunInterrupted not an Exception, and handed on by asyncio."""

    def __init__(self, seconds: float) -> None:
        self.message = f"the cell ran longer than {seconds:g} s"
        self.next_step = "find what it waited for, then run the same command again; --execution-timeout sets the limit"
        super().__init__(f"{self.message}\nNext: {self.next_step}")


class Interruption:
    """Turns the first signal into RunInterrupted in the running cell, and no signal into a torn record.

    Outside a cell a signal is noted in `received` and nothing is raised. Signals and time limits need the main
    thread; in any other, nothing is installed and the caller's own handling stays.
    """

    def __init__(self) -> None:
        self.received: RunInterrupted | None = None
        self._times: Counter[int] = Counter()
        self._in_cell = False
        self._limit = 0.0
        self._before: dict[int, Any] = {}
        self._timer_before = (0.0, 0.0)

    def __enter__(self) -> Interruption:
        if threading.current_thread() is not threading.main_thread():
            return self
        for signum in SIGNALS:
            # nohup ignores SIGHUP for the command that it starts, and that is to stay.
            if signum != signal.SIGHUP or signal.getsignal(signum) is not signal.SIG_IGN:
                self._before[signum] = signal.signal(signum, self._on_signal)
        self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._on_time_limit)
        self._timer_before = signal.setitimer(signal.ITIMER_REAL, 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, handler in self._before.items():
            # None: it was not installed from Python and cannot be put back from here.
            if handler is not None:
                signal.signal(signum, handler)
        if self._before:
            signal.setitimer(signal.ITIMER_REAL, *self._timer_before)

    @contextmanager
    def cell(self, limit: float) -> Iterator[None]:
        """While a cell runs: a signal raises RunInterrupted, more than `limit` seconds (0: none) CellTimeoutError."""
        self._limit = limit
        if self._before:
            signal.setitimer(signal.ITIMER_REAL, limit)
        self._in_cell = True
        try:
            yield
        finally:
            self._in_cell = False
            if self._before:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def _on_signal(self, signum: int, _frame: FrameType | None) -> None:
        self._times[signum] += 1
        if self.received is None:
            self.received = RunInterrupted(signum, signal.Signals(signum).name)
            if self._in_cell:
                # Once: the cell is to clean up undisturbed.
                self._in_cell = False
                raise self.received
        elif self._times[signum] == 2:
            self._say("ending; once more to kill\n")
        elif self._times[signum] > 2:
            os._exit(128 + signum)

    def _on_time_limit(self, _signum: int, _frame: FrameType | None) -> None:
        if self._in_cell:
            self._in_cell = False
            raise CellTimeoutError(self._limit)

    def _say(self, text: str) -> None:
        # Past Python's buffers: the signal may have come in the middle of writing to them.
        with suppress(OSError):
            os.write(2, text.encode())
