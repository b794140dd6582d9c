"""The application's Redis. The client's package is imported when it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runbook_lib.command import Secret, mask, printable
from runbook_lib.config import Target
from runbook_lib.errors import ConfigurationError, PlatformError

if TYPE_CHECKING:
    from redis import Redis


def redis_of(target: Target) -> Redis:
    """A client of an environment's Redis, with bytes as answers. ConfigurationError where the table redis is missing or
    its secret cannot be had; PlatformError when the package is not installed. Nothing is connected yet."""
    redis = target.environment.redis
    if redis is None:
        raise ConfigurationError(
            f"{target.label} has no table redis", next_step="add it to runbooks.toml; the example shows its keys"
        )
    return connect(redis.url.resolve(target.root), redis.timeout)


def connect(url: Secret, timeout: float = 30.0) -> Redis:
    """A client for redis://USER:PASSWORD@HOST:PORT/NUMBER. timeout: seconds for one answer.
    PlatformError when the package redis is not installed."""
    try:
        import redis.backoff
        import redis.retry
    except ImportError as error:
        raise PlatformError(
            "Redis is reached with the package redis, which is not installed",
            next_step="pip install 'runbook-lib[databases]'",
        ) from error
    # The client's own repeating would hide how long Redis does not answer.
    never = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
    return redis.Redis.from_url(
        url.reveal(), socket_timeout=timeout, socket_connect_timeout=min(timeout, 5), retry=never
    )


@contextmanager
def talking() -> Iterator[None]:
    """What goes wrong with Redis is told as it is told everywhere."""
    from redis.exceptions import RedisError

    try:
        yield
    except RedisError as error:
        raise PlatformError(
            f"Redis: {printable(mask(str(error)), 200)}", next_step="check address, password and rights"
        ) from error
