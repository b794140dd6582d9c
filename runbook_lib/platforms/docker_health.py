"""Whether a container that was started can be relied on."""

from __future__ import annotations

import time
from typing import Any

from runbook_lib.command import mask, printable
from runbook_lib.errors import StepFailedError
from runbook_lib.platforms.docker_engine import Client

_POLL = 0.05
_STEADY = 1.0


def wait_until_up(client: Client, container: str, name: str, limit: float) -> None:
    """Wait until a container is healthy, or has been up for a second when its image has no health check.

    name: what the reader calls it. limit: seconds it may take; 0: one look whether it runs.
    StepFailedError, with the container's last words, when it ended, is unhealthy or took longer.
    """
    began = time.monotonic()
    while True:
        state = client.inspect_container(container)["State"]
        health = (state.get("Health") or {}).get("Status")
        passed = time.monotonic() - began
        if not state["Running"] or state.get("Restarting") or health == "unhealthy":
            raise _not_up(client, container, name, state)
        if not limit or health == "healthy" or (health is None and passed > _STEADY):
            return
        if passed > limit:
            raise _not_up(client, container, name, state)
        time.sleep(_POLL)


def _not_up(client: Client, container: str, name: str, state: dict[str, Any]) -> StepFailedError:
    health = (state.get("Health") or {}).get("Status") or "starting again and again"
    ended = f"is {health}" if state["Running"] else f"ended with status {state['ExitCode']}"
    words = mask(client.logs(container, tail=5).decode(errors="replace")).strip()
    return StepFailedError(
        f"the new container of {name} {ended}; its last words: {printable(words, 600) or 'none'}",
        next_step="the way back restores what served; then find out why this release does not start",
    )
