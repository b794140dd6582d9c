"""Readings from the queues: what waits, for how long, what failed."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from runbook_lib.config import Target
from runbook_lib.datastores.redis import redis_of
from runbook_lib.datastores.sql import Sql, sql_of
from runbook_lib.errors import ConfigurationError, PlatformError
from runbook_lib.laravel.database_queues import DatabaseQueues
from runbook_lib.laravel.queues import Depth, Store
from runbook_lib.laravel.redis_queues import RedisQueues

FAILED_SECONDS = 3600.0


@dataclass(frozen=True)
class QueueState:
    """All queues at one moment. at: Unix time; depths: by queue; failed: jobs that failed in the last hour, by queue,
    or None where that cannot be seen."""

    at: float
    depths: Mapping[str, Depth]
    failed: Mapping[str, int] | None = None

    @property
    def waiting(self) -> int:
        return sum(depth.waiting for depth in self.depths.values())

    @property
    def reserved(self) -> int:
        return sum(depth.reserved for depth in self.depths.values())

    @property
    def oldest_age(self) -> float:
        """Seconds for which the oldest job has waited, 0 when nothing tells."""
        known = [depth.oldest for depth in self.depths.values() if depth.oldest is not None]
        return max(0.0, self.at - min(known)) if known else 0.0


def store_of(target: Target) -> Store:
    """Where an environment keeps its queues. ConfigurationError where no table queues is configured."""
    queues = target.environment.queues
    if queues is None:
        raise ConfigurationError(f"{target.label} has no table queues", next_step="add it to runbooks.toml")
    if queues.store == "database":
        return DatabaseQueues(sql_of(target), queues.table)
    redis = target.environment.redis
    return RedisQueues(redis_of(target), redis.prefix if redis else "")


def state(target: Target) -> QueueState:
    """Count once. ConfigurationError, PlatformError."""
    depths = store_of(target).depths()
    return QueueState(time.time(), depths, _failed(target))


def _failed(target: Target) -> dict[str, int] | None:
    table = target.environment.queues.failed if target.environment.queues else ""
    if not table or target.environment.database is None or not re.fullmatch(r"[A-Za-z_]\w{0,62}", table):
        return None
    try:
        return _failed_since(sql_of(target), table, time.time() - FAILED_SECONDS)
    except PlatformError:
        return None


def _failed_since(sql: Sql, table: str, since: float) -> dict[str, int]:
    # Laravel writes the application's time without a zone, by default UTC.
    moment = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d %H:%M:%S")
    with sql.transaction(writes=False) as execute:
        rows = execute(f"SELECT queue, count(*) FROM {table} WHERE failed_at >= %s GROUP BY queue", moment)  # noqa: S608
    return {str(queue): int(count) for queue, count in rows}
