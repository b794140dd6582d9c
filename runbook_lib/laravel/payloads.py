"""What a queued job needs, read from its payload as text. Nothing is unserialised: a payload may come from anybody who
can write to the queue, and its classes need not exist here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

UNREADABLE = "(unreadable)"

# Classes of the framework that carry another one, which the payload's displayName then names.
_CARRIERS = frozenset(
    {
        "Illuminate\\Broadcasting\\BroadcastEvent",
        "Illuminate\\Events\\CallQueuedListener",
        "Illuminate\\Mail\\SendQueuedMailable",
        "Illuminate\\Notifications\\SendQueuedNotifications",
        "Illuminate\\Queue\\CallQueuedClosure",
    }
)
_CLASS = re.compile(r"[A-Za-z_\x80-\uffff][\w\x80-\uffff]*(\\[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)*")
# In PHP's serialised text: objects, enums and the classes of models, which are named beside their keys.
_SERIALISED = re.compile(r'[OCE]:\d+:"([^":]+)[":]|s:5:"class";s:\d+:"([^"]+)"')


@dataclass(frozen=True)
class Payload:
    """A job. name: its class, what a person would call it. classes: all that are named in it, its own first."""

    name: str
    classes: tuple[str, ...]


def read(payload: bytes) -> Payload:
    """Read a payload. One that is no JSON of Laravel's is called UNREADABLE and names no class."""
    try:
        data = json.loads(payload.decode("utf-8", "surrogateescape"))
        command = data.get("data") or {}
        own = _own(data, command)
        serialised = command.get("command") if isinstance(command, dict) else None
    except (ValueError, AttributeError, RecursionError):
        return Payload(UNREADABLE, ())
    if not own:
        return Payload(UNREADABLE, ())
    named = [own, *_carrier(command), *_named(serialised)]
    return Payload(own, tuple(dict.fromkeys(name for name in named if _CLASS.fullmatch(name))))


def _own(data: dict[str, Any], command: Any) -> str:
    """The class that the job is about."""
    name = str(command.get("commandName") or "") if isinstance(command, dict) else ""
    shown = str(data.get("displayName") or "")
    if name and name not in _CARRIERS:
        return name.lstrip("\\")
    # A job that was pushed by its name: "App\\Jobs\\Import@handle".
    return (shown or str(data.get("job") or "").partition("@")[0]).partition("@")[0].lstrip("\\")


def _carrier(command: Any) -> list[str]:
    return [str(command["commandName"])] if isinstance(command, dict) and command.get("commandName") else []


def _named(serialised: object) -> list[str]:
    """Classes in PHP's serialised text; an encrypted one shows none."""
    if not isinstance(serialised, str):
        return []
    return [(match[1] or match[2]).lstrip("\\") for match in _SERIALISED.finditer(serialised)]
