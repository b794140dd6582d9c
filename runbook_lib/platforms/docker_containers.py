"""Which containers of an engine are the environment's, and which release each runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from runbook_lib.config import Docker
from runbook_lib.errors import PlatformError
from runbook_lib.platforms.base import Release
from runbook_lib.platforms.docker_clone import RELEASE_LABEL
from runbook_lib.platforms.docker_engine import Client, Inspect, reported

_UP = ("running", "restarting", "paused")
_ONE_OFF = "com.docker.compose.oneoff"
_LEFT_BEHIND = re.compile(r"\.(next|before)\.[A-Za-z0-9_-]+$")


@dataclass(frozen=True)
class Containers:
    """The containers that the configuration selects."""

    docker: Docker

    def live(self, client: Client) -> list[Inspect]:
        """Those that serve the environment or are meant to, as the engine lists them, by name. PlatformError names
        what was looked for and what there is when there are none."""
        with reported(f"looking for {self.sought}"):
            listed = client.containers(all=True, filters=self._filters)
            live = [item for item in listed if not _is_left_behind(name_of(item)) and not _is_one_off(item)]
            if self.docker.label:
                # A label may be on stopped containers of other purposes, such as last week's migration.
                live = [item for item in live if item["State"] in _UP]
            if not live:
                raise self._none(listed, client.containers(all=True))
        return sorted(live, key=name_of)

    @property
    def sought(self) -> str:
        """What is looked for, in words."""
        docker = self.docker
        if docker.container:
            return f"container {docker.container}"
        if docker.label:
            return f"running container with the label {docker.label}"
        return f"container of the service {docker.compose_service} in the compose project {docker.project}"

    @property
    def _filters(self) -> dict[str, Any]:
        docker = self.docker
        if docker.container:
            return {"name": f"^/?{re.escape(docker.container)}$"}
        if docker.label:
            return {"label": [docker.label]}
        compose = {"project": docker.project, "service": docker.compose_service}
        return {"label": [f"com.docker.compose.{key}={value}" for key, value in compose.items()]}

    def _none(self, selected: list[Inspect], everything: list[Inspect]) -> PlatformError:
        names = sorted(name_of(item) for item in everything)
        unfinished = [name for name in names if _is_left_behind(name)]
        stopped = sorted(name_of(item) for item in selected)
        if unfinished:
            next_step = f"an unfinished switch left {', '.join(unfinished[:5])}: run the same command again"
        elif stopped:
            next_step = f"start what is to serve: {', '.join(stopped[:5])} does not run"
        else:
            next_step = "correct how the containers are found in runbooks.toml, or start the application"
        there = ", ".join(names[:10]) or "none at all"
        return PlatformError(f"there is no {self.sought}; there are: {there}", next_step=next_step)


def name_of(listed: Inspect) -> str:
    """A listed container's name; one with a second slash is a link from another container."""
    names = [name.removeprefix("/") for name in listed.get("Names") or [] if name.count("/") == 1]
    return str(names[0] if names else listed["Id"][:12])


def release_of(listed: Inspect, releases: list[Release], repository: str) -> Release:
    """The release that a listed container runs: its image, under the tag that the container was made with if that
    still names this image, else under another tag of it."""
    images = {release.tag: release for release in releases if release.id == listed["ImageID"]}
    label = (listed.get("Labels") or {}).get(RELEASE_LABEL, "")
    made_with = listed["Image"].removeprefix(f"{repository}:")
    speaking = [tag for tag in (label, made_with, *images) if tag in images and tag != "latest"]
    if images:
        return images[(speaking or list(images))[0]]
    moved = any(release.tag == label for release in releases)
    return Release("" if moved else label, listed["ImageID"])


def _is_left_behind(name: str) -> bool:
    """Whether a name says that the container is on its way into service or out of it."""
    return _LEFT_BEHIND.search(name) is not None


def _is_one_off(listed: Inspect) -> bool:
    return str((listed.get("Labels") or {}).get(_ONE_OFF, "")).lower() == "true"
