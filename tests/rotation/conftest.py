"""What was in the process list while a test ran."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.actions.conftest import _quiet

__all__ = ["_quiet"]


class Processes:
    """Looks at the command line and environment of every process, again and again."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.looks = 0

    def _watch(self) -> None:
        while not self._end.is_set():
            self.look()
            self._end.wait(0.002)

    def look(self) -> None:
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                for name in ("cmdline", "environ"):
                    with suppress(OSError):
                        self._seen.add((folder / name).read_bytes())
        self.looks += 1

    def __enter__(self) -> Processes:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def seen(self) -> str:
        return b"\0".join(list(self._seen)).decode("utf-8", "replace")


@pytest.fixture
def processes() -> Iterator[Processes]:
    with Processes() as watched:
        yield watched
