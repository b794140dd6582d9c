"""Readings from Redis: does it answer, how fast, does it have room, does it throw keys away."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runbook_lib.command import mask, printable

if TYPE_CHECKING:
    from redis import Redis

# Answers of which the median is told.
PINGS = 5
_DENIED = re.compile(r"authenticat|invalid username-password|NOAUTH|WRONGPASS|NOPERM|no permissions", re.IGNORECASE)


@dataclass(frozen=True)
class RedisState:
    """What Redis says of itself. reachable: it answered; saw: in words; seconds: of the median answer; used, limit:
    bytes of memory, limit 0 for none; evicted: keys thrown away since it started; refuses: why it takes no writes, or
    empty; clients, blocked: connections; up: seconds since it was started, or None where it does not tell."""

    reachable: bool
    saw: str
    seconds: float = 0.0
    version: str = ""
    used: int = 0
    limit: int = 0
    policy: str = ""
    evicted: int = 0
    refuses: str = ""
    clients: int = 0
    blocked: int = 0
    up: float | None = None

    @property
    def denies(self) -> bool:
        """Whether it answered that it does not let this look in: nothing is known of it but that it runs."""
        return not self.reachable and _DENIED.search(self.saw) is not None

    @property
    def full(self) -> bool:
        """Whether it has no room and throws nothing away: writes fail."""
        return bool(self.limit) and self.used >= self.limit and self.policy in ("", "noeviction")


def state(client: Redis) -> RedisState:
    """Ask once. Whatever goes wrong is a reading."""
    from redis.exceptions import RedisError

    began = time.monotonic()
    try:
        answers = sorted(_ping(client) for _ in range(PINGS))
        about: dict[str, Any] = dict(client.info())
    except (RedisError, OSError) as error:
        return RedisState(False, printable(mask(str(error)), 200), time.monotonic() - began)
    finally:
        client.close()
    return RedisState(
        reachable=True,
        saw=f"version {about.get('redis_version', 'unknown')}",
        seconds=answers[len(answers) // 2],
        version=str(about.get("redis_version", "")),
        used=int(about.get("used_memory", 0)),
        limit=int(about.get("maxmemory", 0)),
        policy=str(about.get("maxmemory_policy", "")),
        evicted=int(about.get("evicted_keys", 0)),
        refuses=_refuses(about),
        clients=int(about.get("connected_clients", 0)),
        blocked=int(about.get("blocked_clients", 0)),
        up=float(about["uptime_in_seconds"]) if "uptime_in_seconds" in about else None,
    )


def _ping(client: Redis) -> float:
    began = time.monotonic()
    client.ping()
    return time.monotonic() - began


def _refuses(about: dict[str, Any]) -> str:
    if about.get("loading"):
        return "it is loading its data"
    if about.get("role") == "slave":
        link = about.get("master_link_status", "")
        return f"it is a replica, its link is {printable(str(link), 20)}"
    if about.get("rdb_last_bgsave_status", "ok") != "ok":
        return "its last save failed, after which it stops writes"
    return ""
