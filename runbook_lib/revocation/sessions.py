"""Sessions that are kept in files or in Redis: all of them, for neither tells whose they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from runbook_lib.command import Command
from runbook_lib.config import Revocation, Target
from runbook_lib.datastores.redis import redis_of, talking

TIMEOUT = 120.0
_BATCH = 500
# Laravel makes ids of 40 letters and digits.
_ID = "[a-zA-Z0-9]" * 40
_ENDS_IN_ID = re.compile(rb"[A-Za-z0-9]{40}\Z")
# Laravel does not make the folder: where it is missing, sessions are elsewhere. A file may end by itself in between.
_FIND = '[ -d "$1" ] || { echo "there is no folder $1"; exit 1; }; find -H "$1" -type f -name "$2" '


def count_files(about: Revocation, folder: str) -> Command:
    """The command that counts session files. folder: of the application."""
    return _shell(f"{_FIND} | wc -l", about, folder)


def remove_files(about: Revocation, folder: str) -> Command:
    """The command that removes them."""
    return _shell(f"{_FIND} -exec rm -f -- {{}} +", about, folder)


def _shell(script: str, about: Revocation, folder: str) -> Command:
    return Command.of("sh", "-c", script, "runbook", about.session_folder, _ID, cwd=folder, timeout=TIMEOUT)


def count_keys(target: Target) -> int:
    """How many sessions Redis has. PlatformError."""
    with talking(), redis_of(target) as client:
        return sum(1 for _ in _keys(client, target))


def remove_keys(target: Target) -> int:
    """Remove the sessions from Redis; how many. PlatformError."""
    with talking(), redis_of(target) as client:
        keys, removed = _keys(client, target), 0
        while batch := list(islice(keys, _BATCH)):
            removed += int(client.unlink(*batch))
        return removed


def _keys(client: Any, target: Target) -> Iterator[bytes]:
    redis = target.environment.redis
    prefix = f"{redis.prefix if redis else ''}{target.environment.revocation.session_prefix}"
    literal = re.sub(r"([*?\[\]\\^])", r"\\\1", prefix)
    length = len(prefix.encode()) + 40
    for key in client.scan_iter(match=f"{literal}*", count=_BATCH):
        if len(key) == length and _ENDS_IN_ID.search(key):
            yield key
