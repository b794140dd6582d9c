"""Several looks at once, each of which gets the same time and none of which can hold up the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.command import mask, printable
from runbook_lib.errors import RunbookError


@dataclass(frozen=True)
class Unseen:
    """Something that could not be looked at. why: one line."""

    why: str


def together(looks: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, Any]:
    """What each look returned, by its name; an Unseen for one that failed or is not back after `seconds`.

    A look that hangs is left behind: its thread does not keep this process alive.
    """
    found: dict[str, Any] = {}
    deadline = time.monotonic() + seconds
    threads = {
        name: threading.Thread(target=_look, args=(name, look, found), daemon=True) for name, look in looks.items()
    }
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    late = Unseen(f"no answer within {seconds:.0f} s")
    return {name: found.get(name, late) for name in looks}


def _look(name: str, look: Callable[[], Any], found: dict[str, Any]) -> None:
    try:
        found[name] = look()
    except RunbookError as error:
        found[name] = Unseen(printable(error.message, 300))
    except Exception as error:  # noqa: BLE001, RUF100 - whatever goes wrong with a look is a reading
        found[name] = Unseen(printable(mask(f"{type(error).__name__}: {error}"), 300))
