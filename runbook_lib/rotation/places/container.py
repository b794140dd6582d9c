"""Variables of containers. They are fixed when a container is made, so each is made anew from the same image; the old
one is kept, stopped, until the old value is dead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.errors import ConfigurationError
from runbook_lib.platforms import docker_steps
from runbook_lib.platforms.base import Platform, Release
from runbook_lib.platforms.docker import DockerPlatform
from runbook_lib.platforms.docker_replacement import Replacement
from runbook_lib.rotation.places.env_file import parts_of, renewed
from runbook_lib.rotation.values import Values, known
from runbook_lib.run.plan import Step


@dataclass(frozen=True)
class Containers:
    """All containers of an environment. variables: what each holds; section: prefix of the steps; run: the run's id;
    read_before: the facts that the plan rests on."""

    platform: Platform
    variables: Mapping[str, str]
    section: str
    run: str
    read_before: Mapping[str, Any]

    host = "docker"
    name = "docker.containers"
    title = "the containers' variables"

    @property
    def warnings(self) -> list[str]:
        readings = self._docker.readings(self._release())
        replacements = self._docker.with_variables(dict, readings, self.run)
        return list(docker_steps.switch(replacements, (), self.section).warnings)

    def facts(self) -> dict[str, Any]:
        for name, has in self._docker.variables().items():
            missing = [one for one, part in self.variables.items() if part != "previous" and one not in has]
            if missing:
                raise ConfigurationError(
                    f"the container {name} has no variable {', '.join(missing)}",
                    next_step="check the places of this secret in runbooks.toml",
                )
        return self._docker.readings(self._release())

    def read(self) -> Values:
        values: Values = {}
        for has in self._docker.variables().values():
            for name, part in self.variables.items():
                if name in has:
                    values |= parts_of(has[name]) if part == "url" else {part: has[name]}
        return known(values)

    def keep(self) -> Any:
        # The old containers are what is gone back to.
        return {}

    def write(self, values: Values) -> str:
        replacements = self._replacements(values)
        for one in replacements:
            if not one.switched():
                one.create()
        for one in replacements:
            if not one.switched():
                one.switch()
        return f"{len(replacements)} containers were made anew"

    def holds(self, values: Values) -> bool:
        return all(one.switched() for one in self._replacements(values))

    def put_back(self, kept: Any) -> str:
        for one in reversed(self._replacements({})):
            if not one.is_back():
                one.back()
        return "the containers of before serve"

    def retire(self, section: str) -> tuple[Step, ...]:
        steps = docker_steps.retire(self._replacements({}), section)
        return tuple(replace(step, title="remove the old container, which has the old value") for step in steps)

    def _replacements(self, values: Values) -> list[Replacement]:
        return self._docker.with_variables(lambda: self._variables(values), self.read_before[self.name], self.run)

    def _variables(self, values: Values) -> dict[str, str]:
        has = next(iter(self._docker.variables().values()), {})
        return {
            name: renewed(has.get(name, ""), values) if part == "url" else values[part]
            for name, part in self.variables.items()
            if part == "url" or part in values
        }

    def _release(self) -> Release:
        return next(iter(self._docker.current().values()))

    @property
    def _docker(self) -> DockerPlatform:
        if not isinstance(self.platform, DockerPlatform):
            raise ConfigurationError(
                'a place of kind "container" needs platform = "docker"', next_step="use env_file where Git deploys"
            )
        return self.platform
