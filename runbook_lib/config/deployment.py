"""How an application is deployed: from Git or as containers, with your own commands around a switch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from runbook_lib.config.values import Argv, Seconds, Table, Value, VariableName, Words, Yes


class Hook(Table):
    """A command of your own before or after a switch."""

    run: Argv = Field(description="The command, a list of words; runs in the release's folder where there is one.")
    done: Words = Field(
        [],
        description="Command that exits 0 when the effect of `run` already holds; settles an interrupted run.",
    )
    undo: Words = Field([], description="Command that takes the effect back when the switch is undone.")
    repeatable: Yes = Field(
        False, description="True when running it twice does no harm; only then is it repeated after a crash."
    )
    timeout: Seconds = Field(600, description="Seconds after which the command is stopped and has failed.")


class Hooks(Table):
    """Your own commands around a switch, in this order."""

    before: list[Hook] = Field([], description="Run before the first change.")
    after: list[Hook] = Field([], description="Run after the last change, before verification.")


class Git(Table):
    """An application deployed from a Git repository."""

    path: Path = Field(
        description="Folder of the application (in-place), or the folder that holds releases/ and current."
    )
    layout: Literal["in-place", "releases"] = Field(
        "in-place",
        description="in-place: the tag is checked out in `path`; releases: one folder a release in "
        "`path`/releases and the link `path`/current, switched atomically.",
    )
    repository: Path | None = Field(
        None,
        description="Repository that knows the tags: a clone on this machine, and at the same path on each host. "
        "in-place: `path` unless set.",
    )
    hosts: list[str] = Field(
        ["local"],
        min_length=1,
        description='Where the application runs: "local", or user@host reached by ssh.',
    )
    shared: list[str] = Field(
        [],
        description="Files and folders in `path`/shared that each release folder links to (.env, storage).",
    )
    install: list[Argv] = Field([], description="Commands that install what the release needs, in its folder.")
    clear: list[Argv] = Field([], description="Commands that clear stale caches after the switch.")
    restart: list[Argv] = Field([], description="Commands that make the running processes take the new code.")
    logs: list[Path] = Field([], description="Log files of the application, relative to its folder or absolute.")
    env: dict[VariableName, Value] = Field(
        {}, description="Variables for every command of this environment; secrets by reference."
    )

    @model_validator(mode="after")
    def _layout(self) -> Git:
        if self.layout == "releases" and self.repository is None:
            raise ValueError('layout = "releases" needs repository: the clone that release folders are made from')
        if self.layout == "in-place" and self.shared:
            raise ValueError('shared belongs to layout = "releases"; in-place keeps such files where they are')
        return self

    @model_validator(mode="after")
    def _far(self) -> Git:
        far = [host for host in self.hosts if host != "local"]
        for path in filter(None, (self.path, self.repository)):
            if far and not path.is_absolute():
                raise ValueError(f"{path} must be absolute: it is a path on {far[0]}, too")
        return self

    @field_validator("shared")
    @classmethod
    def _shared(cls, names: list[str]) -> list[str]:
        # What a release has under these names is removed to make room for the link.
        paths = [Path(name) for name in names]
        for name, path in zip(names, paths, strict=True):
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(f"{name!r} must be a name below the release's folder")
            if any(path != other and path.is_relative_to(other) for other in paths) or paths.count(path) > 1:
                raise ValueError(f"{name!r} is shared twice: once by itself, once by a folder above it")
        return [str(path) for path in paths]

    @field_validator("hosts")
    @classmethod
    def _hosts(cls, hosts: list[str]) -> list[str]:
        for host in hosts:
            if host.startswith("-") or not host.strip() or any(c.isspace() for c in host):
                raise ValueError(f'{host!r} is no host; write "local" or user@host')
        if len(set(hosts)) != len(hosts):
            raise ValueError("a host is named twice")
        return hosts


class Docker(Table):
    """An application in containers of one Docker engine."""

    image: str = Field(description="Image repository without tag, shop or registry.example/shop; tags are releases.")
    container: str = Field("", description="Name of the container.")
    label: str = Field("", description='Label that finds the containers, "app=shop".')
    project: str = Field("", description="Compose project of the containers; needs compose_service.")
    compose_service: str = Field("", description="Compose service within `project`.")
    engine: str = Field("", description="Engine's address; empty: DOCKER_HOST or the local socket.")
    stop_timeout: Seconds = Field(10, description="Seconds a container gets to stop before it is killed.")

    @model_validator(mode="after")
    def _selector(self) -> Docker:
        if sum(map(bool, (self.container, self.label, self.project))) != 1:
            raise ValueError("name exactly one of container, label and project: how the containers are found")
        if bool(self.project) != bool(self.compose_service):
            raise ValueError("project and compose_service go together")
        if self.label and "=" not in self.label:
            raise ValueError('label is name=value, such as "app=shop"')
        return self
