"""Where the values of secrets live: environment files, variables of containers, secrets of a swarm, your commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.command import Command
from runbook_lib.config import RotatedSecret, SecretPlace, Target
from runbook_lib.connectors import connector_to
from runbook_lib.connectors.base import Connector
from runbook_lib.platforms.base import Platform
from runbook_lib.rotation.places.base import Place
from runbook_lib.rotation.places.env_file import EnvFile


@dataclass(frozen=True)
class Ground:
    """What places are made on. hosts: where the application is live; variables: those of the kind, where a place names
    none; run: the run's id; facts: what the plan rests on, by the names of the places, once that is known."""

    target: Target
    platform: Platform
    hosts: Sequence[str]
    variables: dict[str, str]
    run: str
    facts: Mapping[str, Any]


def places_of(secret: RotatedSecret, ground: Ground) -> list[Place]:
    """The places of a secret in one environment, one for each host where that makes a difference."""
    return [
        place for number, table in enumerate(secret.places, 1) for place in MAKERS[table.kind](table, number, ground)
    ]


def _env_files(table: SecretPlace, number: int, ground: Ground) -> list[Place]:
    return list(env_file_on(table, ground))


def env_file_on(table: SecretPlace, ground: Ground) -> list[EnvFile]:
    """One environment file on every host."""
    variables = dict(table.variables) or ground.variables
    return [EnvFile(host, table.file, variables, _inside(ground, host), ground.run) for host in _hosts(ground)]


def _hosts(ground: Ground) -> Sequence[str]:
    git = ground.target.environment.git
    return git.hosts if git else ["local"]


def _inside(ground: Ground, host: str) -> Callable[[Command], tuple[Connector, Command]]:
    """How a command is run beside the file: in the application's folder, or on the engine's machine, beside
    runbooks.toml."""
    if ground.target.environment.git:
        laravel = ground.target.environment.laravel
        folder = laravel.folder if laravel else ""
        return lambda command: ground.platform.live(_at(command, folder or "."), host)
    connector = connector_to("local", ground.target.state)
    return lambda command: (connector, _at(command, str(ground.target.root)))


def _at(command: Command, folder: str) -> Command:
    return Command(command.argv, folder, command.env, command.timeout, command.input)


def _containers(table: SecretPlace, number: int, ground: Ground) -> list[Place]:
    from runbook_lib.rotation.places.container import Containers

    variables = dict(table.variables) or ground.variables
    return [Containers(ground.platform, variables, ground.target.name, ground.run, ground.facts)]


def _swarm(table: SecretPlace, number: int, ground: Ground) -> list[Place]:
    from runbook_lib.rotation.places.swarm import SwarmSecret

    return [SwarmSecret(table, ground.run)]


def _commands(table: SecretPlace, number: int, ground: Ground) -> list[Place]:
    from runbook_lib.rotation.places.command import CommandPlace

    return [
        CommandPlace(table, number, connector_to("local", ground.target.state), str(ground.target.root), ground.run)
    ]


MAKERS: dict[str, Callable[[SecretPlace, int, Ground], list[Place]]] = {
    "env_file": _env_files,
    "container": _containers,
    "swarm": _swarm,
    "command": _commands,
}
