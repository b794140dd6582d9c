"""What the process list shows while a test runs."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path


class Processes:
    """Looks at the command line and environment of every process, again and again. seen: by the command line and what
    was looked at."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}
        self.looks = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._end.is_set():
            self._look()
            self._end.wait(0.01)

    def _look(self) -> None:
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                with suppress(OSError):
                    argv, env = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
                    text = argv.replace(b"\0", b" ").decode("utf-8", "replace")
                    self.seen[f"argv {text}"] = text
                    self.seen[f"env {text}"] = env.replace(b"\0", b"\n").decode("utf-8", "replace")
        self.looks += 1

    def __enter__(self) -> Processes:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def text(self) -> str:
        return "\n".join(self.seen.values())
