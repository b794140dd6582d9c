"""A container made again from another image: what of its configuration goes along. Pure.

What the old container inherited from its image is left out, so that the other image's own values apply; what was
set for the container is kept, and so are the data in its anonymous volumes.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from typing import Any

from runbook_lib.platforms.base import Release
from runbook_lib.platforms.docker_engine import Inspect
from runbook_lib.run.plan import canonical

RELEASE_LABEL = "runbook.release"
RUN_LABEL = "runbook.run"
REPLACES_LABEL = "runbook.replaces"
COMPOSE_IMAGE_LABEL = "com.docker.compose.image"
OWN_LABELS = (RELEASE_LABEL, RUN_LABEL, REPLACES_LABEL)

NO_RESTART = {"Name": "no", "MaximumRetryCount": 0}

_INHERITED_WHOLE = ("WorkingDir", "User", "Healthcheck", "StopSignal", "StopTimeout", "Shell", "OnBuild", "ArgsEscaped")
_INHERITED_BY_KEY = ("Labels", "ExposedPorts", "Volumes")
_ENDPOINT = ("IPAMConfig", "Links", "DriverOpts")


def clone(container: Inspect, image: Inspect, release: Release, run: str) -> dict[str, Any]:
    """The body of "create container" for `release`, without restart policy: it gets that when it goes live.

    container: the one it takes the place of. image: that one's image. Networks but the first are in
    `further_networks`: engines before 25 take only one when a container is made.
    """
    networks = endpoints(container)
    first = list(networks)[:1]
    return {
        **_config(container, image, release, run),
        "HostConfig": _host_config(container),
        "NetworkingConfig": {"EndpointsConfig": {name: networks[name] for name in first}},
    }


def further_networks(container: Inspect) -> dict[str, dict[str, Any]]:
    """The networks that the new container is connected to after it was made, with their settings."""
    return dict(list(endpoints(container).items())[1:])


def endpoints(container: Inspect) -> dict[str, dict[str, Any]]:
    """Settings of each network as they were asked for, the main network first; none where the container has no
    network of its own."""
    mode = container["HostConfig"]["NetworkMode"]
    if mode in ("host", "none") or mode.startswith("container:"):
        return {}
    main = "bridge" if mode == "default" else mode
    found = container["NetworkSettings"]["Networks"]
    ordered = sorted(found, key=lambda name: (main not in (name, found[name].get("NetworkID")), name))
    return {name: _endpoint(found[name], container) for name in ordered}


def exclusive(container: Inspect) -> str:
    """What the container holds that no second one can have at the same time, or nothing: then the new one can
    run beside the old one for a while."""
    for ports in (container["HostConfig"].get("PortBindings") or {}).values():
        for port in ports or []:
            if port.get("HostPort") not in (None, "", "0"):
                return f"port {port['HostPort']} of the host"
    mode = container["HostConfig"]["NetworkMode"]
    if mode == "host" or mode.startswith("container:"):
        return f"the network of {mode.replace(':', ' ')}"
    for name, endpoint in endpoints(container).items():
        if any((endpoint.get("IPAMConfig") or {}).values()):
            return f"a fixed address in the network {name}"
    return "a fixed MAC address" if container["Config"].get("MacAddress") else ""


def refusal(container: Inspect) -> tuple[str, str]:
    """Why the container cannot be replaced, and what to do about it; empty when it can."""
    if container["HostConfig"].get("AutoRemove"):
        return (
            "was started with --rm: once stopped it would be gone, and with it the way back",
            "start it anew without --rm, with --restart unless-stopped",
        )
    if "com.docker.swarm.task.id" in (container["Config"].get("Labels") or {}):
        return "is a task of a swarm service, which would replace it again", "roll the service back in the swarm"
    return "", ""


def restart_policy(container: Inspect) -> dict[str, Any]:
    """The container's restart policy in one spelling; the engine knows two for none."""
    policy = container["HostConfig"].get("RestartPolicy") or {}
    return {"Name": policy.get("Name") or "no", "MaximumRetryCount": policy.get("MaximumRetryCount") or 0}


def configuration_digest(container: Inspect) -> str:
    """SHA-256 of everything about a container that can change during its life, apart from its state. The rest,
    variables with secrets among it, is fixed by its id."""
    changeable = {"host": container["HostConfig"], "networks": endpoints(container), "mounts": _mounts(container)}
    return hashlib.sha256(canonical(changeable).encode()).hexdigest()


def one_off(body: dict[str, Any], argv: list[str], env: dict[str, str], cwd: str | None) -> dict[str, Any]:
    """A body of `clone` made into one for a single command: no ports, no health check, nobody finds it."""
    body = copy.deepcopy(body)
    body |= {"Entrypoint": argv[:1], "Cmd": argv[1:], "Healthcheck": {"Test": ["NONE"]}, "Labels": {}}
    body["Env"] = [*(body.get("Env") or []), *(f"{name}={value}" for name, value in env.items())]
    if cwd:
        body["WorkingDir"] = cwd
    body["HostConfig"] |= {"PortBindings": {}, "PublishAllPorts": False}
    for endpoint in body["NetworkingConfig"]["EndpointsConfig"].values():
        endpoint |= {"Aliases": [], "IPAMConfig": None}
    body.pop("MacAddress", None)
    return body


def with_variables(body: dict[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """A body of `clone` with other values of some variables."""
    kept = [entry for entry in body.get("Env") or [] if entry.partition("=")[0] not in variables]
    return {**body, "Env": [*kept, *(f"{name}={value}" for name, value in variables.items())]}


def _config(container: Inspect, image: Inspect, release: Release, run: str) -> dict[str, Any]:
    config, inherited = copy.deepcopy(container["Config"]), image.get("Config") or {}
    for key in _INHERITED_WHOLE:
        if config.get(key) == inherited.get(key):
            config.pop(key, None)
    for key in _INHERITED_BY_KEY:
        known = inherited.get(key) or {}
        config[key] = {k: v for k, v in (config.get(key) or {}).items() if k not in known or known[k] != v}
    config["Env"] = [entry for entry in config.get("Env") or [] if entry not in (inherited.get("Env") or [])]
    _drop_inherited_command(config, inherited)
    _drop_own_name(config, container)
    config["Labels"] = _labels(config["Labels"], container, release, run)
    config["Image"] = release.id
    return dict(config)


def _drop_inherited_command(config: dict[str, Any], inherited: dict[str, Any]) -> None:
    # A container with an entrypoint of its own inherits no command, so then both belong to the container.
    if (config.get("Entrypoint") or []) != (inherited.get("Entrypoint") or []):
        return
    config.pop("Entrypoint", None)
    if (config.get("Cmd") or []) == (inherited.get("Cmd") or []):
        config.pop("Cmd", None)


def _drop_own_name(config: dict[str, Any], container: Inspect) -> None:
    shares_network = container["HostConfig"]["NetworkMode"].startswith("container:")
    if shares_network or config.get("Hostname") == container["Id"][:12]:
        config.pop("Hostname", None)
        config.pop("Domainname", None)


def _labels(labels: dict[str, str], container: Inspect, release: Release, run: str) -> dict[str, str]:
    kept = {name: value for name, value in labels.items() if name not in OWN_LABELS}
    if COMPOSE_IMAGE_LABEL in kept:
        # Compose compares it with the image of its file to see whether it has to make the container again.
        kept[COMPOSE_IMAGE_LABEL] = release.id
    return {**kept, RELEASE_LABEL: release.tag, RUN_LABEL: run, REPLACES_LABEL: container["Id"]}


def _host_config(container: Inspect) -> dict[str, Any]:
    host = copy.deepcopy(container["HostConfig"])
    host["RestartPolicy"] = dict(NO_RESTART)
    host["Links"] = [_link(link) for link in host.get("Links") or []]
    volumes = {mount["Destination"]: mount for mount in container.get("Mounts") or [] if mount["Type"] == "volume"}
    for mount in host.get("Mounts") or []:
        if mount["Type"] == "volume" and mount["Target"] in volumes:
            mount["Source"] = volumes.pop(mount["Target"])["Name"]
    binds = list(host.get("Binds") or [])
    bound = {bind.split(":")[1] for bind in binds if ":" in bind}
    binds += [_bind(mount) for target, mount in sorted(volumes.items()) if target not in bound]
    host["Binds"] = binds
    return dict(host)


def _bind(volume: dict[str, Any]) -> str:
    return f"{volume['Name']}:{volume['Destination']}" + ("" if volume.get("RW", True) else ":ro")


def _link(link: str) -> str:
    """ "/db:/shop/database", as the engine tells it, as it takes it: "db:database"."""
    source, _, alias = link.partition(":")
    return f"{source.strip('/')}:{alias.rsplit('/', 1)[-1]}"


def _mounts(container: Inspect) -> list[list[str]]:
    mounts = container.get("Mounts") or []
    return sorted([m["Type"], m.get("Name") or m.get("Source") or "", m["Destination"]] for m in mounts)


def _endpoint(endpoint: dict[str, Any], container: Inspect) -> dict[str, Any]:
    settings = {key: endpoint[key] for key in _ENDPOINT if endpoint.get(key)}
    aliases = [alias for alias in endpoint.get("Aliases") or [] if alias != container["Id"][:12]]
    return {**settings, "Aliases": aliases} if aliases else settings
