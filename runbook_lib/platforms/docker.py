"""Containers of one Docker engine: a release is an image of the configured repository."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from runbook_lib.command import Command, Result, nearest
from runbook_lib.config import Target
from runbook_lib.connectors import connector_to
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import CommandError, ImageMissingError, PlatformError
from runbook_lib.platforms import docker_inside, docker_steps
from runbook_lib.platforms.base import LogLine, Release, Switch
from runbook_lib.platforms.docker_clone import configuration_digest, exclusive, refusal, restart_policy
from runbook_lib.platforms.docker_containers import Containers, release_of
from runbook_lib.platforms.docker_engine import Client, Inspect, connect, image_found, reported
from runbook_lib.platforms.docker_replacement import Replacement
from runbook_lib.run.plan import Snapshot, Step

_REGISTRY_ANSWER = 15.0


class DockerPlatform:
    """An environment in containers. Each container is a replica; its name is the replica's name."""

    def __init__(self, target: Target) -> None:
        docker = target.environment.docker
        if docker is None:
            raise PlatformError(f"{target.label} is not run by docker", next_step="give it a table docker")
        self._target = target
        self._docker = docker
        self._containers = Containers(docker)

    def releases(self) -> list[Release]:
        """The images of the repository that are on the engine, one release a tag, newest first."""
        with reported(f"reading the images of {self._docker.image}"):
            images = self._client.images(name=self._docker.image)
        found = [
            Release(tag, image["Id"], _utc(image["Created"]))
            for image in images
            for tag in _tags(image, self._docker.image)
        ]
        return sorted(found, key=lambda release: (release.created, _natural(release.tag)), reverse=True)

    def hosts(self) -> list[str]:
        return list(self._serving)

    def release_on(self, host: str) -> Release:
        return release_of(self._serving[host], self.releases(), self._docker.image)

    def switched(self, host: str) -> float | None:
        """When its container was made: a restart is no other release."""
        return float(self._serving[host]["Created"])

    def current(self) -> dict[str, Release]:
        """The release of each container, in the midst of a switch too. PlatformError when it finds none."""
        releases = self.releases()
        return {name: release_of(item, releases, self._docker.image) for name, item in self._serving.items()}

    def readings(self, release: Release) -> Snapshot:
        """What is replaced, without any variable's value: identities, and a digest of all that can change in a
        container's life. Refuses a missing image, and containers that could not be put back."""
        with reported(f"reading the containers of {self._target.label}"):
            settled, releases = self._containers.settled(self._client), self.releases()
            hosts = {
                name: {"live": release_of(item, releases, self._docker.image).facts, **self._reading(name, item["Id"])}
                for name, item in settled.items()
            }
            image = {"id": release.id, "tag": release.tag, "pull": self._pull_needed(release)}
        return {"image": image, "hosts": hosts}

    def switch(self, release: Release, readings: Snapshot, section: str, run: str) -> Switch:
        """Create all new containers first, which touches nothing that serves; then one replica after the other."""
        replacements = self._replacements(release, readings, run)
        pull = docker_steps.pull(lambda: self._client, self._docker.image, release, readings, section)
        return docker_steps.switch(replacements, pull, section)

    def retire(self, readings: Snapshot, section: str, run: str) -> tuple[Step, ...]:
        """The steps that remove the containers that `switch` kept for going back. Pure; no way back after them."""
        release = Release(readings["image"]["tag"], readings["image"]["id"])
        return docker_steps.retire(self._replacements(release, readings, run), section)

    def variables(self) -> dict[str, dict[str, str]]:
        """The variables of each container that serves: values, secrets among them."""
        with reported(f"reading the containers of {self._target.label}"):
            seen = {name: self._client.inspect_container(item["Id"]) for name, item in self._serving.items()}
        return {
            name: dict(entry.split("=", 1) for entry in item["Config"].get("Env") or [] if "=" in entry)
            for name, item in seen.items()
        }

    def with_variables(
        self, variables: Callable[[], Mapping[str, str]], readings: Snapshot, run: str
    ) -> list[Replacement]:
        """What makes each container that was read anew, of the same release with other variables. Pure."""
        release = Release(readings["image"]["tag"], readings["image"]["id"])
        return self._replacements(release, readings, run, variables)

    def live(self, command: Command, host: str) -> tuple[Connector, Command]:
        """`docker exec` in the container, from this machine. An image says itself where its application is: a cwd of
        "." is left to it."""
        inside = replace(command, cwd=None) if command.cwd in (None, ".") else command
        connector = connector_to("local", self._target.state)
        return connector, docker_inside.exec_command(inside, host, self._docker.engine)

    def command(self, release: Release, command: Command, host: str) -> Command:
        """`docker exec` in the container `host`. PlatformError when that container does not run the release."""
        running = self.current().get(host)
        if running is None or running.id != release.id:
            raise PlatformError(
                f"the container {host} runs {running or 'nothing that is known'}, not {release}",
                next_step="commands of a release are run while it is live",
            )
        return docker_inside.exec_command(command, host, self._docker.engine)

    def read(self, release: Release, command: Command) -> dict[str, Result]:
        """By exec where the release is live, else in a container made for this one command from the live one's
        configuration and the release's image, and removed again."""
        with reported(f"running {command} in {release}", CommandError):
            return {
                name: docker_inside.read(self._client, item["Id"], release, command)
                for name, item in self._serving.items()
            }

    def logs(self, since: float, host: str = "") -> list[LogLine]:
        """Standard output and error of the containers that serve, as the engine kept them."""
        with reported(f"reading the logs of {self._target.label}"):
            lines = [
                line
                for name, item in self._serving.items()
                if host in ("", name)
                for line in docker_inside.log_lines(self._client, item["Id"], name, since)
            ]
        return sorted(lines, key=lambda line: line.at or 0.0)

    @property
    def _serving(self) -> dict[str, Inspect]:
        return self._containers.serving(self._client)

    def _replacements(
        self, release: Release, readings: Snapshot, run: str, variables: Callable[[], Mapping[str, str]] = dict
    ) -> list[Replacement]:
        return docker_steps.replacements(
            lambda: self._client,
            release,
            readings,
            run,
            stop_timeout=self._docker.stop_timeout,
            health_timeout=self._target.environment.checks.within,
            variables=variables,
        )

    @cached_property
    def _client(self) -> Client:
        return connect(self._docker.engine)

    def _reading(self, name: str, container: str) -> dict[str, Any]:
        seen = self._client.inspect_container(container)
        why, remedy = refusal(seen)
        if not why:
            why, remedy = self._foreign(seen)
        if why:
            raise PlatformError(f"the container {name} {why}", next_step=remedy)
        return {
            "id": seen["Id"],
            "exclusive": exclusive(seen),
            "restart": restart_policy(seen),
            "configuration": configuration_digest(seen),
        }

    def _foreign(self, seen: Inspect) -> tuple[str, str]:
        """Why a container that was found is none of this application's, such as a database with the same label."""
        image = image_found(self._client, seen["Image"])
        if image is None:
            return "has an image that is no longer on the engine", "load or pull that image: it is the way back"
        repositories = {tag.rpartition(":")[0] for tag in image.get("RepoTags") or []}
        if not repositories or self._docker.image in repositories:
            return "", ""
        names = ", ".join(sorted(repositories))
        return f"runs {names}, not {self._docker.image}", "narrow how the containers are found in runbooks.toml"

    def _pull_needed(self, release: Release) -> bool:
        """Whether the image has to be fetched first. ImageMissingError when it can be had nowhere."""
        if image_found(self._client, release.id):
            return False
        reference = f"{self._docker.image}:{release.tag}"
        try:
            with reported(f"asking the registry for {reference}"):
                connect(self._docker.engine, _REGISTRY_ANSWER).inspect_distribution(reference)
        except PlatformError as error:
            tags = [known.tag for known in self.releases()]
            near = ", ".join(nearest(release.tag, tags) or tags[:5]) or "none"
            raise ImageMissingError(
                f"the image {reference} ({release.short_id}) is not on the engine, and {error.message}",
                next_step=f"load or push it, or take a release whose image is here: {near}",
            ) from error
        return True


def _tags(image: Inspect, repository: str) -> list[str]:
    pairs = [name.rpartition(":") for name in image.get("RepoTags") or []]
    return [tag for found, _, tag in pairs if found == repository]


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _natural(tag: str) -> list[tuple[int, str]]:
    """Sorts v1.10 after v1.9: images of one build often share their time."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", tag)]
