"""Steps of artisan commands, inside what is live on each host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runbook_lib.command import Command
from runbook_lib.config import Environment, Laravel
from runbook_lib.laravel.artisan import CACHE_CLEAR_ERASES, Artisan
from runbook_lib.platforms.base import Platform
from runbook_lib.platforms.command_step import Bench
from runbook_lib.run.plan import Step

# Commands that are spelled alike in every version need none; the newest is named.
ANY_VERSION = 13


def artisan(laravel: Laravel, version: int = ANY_VERSION) -> Artisan:
    """The builders of a configured application; version: Laravel's major version where it matters."""
    return Artisan(laravel.folder or ".", version, tuple(laravel.php))


def after_switch(laravel: Laravel, platform: Platform, hosts: Sequence[str], prefix: str, run: str) -> Iterator[Step]:
    """The configured commands after a switch, on each host in turn; they can be run any number of times."""
    for host in hosts:
        for name in laravel.after_switch:
            command = _named(artisan(laravel), name)
            yield on_host(platform, host, prefix, run, name.replace(":", "-"), f"artisan {name}", command)


def on_host(
    platform: Platform, host: str, prefix: str, run: str, name: str, title: str, command: Command, risk: str = ""
) -> Step:
    """One repeatable step of an artisan command inside what is live on a host."""
    connector, inside = platform.live(command, host)
    bench = Bench(connector, f"{prefix}.{host}", run)
    return bench.step(name, title, inside, repeatable=True, no_undo="it follows the code", risk=risk)


def warnings(environment: Environment) -> list[str]:
    """What the configured commands do besides what they are for."""
    laravel = environment.laravel
    if laravel is None or "cache:clear" not in laravel.after_switch:
        return []
    shared = environment.queues is not None and environment.queues.store == "redis"
    queues = ["the queued jobs, when the cache has the number of Redis that redis.url names"] if shared else []
    return [f"cache:clear erases {what}" for what in (*CACHE_CLEAR_ERASES, *queues)]


def _named(builders: Artisan, name: str) -> Command:
    commands = {
        "cache:clear": builders.cache_clear,
        "queue:restart": builders.queue_restart,
        "octane:reload": builders.octane_reload,
        "horizon:terminate": builders.horizon_terminate,
    }
    if name in commands:
        return commands[name]()
    return next(command for command in builders.clears() if name in command.argv)
