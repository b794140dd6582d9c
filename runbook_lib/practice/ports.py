"""Ports on the loopback address for the parts of a practice environment."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import islice

from runbook_lib.errors import PracticeError
from runbook_lib.practice import server
from runbook_lib.practice.ground import Ground, Marker

# Below the range from which systems give ports to outgoing connections: those would take one during a restart.
PORTS = range(20_000, 30_000)
TRIES = 200


def free_ports(ground: Ground, besides: Collection[int] = ()) -> dict[str, int]:
    """A free port for each part that listens; where the search starts depends on the folder, so that two checkouts that
    start at once seldom meet. besides: ports that belong to parts which do not run. PracticeError when there are too
    few."""
    first = zlib.crc32(os.fsencode(ground.folder))
    candidates = (PORTS[(first + step) % len(PORTS)] for step in range(TRIES))
    free = (port for port in candidates if port not in besides and server.free(port))
    found = list(islice(free, len(ground.ports)))
    if len(found) < len(ground.ports):
        raise PracticeError(
            f"no free port on {server.LOOPBACK} among {TRIES} from {PORTS[first % len(PORTS)]}",
            next_step="end programs that listen there, then run the same command again",
        )
    return dict(zip(ground.ports, found, strict=True))


def with_usable_ports(ground: Ground, marker: Marker, say: Callable[[str], None]) -> Marker:
    """The marker; with new ports where another program took one while its part was down. The traffic is ended then, so
    that it is started with the new ones."""
    taken = [name for name in ground.ports if not _is_ours(ground, name, marker.ports[name])]
    if not taken:
        return marker
    fresh = free_ports(ground, besides=marker.ports.values())
    for name in taken:
        say(f"{name}: port {marker.ports[name]} is taken by another program, now {fresh[name]}")
    server.stop(ground.traffic_lock)
    return replace(marker, ports={**marker.ports, **{name: fresh[name] for name in taken}})


def _is_ours(ground: Ground, name: str, port: int) -> bool:
    """Whether a part has its port or could have it."""

    def has() -> bool:
        return server.holder(ground.ports[name]) is not None

    # Asked twice, because a restart from elsewhere may end between the two questions.
    return has() or server.free(port) or has()
