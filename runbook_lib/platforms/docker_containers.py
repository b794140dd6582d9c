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

    def settled(self, client: Client) -> dict[str, Inspect]:
        """The containers that serve or are meant to, by name, as the engine lists them; a switch must not be under
        way. PlatformError names what was looked for and what there is when there are none."""
        groups = self._groups(client)
        settled = {name: group[name] for name, group in groups.items() if name in group}
        if not settled or len(settled) < len(groups):
            raise self._none(client, groups)
        return settled

    def serving(self, client: Client) -> dict[str, Inspect]:
        """The same in the midst of a switch too: under each name the container that serves now, be it the old or
        the new one."""
        groups = self._groups(client)
        if not groups:
            raise self._none(client, groups)
        return {name: min(group.values(), key=_rank) for name, group in groups.items()}

    def _groups(self, client: Client) -> dict[str, dict[str, Inspect]]:
        """Under each replica's name its containers by their own names: one, or several around a switch."""
        with reported(f"looking for a {self.sought}"):
            listed = client.containers(all=True, filters=self._filters)
        groups: dict[str, dict[str, Inspect]] = {}
        for item in sorted(listed, key=name_of):
            if not _is_one_off(item):
                groups.setdefault(_replica(name_of(item)), {})[name_of(item)] = item
        return {name: group for name, group in groups.items() if self._counts(name, group)}

    def _counts(self, name: str, group: dict[str, Inspect]) -> bool:
        """Whether containers of one name are a replica. A single one that is stopped may be what an earlier switch
        kept; under a label it may be anything, such as last week's migration."""
        stopped_counts = name in group and not self.docker.label
        return len(group) > 1 or stopped_counts or any(map(_is_up, group.values()))

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
            return {"name": rf"^/?{re.escape(docker.container)}(\.(next|before)\.[A-Za-z0-9_-]+)?$"}
        if docker.label:
            return {"label": [docker.label]}
        compose = {"project": docker.project, "service": docker.compose_service}
        return {"label": [f"com.docker.compose.{key}={value}" for key, value in compose.items()]}

    def _none(self, client: Client, groups: dict[str, dict[str, Inspect]]) -> PlatformError:
        with reported("listing the containers"):
            names = sorted(map(name_of, client.containers(all=True)))
            selected = sorted(map(name_of, client.containers(all=True, filters=self._filters)))
        unfinished = [name for name in names if name != _replica(name)]
        if groups or unfinished:
            next_step = f"a switch was not finished ({', '.join(unfinished[:5])}): run the same command again"
        elif selected:
            next_step = f"start what is to serve: {', '.join(selected[:5])} does not run"
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


def _replica(name: str) -> str:
    """The name of the replica that a container belongs to: without what a switch appends."""
    return _LEFT_BEHIND.sub("", name)


def _rank(listed: Inspect) -> tuple[bool, int]:
    """Lowest for the container that serves: running before stopped; among those the one with the plain name."""
    suffix = _LEFT_BEHIND.search(name_of(listed))
    order = {None: 0, "next": 1, "before": 2}
    return not _is_up(listed), order[suffix[1] if suffix else None]


def _is_up(listed: Inspect) -> bool:
    return listed["State"] in _UP


def _is_one_off(listed: Inspect) -> bool:
    return str((listed.get("Labels") or {}).get(_ONE_OFF, "")).lower() == "true"
