"""The way to a container engine: a client that answers in bounded time, and its errors as ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from runbook_lib.command import mask, printable
from runbook_lib.errors import PlatformError, RunbookError

Client = Any
"""docker.APIClient. Its stubs leave half of its methods untyped, and importing it takes a tenth of a second."""

Inspect = dict[str, Any]
"""What the engine tells of one object, in its own spelling."""

_FIRST_ANSWER = 5.0
_ANSWER = 60.0
_LOCAL = "unix:///var/run/docker.sock"


def connect(address: str = "", answer: float = _ANSWER) -> Client:
    """A client of the engine at `address`; empty: DOCKER_HOST or the local socket.

    answer: seconds that one call may take. PlatformError names the engine and what to do when it is not reached.
    """
    from docker import APIClient
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    address = address or os.environ.get("DOCKER_HOST", "") or _LOCAL
    try:
        options: Any = dict(kwargs_from_env(environment={**os.environ, "DOCKER_HOST": address}))
        options |= {"version": "auto", "timeout": _FIRST_ANSWER, "use_ssh_client": address.startswith("ssh://")}
        client: Client = APIClient(**options)
    except (DockerException, OSError, ValueError) as error:
        raise PlatformError(
            f"the container engine at {printable(address)} cannot be used: {_reason(error)}",
            next_step=_next_step(error, address),
        ) from error
    client.timeout = answer
    return client


@contextmanager
def reported(doing: str, kind: type[RunbookError] = PlatformError, next_step: str = "") -> Iterator[None]:
    """Turn what the client raises inside the block into `kind`. doing: what was tried, "reading the images"."""
    from docker.errors import DockerException

    try:
        yield
    except RunbookError:
        raise
    except (DockerException, OSError) as error:
        raise kind(
            f"{doing} failed: {_reason(error)}",
            next_step=next_step or "look at the engine with `docker ps --all`, then run the same command again",
        ) from error


def found(client: Client, container: str) -> Inspect | None:
    """A container by id or name, or None when there is none."""
    from docker.errors import NotFound

    try:
        return dict(client.inspect_container(container))
    except NotFound:
        return None


def image_found(client: Client, image: str) -> Inspect | None:
    """An image of the engine by id or name, or None when it is not there."""
    from docker.errors import NotFound

    try:
        return dict(client.inspect_image(image))
    except NotFound:
        return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: BaseException) -> str:
    """The engine's own words where there are any, else the innermost cause."""
    explanation = getattr(error, "explanation", None)
    last = explanation or str(list(_causes(error))[-1]) or type(error).__name__
    return printable(mask(str(last)), 400)


def _next_step(error: BaseException, address: str) -> str:
    causes = list(_causes(error))
    if any(isinstance(cause, PermissionError) for cause in causes):
        return "run as a user who may use the engine: a member of the group docker, or root"
    if any(isinstance(cause, FileNotFoundError | ConnectionRefusedError) for cause in causes):
        return "start the engine (`systemctl start docker`), or name the right one: key engine, or DOCKER_HOST"
    if "://" not in address:
        return "write it as unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host: key engine, or DOCKER_HOST"
    return f"find out why with `docker --host {printable(address)} version`"
