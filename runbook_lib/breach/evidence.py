"""Evidence, copied aside before anything is changed: as it is, readable for its owner only, with checksums."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.command import Command, mask, printable
from runbook_lib.config import Target
from runbook_lib.connectors import connector_to
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import JournalError, RunbookError
from runbook_lib.laravel.sql import sql_command
from runbook_lib.platforms.base import Platform

FOLDER = "evidence"
SUMS = "SHA256SUMS"
TIMEOUT = 120.0
# Of each log, the end.
LOG_BYTES = 20_000_000

# Packed, so that nothing masks or decodes it on its way here.
_PACKED = 'command -v "$1" >/dev/null || exit 127; "$@" 2>&1 | gzip -c | base64'
_CHANGES = "git status --porcelain=v1 --untracked-files=all && git rev-parse HEAD && git diff --binary HEAD"
_ACTIVE = 'find -H . -xdev -type f -newermt "$1" -printf "%T+ %C+ %m %u:%g %s %p\\n" | sort'
_SINCE = "7 days ago"


@dataclass(frozen=True)
class Item:
    """One piece of evidence. name: of its file; connector, command: what tells it; missing_ok: not every machine has
    it."""

    name: str
    connector: Connector
    command: Command


@dataclass(frozen=True)
class Kept:
    """What became of one piece. file: below the evidence's folder, empty when it could not be had; sum: SHA-256;
    remark: why not, masked."""

    name: str
    file: str
    size: int = 0
    sum: str = ""
    remark: str = ""


def preserve(items: Sequence[Item], folder: Path) -> list[Kept]:
    """Copy each piece into a folder; what cannot be had is said and does not stop the rest. JournalError when nothing
    can be written there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        kept = [_keep(item, folder) for item in items]
        lines = [f"{item.sum}  {item.file}\n" for item in kept if item.file]
        _write(folder / SUMS, "".join(lines).encode())
    except OSError as error:
        raise JournalError(
            f"the evidence cannot be kept in {folder}: {error.strerror}",
            next_step="check permissions and free space; nothing was changed yet",
        ) from error
    return kept


def items_of(target: Target, platform: Platform, hosts: Sequence[str]) -> list[Item]:
    """Every piece of evidence that an environment has. hosts: where the application is live."""
    found = [*_of_machines(target), *_of_rows(target, platform, hosts)]
    return [*found, *(_of_checkouts(target, platform) if target.environment.git else _of_containers(target, hosts))]


def _of_machines(target: Target) -> Iterator[Item]:
    """What changes fastest comes first: processes and connections."""
    git = target.environment.git
    for host in git.hosts if git else ["local"]:
        connector = connector_to(host, target.state)
        for name, words in (
            ("processes", ("ps", "-eo", "pid,ppid,user,lstart,args")),
            ("sockets", ("ss", "-tuanp")),
            ("logged-in", ("who", "-a")),
            ("last-logins", ("last", "-n", "500", "-F", "-w")),
        ):
            yield Item(f"{host}/{name}", connector, _packed(words, "/"))


def _of_checkouts(target: Target, platform: Platform) -> Iterator[Item]:
    git = target.environment.git
    for host in git.hosts if git else ():
        for name, words in (
            ("checkout", ("sh", "-c", _CHANGES)),
            ("changed-files", ("sh", "-c", _ACTIVE, "runbook", _SINCE)),
            *((f"log-{number}", _log(str(path))) for number, path in enumerate(git.logs if git else (), 1)),
        ):
            connector, command = platform.live(_packed(words, "."), host)
            yield Item(f"{host}/{name}", connector, command)


def _of_containers(target: Target, names: Sequence[str]) -> Iterator[Item]:
    docker = target.environment.docker
    engine = ("--host", docker.engine) if docker and docker.engine else ()
    connector = connector_to("local", target.state)
    for name in names:
        for what, words in (
            ("processes", ("top", name)),
            ("file-system", ("diff", name)),
            ("container", ("inspect", name)),
            ("log", ("logs", "--timestamps", name)),
        ):
            yield Item(f"{name}/{what}", connector, _packed(("docker", *engine, *words), "/"))


def _of_rows(target: Target, platform: Platform, hosts: Sequence[str]) -> Iterator[Item]:
    laravel = target.environment.laravel
    for name, statement in target.environment.leaks.rows.items() if laravel else ():
        assert laravel is not None  # noqa: S101 - for the type checker
        asked = sql_command(laravel, statement)
        words = tuple(word for word in asked.argv if isinstance(word, str))
        connector, command = platform.live(_packed(words, asked.cwd or "."), hosts[0])
        yield Item(f"rows/{name}", connector, command)


def _log(path: str) -> tuple[str, ...]:
    return ("tail", "-c", str(LOG_BYTES), path)


def _packed(words: Sequence[str], folder: str) -> Command:
    return Command.of("sh", "-c", _PACKED, "runbook", *words, cwd=folder, timeout=TIMEOUT)


def _keep(item: Item, folder: Path) -> Kept:
    try:
        result = item.connector.read(item.command)
        content = gzip.decompress(base64.b64decode(result.output)) if result.ok else b""
    except (RunbookError, ValueError, OSError, EOFError) as error:
        return Kept(item.name, "", remark=printable(mask(str(error)), 160))
    if not result.ok:
        return Kept(item.name, "", remark="there is no such program here" if result.code == 127 else "it cannot be had")
    file = folder / f"{re.sub(r'[^A-Za-z0-9.@_/-]', '-', item.name)}.txt"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(file, content)
    return Kept(item.name, str(file.relative_to(folder)), len(content), hashlib.sha256(content).hexdigest())


def _write(file: Path, content: bytes) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
