"""Commands inside a container, and what its application wrote to its log."""

from __future__ import annotations

import time
from collections.abc import Iterable
from threading import Thread

from runbook_lib.command import Command, Result, mask
from runbook_lib.errors import CommandError, PlatformError
from runbook_lib.platforms.base import LogLine, Release
from runbook_lib.platforms.docker_clone import clone, further_networks, one_off
from runbook_lib.platforms.docker_engine import Client, image_found
from runbook_lib.platforms.log_lines import time_of

_LINES = 2000
_LINE_LENGTH = 4000
_OUTPUT = 1_000_000


def exec_command(command: Command, container: str, engine: str) -> Command:
    """`command` for docker's command line. Pure. Values of variables travel in the environment, not in the argv."""
    host = ("--host", engine) if engine else ()
    cwd = ("--workdir", command.cwd) if command.cwd else ()
    variables = [word for name in command.env for word in ("--env", name)]
    reads = ("--interactive",) if command.input is not None else ()
    argv = ("docker", *host, "exec", *reads, *variables, *cwd, container, *command.argv)
    return Command(argv, None, command.env, command.timeout, command.input)


def read(client: Client, container: str, release: Release, command: Command) -> Result:
    """Run a command in a container if it runs the release, else in a temporary one of the release's image.
    CommandError when it takes too long."""
    seen = client.inspect_container(container)
    if seen["Image"] == release.id and seen["State"]["Running"]:
        return _execute(client, container, command)
    image = image_found(client, seen["Image"])
    if image is None or image_found(client, release.id) is None:
        raise PlatformError(
            f"no container runs {release} and its image is not on the engine",
            next_step="pull the image, then run the same command again",
        )
    body = one_off(clone(seen, image, release, ""), command.raw, command.raw_env, command.cwd)
    temporary = client.create_container_from_config(body)["Id"]
    try:
        for network in further_networks(seen):
            client.connect_container_to_network(temporary, network)
        return _run(client, temporary, command)
    finally:
        client.remove_container(temporary, force=True, v=True)


def log_lines(client: Client, container: str, host: str, since: float) -> list[LogLine]:
    """The last lines that a container wrote since a Unix time, oldest first."""
    text = client.logs(container, timestamps=True, since=max(since, 0.001), tail=_LINES).decode(errors="replace")
    return [_log_line(line, host) for line in text.splitlines()]


def _log_line(line: str, host: str) -> LogLine:
    stamp, _, text = line.partition(" ")
    at = time_of(stamp)
    return LogLine(host, mask(text if at else line)[:_LINE_LENGTH], at)


def _execute(client: Client, container: str, command: Command) -> Result:
    began, output = time.monotonic(), bytearray()
    made = client.exec_create(container, command.raw, environment=command.raw_env, workdir=command.cwd)["Id"]
    # The client reads streams without any time limit, and the engine cannot end an exec.
    reader = Thread(target=_keep, args=(client.exec_start(made, stream=True), output), daemon=True)
    reader.start()
    reader.join(command.timeout)
    code = None if reader.is_alive() else client.exec_inspect(made)["ExitCode"]
    if code is None:
        raise CommandError(
            f"{command} has not ended after {time.monotonic() - began:.0f} s",
            next_step=f"see what it waits for with `docker top {container[:12]}`",
        )
    return _result(code, bytes(output), began)


def _keep(chunks: Iterable[bytes], output: bytearray) -> None:
    for chunk in chunks:
        output += chunk[: max(0, _OUTPUT - len(output))]


def _run(client: Client, container: str, command: Command) -> Result:
    began = time.monotonic()
    client.start(container)
    code = client.wait(container, timeout=command.timeout)["StatusCode"]
    return _result(code, client.logs(container, tail=_LINES)[-_OUTPUT:], began)


def _result(code: int, output: bytes, began: float) -> Result:
    return Result(code, mask(output.decode(errors="replace")), time.monotonic() - began)
