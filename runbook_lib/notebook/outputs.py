"""What the cells of a runbook print, show and raise, as the outputs of the notebook."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from runbook_lib.command import mask

Listener = Callable[[str, str], None]


class CellOutputs:
    """Appends to the outputs of the cell that runs, secrets masked; may be called from any thread.

    lock: held while outputs change; whoever reads the notebook meanwhile takes it. changed: whether anything was
    appended since it was last set to False. listeners: told name ("stdout", "stderr", "result") and text of each.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = False
        self.listeners: list[Listener] = []
        self._outputs: list[NotebookNode] = []
        self._written: list[str] = []
        self._clear_next = False
        self._shown: dict[str, list[NotebookNode]] = {}

    def begin(self, cell: NotebookNode) -> None:
        """What follows belongs to this cell."""
        with self.lock:
            self.settle()
            cell.outputs = []
            self._outputs = cell.outputs
            self._clear_next = False

    def settle(self) -> None:
        """Bring into the notebook what was written since the last output."""
        with self.lock:
            if self._written:
                self._outputs[-1]["text"] += "".join(self._written)
                self._written = []

    def write(self, name: str, text: str) -> None:
        """Text on the stream of that name; joined with what the same stream wrote before it."""
        text = mask(text)
        with self.lock:
            last = self._outputs[-1] if self._outputs and not self._clear_next else {}
            if last.get("name") != name:
                self._append(new_output("stream", name=name, text=""))  # type: ignore[no-untyped-call]
            self._written.append(text)
            self.changed = True
        self._tell(name, text)

    def show(self, data: dict[str, Any], metadata: dict[str, Any] | None, display_id: str | None) -> None:
        """Something displayed; under a display_id it can be replaced later."""
        output = new_output("display_data", data=_storable(data), metadata=_storable(metadata or {}))  # type: ignore[no-untyped-call]
        with self.lock:
            self._append(output)
            if display_id:
                self._shown.setdefault(display_id, []).append(output)
        self._tell("result", output["data"].get("text/plain", ""))

    def replace(self, data: dict[str, Any], metadata: dict[str, Any] | None, display_id: str) -> None:
        """Put something else in the place of what was displayed under a display_id, wherever that was."""
        with self.lock:
            for output in self._shown.get(display_id, ()):
                output["data"], output["metadata"] = _storable(data), _storable(metadata or {})
            self.changed = True

    def result(self, count: int, data: dict[str, Any], metadata: dict[str, Any] | None) -> None:
        """The value of the cell's last expression."""
        output = new_output("execute_result", execution_count=count, data=_storable(data))  # type: ignore[no-untyped-call]
        output["metadata"] = _storable(metadata or {})
        with self.lock:
            self._append(output)
        self._tell("result", output["data"].get("text/plain", ""))

    def error(self, name: str, message: str, traceback: list[str]) -> None:
        """An exception that ended the cell."""
        lines = [mask(line) for line in traceback]
        with self.lock:
            self._append(new_output("error", ename=name, evalue=mask(message), traceback=lines))  # type: ignore[no-untyped-call]

    def clear(self, wait: bool) -> None:
        """Take the cell's outputs back, at once or when the next one comes."""
        with self.lock:
            self._clear_next = wait
            if not wait:
                self._empty()

    def _append(self, output: NotebookNode) -> None:
        if self._clear_next:
            self._empty()
        self.settle()
        self._outputs.append(output)
        self.changed = True

    def _empty(self) -> None:
        self._clear_next = False
        self._written = []
        self._outputs.clear()

    def _tell(self, name: str, text: str) -> None:
        for listener in self.listeners:
            listener(name, text)


class CellStream(io.TextIOBase):
    """sys.stdout or sys.stderr of the cells."""

    encoding = "utf-8"

    def __init__(self, name: str, outputs: CellOutputs) -> None:
        self.name = name
        self._outputs = outputs

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._outputs.write(self.name, text)
        return len(text)


def _storable(value: Any) -> Any:
    """The value as JSON can hold it, secrets masked: bytes in base64, anything unknown as its text."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return NotebookNode({str(key): _storable(item) for key, item in value.items()})  # type: ignore[no-untyped-call]
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else mask(str(value))
