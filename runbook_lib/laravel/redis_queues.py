"""Queues that Laravel keeps in Redis: the list `<prefix>queues:NAME`, the sorted sets `:delayed` and `:reserved` beside
it. Jobs that are set aside are kept in the list `:aside:MARK` beside them, so that a cluster has them in one place.

Each entry there is what to return and where: suffix of the key, score, payload, separated by line feeds. It stays for
KEEP seconds after all was put back; the counter `:aside:MARK:back` says how many entries were.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runbook_lib.command import printable
from runbook_lib.datastores.redis import talking
from runbook_lib.errors import PlatformError
from runbook_lib.laravel.queues import Aside, Choice, Depth, Job, Place, checked_mark, refuse_other

if TYPE_CHECKING:
    from redis import Redis

KEEP = 7 * 86_400
# Payloads moved by one script: other clients wait for its end.
AT_ONCE = 50
# Passes over a queue to which the chosen jobs keep coming.
PASSES = 5

_KINDS = (b"list", b"zset")
_SUFFIXES: dict[Place, bytes] = {"waiting": b"", "delayed": b":delayed", "reserved": b":reserved"}

# A job that a worker took meanwhile is no longer there, and is left to it.
_SET_ASIDE = """
local moved = 0
for i = 2, #ARGV do
    local score = ''
    local gone = 0
    if ARGV[1] == '' then
        gone = redis.call('lrem', KEYS[1], 1, ARGV[i])
    else
        score = redis.call('zscore', KEYS[1], ARGV[i])
        gone = redis.call('zrem', KEYS[1], ARGV[i])
    end
    if gone == 1 then
        redis.call('rpush', KEYS[2], ARGV[1] .. '\\n' .. score .. '\\n' .. ARGV[i])
        moved = moved + 1
    end
end
return moved
"""

_PUT_BACK = """
local back = tonumber(redis.call('get', KEYS[2]) or '0')
local entries = redis.call('lrange', KEYS[1], back, back + tonumber(ARGV[1]) - 1)
for _, entry in ipairs(entries) do
    local first = string.find(entry, '\\n', 1, true)
    local second = string.find(entry, '\\n', first + 1, true)
    local suffix = string.sub(entry, 1, first - 1)
    local payload = string.sub(entry, second + 1)
    if suffix == '' then
        redis.call('rpush', KEYS[3], payload)
        redis.call('rpush', KEYS[6], 1)
    elseif suffix == ':delayed' then
        redis.call('zadd', KEYS[4], string.sub(entry, first + 1, second - 1), payload)
    else
        redis.call('zadd', KEYS[5], string.sub(entry, first + 1, second - 1), payload)
    end
end
redis.call('incrby', KEYS[2], #entries)
if back + #entries >= redis.call('llen', KEYS[1]) then
    redis.call('expire', KEYS[1], ARGV[2])
    redis.call('expire', KEYS[2], ARGV[2])
end
return #entries
"""


class RedisQueues:
    """The queues of one application. client: with bytes as answers; prefix: REDIS_PREFIX of the application."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client: Any = client
        self._prefix = prefix.encode()

    def jobs(self) -> Iterator[Job]:
        with talking():
            for queue in self._queues():
                for place in _SUFFIXES:
                    yield from self._jobs(queue, place)

    def depths(self) -> dict[str, Depth]:
        now = time.time()
        with talking():
            return {self._name(queue): self._depth(queue, now) for queue in self._queues()}

    def _depth(self, queue: bytes, now: float) -> Depth:
        later, taken = queue + _SUFFIXES["delayed"], queue + _SUFFIXES["reserved"]
        listed = self._client.llen(queue)
        due = self._client.zcount(later, "-inf", now)
        # A reserved job whose time is over is taken again: its worker died.
        lost = self._client.zcount(taken, "-inf", now)
        first = self._client.lindex(queue, 0) if listed else None
        moments = [_pushed(first)] if first else []
        moments += [score for key, count in ((later, due), (taken, lost)) if count for score in self._first(key)]
        known = [moment for moment in moments if moment is not None]
        return Depth(
            listed + due + lost,
            self._client.zcard(later) - due,
            self._client.zcard(taken) - lost,
            min(known) if known else None,
        )

    def _first(self, key: bytes) -> list[float]:
        return [float(score) for _, score in self._client.zrange(key, 0, 0, withscores=True)]

    def set_aside(self, mark: str, chosen: Choice, *, reserved: bool = False) -> Aside:
        # In the order in which jobs move on, so that none slips by.
        places: tuple[Place, ...] = ("reserved", "delayed", "waiting") if reserved else ("delayed", "waiting")
        with talking():
            for queue in self._queues():
                self._refuse_put_back(queue, checked_mark(mark))
                for place in places:
                    self._move_all(queue, place, mark, chosen)
        return self.aside(mark)

    def aside(self, mark: str) -> Aside:
        with talking():
            return Aside.of(mark, [entry.split(b"\n", 2)[2] for key in self._kept(mark) for entry in self._all(key)])

    def put_back(self, aside: Aside) -> int:
        refuse_other(self.aside(aside.mark), aside)
        returned = 0
        with talking():
            for key in self._kept(aside.mark):
                base = key[: -len(b":aside:" + aside.mark.encode())]
                keys = (key, key + b":back", base, base + b":delayed", base + b":reserved", base + b":notify")
                while moved := self._client.eval(_PUT_BACK, len(keys), *keys, AT_ONCE, KEEP):
                    returned += moved
        return returned

    # -- keys ---------------------------------------------------------------------------------------------------------

    def _queues(self) -> list[bytes]:
        """The keys of the queues, without suffix; what else lies beside them, such as a flag, is none."""
        found: set[bytes] = set()
        for key in self._keys(b"*"):
            base = key
            for suffix in (b":delayed", b":reserved", b":notify"):
                base = base.removesuffix(suffix)
            if b":aside:" not in base and self._client.type(key) in _KINDS:
                found.add(base)
        return sorted(found)

    def _kept(self, mark: str) -> list[bytes]:
        return sorted(set(self._keys(b"*:aside:" + checked_mark(mark).encode())))

    def _keys(self, pattern: bytes) -> Iterator[bytes]:
        yield from self._client.scan_iter(match=_literal(self._prefix) + b"queues:" + pattern, count=1000)

    def _name(self, queue: bytes) -> str:
        return queue.removeprefix(self._prefix + b"queues:").decode("utf-8", "replace")

    # -- jobs ---------------------------------------------------------------------------------------------------------

    def _jobs(self, queue: bytes, place: Place) -> Iterator[Job]:
        for payload in self._all(queue + _SUFFIXES[place]):
            yield Job(self._name(queue), place, payload)

    def _all(self, key: bytes) -> Iterator[bytes]:
        """The members of a list or sorted set in their order, read bit by bit."""
        kind = self._client.type(key)
        read = {b"list": self._client.lrange, b"zset": self._client.zrange}.get(kind)
        start = 0
        while read is not None and (members := read(key, start, start + 999)):
            yield from members
            start += len(members)

    def _move_all(self, queue: bytes, place: Place, mark: str, chosen: Choice) -> None:
        keys = (queue + _SUFFIXES[place], queue + b":aside:" + mark.encode())
        for _ in range(PASSES):
            wanted = [job.payload for job in self._jobs(queue, place) if chosen(job)]
            for start in range(0, len(wanted), AT_ONCE):
                some = wanted[start : start + AT_ONCE]
                self._client.eval(_SET_ASIDE, len(keys), *keys, _SUFFIXES[place], *some)
            if not wanted:
                return
        raise PlatformError(
            f"jobs to be set aside keep coming to the queue {printable(self._name(queue), 80)}",
            next_step="stop what dispatches them, then run it again",
        )

    def _refuse_put_back(self, queue: bytes, mark: str) -> None:
        if self._client.exists(queue + b":aside:" + mark.encode() + b":back"):
            raise PlatformError(f"what the mark {mark} kept was put back", next_step="use another mark")


def _pushed(payload: bytes) -> float | None:
    """When a job was pushed, where its payload says so: Laravel since 11 (createdAt), Horizon (pushedAt)."""
    try:
        data = json.loads(payload)
        return float(data.get("createdAt") or data.get("pushedAt") or 0) or None
    except (ValueError, TypeError, AttributeError):
        return None


def _literal(text: bytes) -> bytes:
    """A text as a pattern that matches nothing else."""
    return b"".join(b"\\" + bytes([byte]) if byte in b"*?[]\\^" else bytes([byte]) for byte in text)
