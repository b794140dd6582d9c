"""What the practice environment is like now. Reads only; works when nothing was ever started."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Literal

from runbook_lib.errors import RunbookError
from runbook_lib.practice import server
from runbook_lib.practice.configuration import url
from runbook_lib.practice.ground import ENVIRONMENTS, SERVICE, Ground, Marker

TIMEOUT = 2.0


@dataclass(frozen=True)
class EnvironmentCondition:
    """One environment. release, commit: what is deployed; serves: the release that its process says it is.

    health: healthy; failing: it answers, and not all of its checks pass; down: it does not answer.
    """

    url: str = ""
    release: str = ""
    commit: str = ""
    serves: str = ""
    health: Literal["healthy", "failing", "down"] = "down"
    pid: int | None = None


@dataclass(frozen=True)
class Condition:
    """The whole. state: running; stopped: no process of it runs; degraded: some do, or one does not answer."""

    state: Literal["running", "stopped", "degraded"]
    environments: dict[str, EnvironmentCondition]
    traffic: Literal["running", "stopped"]
    folder: str
    configuration: str

    @property
    def facts(self) -> dict[str, Any]:
        return asdict(self)


def condition(ground: Ground) -> Condition:
    """Look at everything once."""
    marker = Marker.read(ground)
    with ThreadPoolExecutor() as pool:
        looks = pool.map(lambda name: _environment(ground, name, marker), ENVIRONMENTS)
        environments = dict(zip(ENVIRONMENTS, looks, strict=True))
    traffic = server.holder(ground.traffic_lock) is not None
    return Condition(
        state=_state(environments, traffic, built=marker is not None),
        environments=environments,
        traffic="running" if traffic else "stopped",
        folder=str(ground.folder),
        configuration=str(ground.configuration) if marker else "",
    )


def _state(
    environments: dict[str, EnvironmentCondition], traffic: bool, *, built: bool
) -> Literal["running", "stopped", "degraded"]:
    shops = environments.values()
    if built and traffic and all(shop.health != "down" for shop in shops):
        return "running"
    return "degraded" if traffic or any(shop.pid for shop in shops) else "stopped"


def _environment(ground: Ground, name: str, marker: Marker | None) -> EnvironmentCondition:
    pid = server.holder(ground.site(name).lock)
    if marker is None:
        return EnvironmentCondition(pid=pid)
    release, commit = _deployed(ground, name)
    address = url(marker.ports[name])
    if pid is None:
        return EnvironmentCondition(address, release, commit)
    health, serves = _health(address)
    return EnvironmentCondition(address, release, commit, serves, health, pid)


def _deployed(ground: Ground, name: str) -> tuple[str, str]:
    """Tag and commit that the platform finds live; empty when it finds none."""
    from runbook_lib.config import load
    from runbook_lib.platforms import platform_of

    try:
        live = platform_of(load(ground.configuration).target(SERVICE, name)).current()
    except RunbookError:
        return "", ""
    release = next(iter(live.values()))
    return release.tag, release.id


def _health(address: str) -> tuple[Literal["healthy", "failing", "down"], str]:
    """How a shop is, and the release that it says it is."""
    import json

    from runbook_lib.practice.deployment import ask

    status, body = ask(address, "/version", TIMEOUT)
    if not status:
        return "down", ""
    try:
        serves = str(json.loads(body)["version"])
    except (ValueError, KeyError, TypeError):
        serves = ""
    well = all(ask(address, path, TIMEOUT)[0] == 200 for path in ("/up", "/ready", "/", "/checkout"))
    return ("healthy" if well else "failing"), serves
