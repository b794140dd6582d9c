"""Finding runbooks.toml, reading it, and naming one environment of it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runbook_lib.command import Secret, runbook_command
from runbook_lib.config.communication import Communication
from runbook_lib.config.problems import problem
from runbook_lib.config.service import STATE_FOLDER, Configuration, Environment, Service
from runbook_lib.config.values import SecretReference
from runbook_lib.errors import ConfigurationError

FILE_NAME = "runbooks.toml"


@dataclass(frozen=True)
class Target:
    """One environment of one service, and the file that describes it: what a run works on.

    root: folder that relative paths of the file start from. state: the journal's folder. several: whether the file has
    other services, so that commands have to name this one.
    """

    service_name: str
    name: str
    environment: Environment
    service: Service
    root: Path
    state: Path
    several: bool = False

    @cached_property
    def staging(self) -> Target | None:
        """The environment that goes first, or None."""
        first = self.environment.staging
        if not first:
            return None
        return replace(self, name=first, environment=self.service.environments[first])

    @property
    def label(self) -> str:
        return f"{self.service_name}/{self.name}"

    @property
    def named(self) -> dict[str, str]:
        """The parameters by which a runbook's command names it."""
        return {**({"service": self.service_name} if self.several else {}), "environment": self.name}

    def command(self, runbook: str, **parameters: Any) -> str:
        """What to type to run a runbook here. parameters: JSON values."""
        return runbook_command(runbook, {**parameters, **self.named})

    @property
    def communication(self) -> Communication | None:
        """Who is told of its incidents: its own table, else its service's, or None."""
        return self.environment.communication or self.service.communication

    def resolve(self, path: Path) -> Path:
        """A path of the file, made absolute; ~ is the user's home."""
        return (self.root / path.expanduser()).absolute()

    def secrets_resolved(self, env: Mapping[str, str | SecretReference]) -> dict[str, str | Secret]:
        return {
            name: value.resolve(self.root) if isinstance(value, SecretReference) else value
            for name, value in env.items()
        }


@dataclass(frozen=True)
class Loaded:
    """A configuration and where it came from. file: the runbooks.toml; root: its folder; state: journal folder."""

    configuration: Configuration
    file: Path

    @property
    def root(self) -> Path:
        return self.file.parent

    @property
    def state(self) -> Path:
        return Path(os.path.normpath(self.root / self.configuration.journal.folder.expanduser()))

    def target(self, service: str = "", environment: str = "production") -> Target:
        """The environment that a run names. service may be empty when there is only one."""
        services = self.configuration.services
        if not service and len(services) > 1:
            raise ConfigurationError(
                f"{self.file} has several services: {', '.join(services)}",
                next_step="name one: -p service NAME",
            )
        name = service or next(iter(services))
        if name not in services:
            raise ConfigurationError(
                f"no service {name[:80]!r} in {self.file}", next_step=f"use one of: {', '.join(services)}"
            )
        environments = services[name].environments
        if environment not in environments:
            raise ConfigurationError(
                f"service {name} has no environment {environment[:80]!r}",
                next_step=f"use one of: {', '.join(environments)}",
            )
        several = len(services) > 1
        return Target(name, environment, environments[environment], services[name], self.root, self.state, several)


def find(start: Path | None = None) -> Path | None:
    """The runbooks.toml of `start` (default: the working folder) or the nearest folder above it, or None."""
    folder = (start or Path.cwd()).absolute()
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return candidate / FILE_NAME
    return None


def project_root(start: Path | None = None) -> Path:
    """The folder that holds this project's state when nothing is configured: the nearest one upwards with
    a state folder or a Git repository, else `start` itself."""
    folder = (start or Path.cwd()).absolute()
    for candidate in (folder, *folder.parents):
        if (candidate / STATE_FOLDER).is_dir() or (candidate / ".git").exists():
            return candidate
    return folder


def home(start: Path | None = None) -> Path:
    """The folder of the project that people work in: that of the nearest runbooks.toml, else project_root."""
    file = find(start)
    return file.parent if file else project_root(start)


def state_folder(start: Path | None = None) -> Path:
    """The journal's folder, without starting anything: for commands that only look."""
    file = find(start)
    return load(file).state if file else project_root(start) / STATE_FOLDER


def load(file: Path) -> Loaded:
    """Read and validate a runbooks.toml. ConfigurationError names the key, what it means and what is wrong."""
    try:
        text = file.read_text(encoding="utf-8-sig")  # editors on Windows write a mark in front
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}", next_step="check path and permissions") from error
    try:
        return Loaded(Configuration.model_validate(tomllib.loads(text)), file.absolute())
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is not valid TOML: {error}", next_step="mend that line") from error
    except ValidationError as error:
        problems = "\n".join(f"  {problem(item)}" for item in error.errors())
        raise ConfigurationError(
            f"{file} cannot be used:\n{problems}",
            next_step="compare with runbooks.example.toml, then `runbook check`",
        ) from error
