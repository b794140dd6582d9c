"""What differs between the plan and the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runbook_lib.command import printable

SHOWN = 3


def difference(planned: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The first places in which two plans' facts differ, for a message."""
    found = list(_differences(planned, now, ""))
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more


def _differences(planned: Any, now: Any, path: str) -> Iterator[str]:
    if isinstance(planned, dict) and isinstance(now, dict):
        for key in sorted(planned.keys() | now.keys()):
            yield from _differences(planned.get(key), now.get(key), f"{path}.{key}" if path else key)
    elif planned != now:
        yield f"{path} was {printable(str(planned), 80)}, is {printable(str(now), 80)}"
