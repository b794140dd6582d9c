"""The cache and queue of a practice shop: a server that speaks Redis' protocol, with what a shop and its operators ask
of one. Run by path with the bare interpreter, see runbook_lib.practice.server.

    store.py FOLDER PORT

Everything is in memory, as with a Redis that saves nothing. It ends by itself when FOLDER is gone or another.
"""

from __future__ import annotations

import fnmatch
import os
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

LOOK = 2.0
MOST_WORDS = 1_000_000
WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"


class RefusedError(Exception):
    """What a command is refused with, as Redis words it."""


class Store:
    """The keys: bytes, lists and sorted sets (member -> score), and when each expires."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._values: dict[bytes, Any] = {}
        self._expires: dict[bytes, float] = {}
        self.clients = 0
        self.started = time.time()

    # -- keys ---------------------------------------------------------------------------------------------------------

    def value(self, key: bytes, kind: type, otherwise: Any = None) -> Any:
        """What a key holds; `otherwise` where there is no such key. RefusedError when it holds another kind."""
        if self._expires.get(key, float("inf")) <= time.time():
            self.forget(key)
        found = self._values.get(key)
        if found is not None and not isinstance(found, kind):
            raise RefusedError(WRONG_TYPE)
        return otherwise if found is None else found

    def held(self, key: bytes, kind: type) -> Any:
        """What a key holds, made empty where there is no such key."""
        found = self.value(key, kind)
        return self._values.setdefault(key, kind()) if found is None else found

    def put(self, key: bytes, value: bytes, seconds: float | None, keep: bool) -> None:
        self._values[key] = value
        if not keep:
            self._expires.pop(key, None)
        if seconds is not None:
            self._expires[key] = time.time() + seconds

    def forget(self, key: bytes) -> int:
        self._expires.pop(key, None)
        return int(self._values.pop(key, None) is not None)

    def tidy(self, key: bytes) -> None:
        """A list or set that is empty is no key."""
        if not self._values.get(key, True):
            self.forget(key)

    def names(self) -> list[bytes]:
        return [key for key in list(self._values) if self.value(key, object) is not None]

    def kind(self, key: bytes) -> str:
        kinds = ((bytes, "string"), (list, "list"), (dict, "zset"))
        found = self.value(key, object)
        return next((name for kind, name in kinds if isinstance(found, kind)), "none")

    def expire(self, key: bytes, seconds: float) -> int:
        if self.value(key, object) is None:
            return 0
        self._expires[key] = time.time() + seconds
        return 1

    def left(self, key: bytes) -> int:
        if self.value(key, object) is None:
            return -2
        return round(self._expires[key] - time.time()) if key in self._expires else -1

    def clear(self) -> None:
        self._values.clear()
        self._expires.clear()


class Simple(str):
    """An answer that is no text but a status, such as OK."""


OK = Simple("OK")


def answer(store: Store, words: list[bytes]) -> Any:
    """What a command answers: None, int, bytes, str, Simple or a list of those. RefusedError for what is not known."""
    name = words[0].decode("utf-8", "replace").upper()
    command = COMMANDS.get(name)
    if command is None:
        raise RefusedError(f"ERR unknown command '{name[:40]}'")
    try:
        return command(store, *words[1:])
    except (TypeError, ValueError, IndexError) as error:
        raise RefusedError(f"ERR wrong arguments for '{name.lower()}'") from error


def _set(store: Store, key: bytes, value: bytes, *options: bytes) -> Any:
    named = [option.upper() for option in options]
    there = store.value(key, object) is not None
    if (b"NX" in named and there) or (b"XX" in named and not there):
        return None
    seconds = None
    for name, unit in ((b"EX", 1.0), (b"PX", 0.001)):
        if name in named:
            seconds = float(options[named.index(name) + 1]) * unit
    store.put(key, value, seconds, b"KEEPTTL" in named)
    return OK


def _add(store: Store, key: bytes, amount: int) -> int:
    total = int(store.value(key, bytes, b"0")) + amount
    store.put(key, str(total).encode(), None, keep=True)
    return total


def _push(store: Store, key: bytes, values: tuple[bytes, ...], first: bool) -> int:
    items = store.held(key, list)
    for value in values:
        items.insert(0 if first else len(items), value)
    return len(items)


def _pop(store: Store, key: bytes, at: int) -> bytes | None:
    items = store.value(key, list)
    if not items:
        return None
    item: bytes = items.pop(at)
    store.tidy(key)
    return item


def _slice(items: list[Any], first: bytes, last: bytes) -> list[Any]:
    start, end = int(first), int(last)
    return items[max(0, start + len(items) if start < 0 else start) : (end + len(items) if end < 0 else end) + 1]


def _lrem(store: Store, key: bytes, count: bytes, value: bytes) -> int:
    items = store.value(key, list, [])
    gone = 0
    while value in items and (int(count) == 0 or gone < abs(int(count))):
        items.remove(value)
        gone += 1
    store.tidy(key)
    return gone


def _zadd(store: Store, key: bytes, *pairs: bytes) -> int:
    members = store.held(key, dict)
    before = len(members)
    for score, member in zip(pairs[::2], pairs[1::2], strict=True):
        members[member] = float(score)
    return len(members) - before


def _zrem(store: Store, key: bytes, *members: bytes) -> int:
    held = store.value(key, dict, {})
    gone = sum(held.pop(member, None) is not None for member in members)
    store.tidy(key)
    return gone


def _ordered(store: Store, key: bytes) -> list[tuple[float, bytes]]:
    return sorted((score, member) for member, score in store.value(key, dict, {}).items())


def _zrange(store: Store, key: bytes, first: bytes, last: bytes, *options: bytes) -> list[bytes]:
    chosen = _slice(_ordered(store, key), first, last)
    with_scores = b"WITHSCORES" in [option.upper() for option in options]
    return [word for score, member in chosen for word in ([member, _number(score)] if with_scores else [member])]


def _zbetween(store: Store, key: bytes, low: bytes, high: bytes, *_: bytes) -> list[bytes]:
    return [member for score, member in _ordered(store, key) if float(low) <= score <= float(high)]


def _number(score: float) -> bytes:
    return (str(int(score)) if score == int(score) else repr(score)).encode()


def _scan(store: Store, cursor: bytes, *options: bytes) -> list[Any]:
    """All keys at once: there are few."""
    named = {options[i].upper(): options[i + 1] for i in range(0, len(options) - 1, 2)}
    pattern = named.get(b"MATCH", b"*").decode("latin-1").replace("\\", "")
    return [b"0", [key for key in store.names() if fnmatch.fnmatchcase(key.decode("latin-1"), pattern)]]


def _info(store: Store, *_: bytes) -> bytes:
    lines = {
        "redis_version": "7.0.0",
        "redis_mode": "standalone",
        "role": "master",
        "process_id": os.getpid(),
        "uptime_in_seconds": int(time.time() - store.started),
        "connected_clients": store.clients,
        "blocked_clients": 0,
        "used_memory": 0,
        "maxmemory": 0,
        "maxmemory_policy": "noeviction",
        "loading": 0,
        "rdb_last_bgsave_status": "ok",
        "evicted_keys": 0,
    }
    return "".join(f"{name}:{value}\r\n" for name, value in lines.items()).encode()


def _flush(store: Store, *_: bytes) -> Simple:
    store.clear()
    return OK


COMMANDS: dict[str, Callable[..., Any]] = {
    "PING": lambda store, *words: words[0] if words else Simple("PONG"),
    "ECHO": lambda store, word: word,
    "SELECT": lambda store, number: OK,
    "CLIENT": lambda store, *words: OK,
    "INFO": _info,
    "TIME": lambda store: [str(int(time.time())).encode(), b"0"],
    "DBSIZE": lambda store: len(store.names()),
    "FLUSHDB": _flush,
    "FLUSHALL": _flush,
    "GET": lambda store, key: store.value(key, bytes),
    "MGET": lambda store, *keys: [store.value(key, bytes) for key in keys],
    "SET": _set,
    "SETEX": lambda store, key, seconds, value: _set(store, key, value, b"EX", seconds),
    "DEL": lambda store, *keys: sum(store.forget(key) for key in keys),
    "EXISTS": lambda store, *keys: sum(store.value(key, object) is not None for key in keys),
    "TYPE": lambda store, key: Simple(store.kind(key)),
    "EXPIRE": lambda store, key, seconds: store.expire(key, float(seconds)),
    "TTL": lambda store, key: store.left(key),
    "INCR": lambda store, key: _add(store, key, 1),
    "INCRBY": lambda store, key, amount: _add(store, key, int(amount)),
    "KEYS": lambda store, pattern: _scan(store, b"0", b"MATCH", pattern)[1],
    "SCAN": _scan,
    "RPUSH": lambda store, key, *values: _push(store, key, values, first=False),
    "LPUSH": lambda store, key, *values: _push(store, key, values, first=True),
    "LPOP": lambda store, key: _pop(store, key, 0),
    "RPOP": lambda store, key: _pop(store, key, -1),
    "LLEN": lambda store, key: len(store.value(key, list, [])),
    "LRANGE": lambda store, key, first, last: _slice(store.value(key, list, []), first, last),
    "LINDEX": lambda store, key, at: (_slice(store.value(key, list, []), at, at) or [None])[0],
    "LREM": _lrem,
    "ZADD": _zadd,
    "ZREM": _zrem,
    "ZCARD": lambda store, key: len(store.value(key, dict, {})),
    "ZSCORE": lambda store, key, member: (
        None if (score := store.value(key, dict, {}).get(member)) is None else _number(score)
    ),
    "ZCOUNT": lambda store, key, low, high: len(_zbetween(store, key, low, high)),
    "ZRANGE": _zrange,
    "ZRANGEBYSCORE": _zbetween,
}


# -- the protocol -----------------------------------------------------------------------------------------------------


def read(stream: BinaryIO) -> list[bytes]:
    """The words of the next command; none at the end of the connection."""
    line = stream.readline(65_536)
    if not line.startswith(b"*"):
        return line.split()
    words = []
    for _ in range(min(int(line[1:]), MOST_WORDS)):
        length = int(stream.readline(64)[1:])
        words.append(stream.read(length))
        stream.read(2)
    return words


def encoded(value: Any) -> bytes:
    """An answer as RESP, version 2."""
    if value is None:
        return b"$-1\r\n"
    if isinstance(value, Simple):
        return f"+{value}\r\n".encode()
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, list):
        return b"*%d\r\n" % len(value) + b"".join(encoded(item) for item in value)
    content = value.encode() if isinstance(value, str) else value
    return b"$%d\r\n%s\r\n" % (len(content), content)


class Client(socketserver.StreamRequestHandler):
    """One connection."""

    disable_nagle_algorithm = True
    server: Server

    def handle(self) -> None:
        store = self.server.store
        store.clients += 1
        try:
            while words := read(self.rfile):  # type: ignore[arg-type]
                self.wfile.write(self._answered(store, words))
        except (OSError, ValueError):
            pass  # it went away, or speaks another protocol
        finally:
            store.clients -= 1

    def _answered(self, store: Store, words: list[bytes]) -> bytes:
        try:
            with store.lock:
                return encoded(answer(store, words))
        except RefusedError as refused:
            return f"-{refused}\r\n".encode()


class Server(socketserver.ThreadingTCPServer):
    """Listens on the loopback address."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int) -> None:
        self.store = Store()
        super().__init__(("127.0.0.1", port), Client)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def main(folder: Path, port: int) -> None:
    """Serve until the folder is gone."""
    here = _identity(folder)
    with Server(port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        while here is not None and _identity(folder) == here:
            time.sleep(LOOK)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
