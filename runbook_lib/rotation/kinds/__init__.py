"""The kinds of secrets, by the names that runbooks.toml has for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runbook_lib.config import RotatedSecret, Target
from runbook_lib.datastores.sql import Place
from runbook_lib.errors import ConfigurationError
from runbook_lib.platforms.base import Platform
from runbook_lib.rotation.kinds.base import Kind


@dataclass(frozen=True)
class Circumstances:
    """What a kind is made for. name: of the secret's table; hosts: where the application is live; leaked, accept_loss:
    as the runbook was asked; run: the run's id."""

    name: str
    secret: RotatedSecret
    target: Target
    platform: Platform
    hosts: Sequence[str]
    leaked: bool
    accept_loss: bool
    run: str


def kind_of(here: Circumstances) -> Kind:
    """What changes a secret of this kind in this environment. ConfigurationError where a table that it needs is
    missing."""
    return KINDS[here.secret.kind](here)


def _app_key(here: Circumstances) -> Kind:
    from runbook_lib.rotation.kinds.app_key import AppKey

    laravel = here.target.environment.laravel
    if laravel is None:
        raise _without(here, "laravel")
    return AppKey(
        here.secret,
        here.target,
        laravel,
        here.platform,
        tuple(here.hosts),
        here.run,
        here.leaked,
        here.accept_loss,
    )


def _database(here: Circumstances) -> Kind:
    from runbook_lib.rotation.kinds.mysql import MysqlPassword
    from runbook_lib.rotation.kinds.postgresql import PostgresPassword

    database = here.target.environment.database
    reference = here.secret.admin or (database.url if database else None)
    if database is None or reference is None:
        raise _without(here, "database with a url, for SQLite has no password,")
    place = Place.of(reference.resolve(here.target.root), database.kind)
    kind = PostgresPassword if database.kind == "pgsql" else MysqlPassword
    return kind(place, database.timeout, here.secret.drain)


def _redis(here: Circumstances) -> Kind:
    from runbook_lib.rotation.kinds.redis import RedisPassword

    redis = here.target.environment.redis
    if redis is None:
        raise _without(here, "redis")
    reference = here.secret.admin or redis.url
    return RedisPassword(reference.resolve(here.target.root), redis.timeout, here.secret.drain)


def _own(here: Circumstances) -> Kind:
    from runbook_lib.rotation.kinds.given import OwnSecret

    return OwnSecret(here.name, here.secret, here.target, here.run)


def _without(here: Circumstances, table: str) -> ConfigurationError:
    return ConfigurationError(
        f"{here.name} of {here.target.label} needs the table {table} which is missing",
        next_step="add it to runbooks.toml; the example shows its keys",
    )


KINDS: dict[str, Callable[[Circumstances], Kind]] = {
    "app_key": _app_key,
    "database": _database,
    "redis": _redis,
    "given": _own,
    "generated": _own,
}
