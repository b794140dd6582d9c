"""Where an environment keeps its queued jobs, as runbooks.toml says."""

from __future__ import annotations

from runbook_lib.config import Target
from runbook_lib.datastores.redis import redis_of
from runbook_lib.datastores.sql import sql_of
from runbook_lib.errors import ConfigurationError
from runbook_lib.laravel.database_queues import DatabaseQueues
from runbook_lib.laravel.queues import Store
from runbook_lib.laravel.redis_queues import RedisQueues


def store_of(target: Target) -> Store:
    """The store of an environment's queues. ConfigurationError where the table queues is missing or the secret of its
    store cannot be had. Nothing is connected yet."""
    environment = target.environment
    if environment.queues is None:
        raise ConfigurationError(
            f"{target.label} has no table queues", next_step="add it to runbooks.toml; the example shows its keys"
        )
    if environment.queues.store == "redis" and environment.redis is not None:
        return RedisQueues(redis_of(target), environment.redis.prefix)
    return DatabaseQueues(sql_of(target), environment.queues.table)
