"""Features that the shop can do without, and how many requests a second it takes. Kept in Redis; what is not there is
on and without limit.
"""

import threading
import time

import store

NAMES = ("recommendations", "payments")
LIMIT = f"{store.PREFIX}limit"
KEYS = [*(f"{store.PREFIX}features:{name}" for name in NAMES), LIMIT]
# For so long an answer counts, so that Redis is not asked by every request.
LASTS = 0.3

_lock = threading.Lock()
_known = {"until": 0.0, "values": [None] * len(KEYS), "second": 0, "count": 0}


def values():
    """What Redis holds; while it does not answer, what it held."""
    if store.is_used() and time.monotonic() >= _known["until"]:
        _known["until"] = time.monotonic() + LASTS
        try:
            with store.opened() as ask:
                _known["values"] = ask("MGET", *KEYS)
        except (store.StoreUnavailable, store.StoreError):
            pass
    return _known["values"]


def is_on(name):
    return values()[NAMES.index(name)] not in (b"0", b"off")


def turned_away():
    """Whether this request is one too many in this second."""
    limit = values()[-1]
    if limit is None or not limit.isdigit():
        return False
    with _lock:
        second = int(time.time())
        if _known["second"] != second:
            _known["second"], _known["count"] = second, 0
        _known["count"] += 1
        return _known["count"] > int(limit)
