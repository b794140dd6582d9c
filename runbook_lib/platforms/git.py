"""Applications deployed from a Git repository: in place, or in release folders behind a switched link.

What releases exist is read with GitPython from a repository on this machine; what is live on a host, and every
change, goes as a git command through that host's connector.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbook_lib.command import Command, Result, Secret, printable
from runbook_lib.config import Git, Target
from runbook_lib.connectors import connector_to
from runbook_lib.connectors.ahead import ReadAhead
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import PlatformError
from runbook_lib.platforms.base import LogLine, Release, Switch
from runbook_lib.platforms.command_step import Bench
from runbook_lib.platforms.git_in_place import InPlace
from runbook_lib.platforms.git_layout import Layout
from runbook_lib.platforms.git_reading import READ_TIMEOUT
from runbook_lib.platforms.git_releases import ReleaseFolders
from runbook_lib.platforms.log_lines import dated, in_order
from runbook_lib.run.plan import Snapshot, Step

if TYPE_CHECKING:
    from git import Repo

LOG_LINES = 2000
# Read from the end of each log file: one of a gigabyte, or a single line of that length, must not be read whole.
LOG_BYTES = 1_048_576
# A file that is not there is no error.
TAIL = f'test ! -e "$1" || tail -c {LOG_BYTES} -- "$1"'
TITLE_LIMIT = 200
RESTARTS = "requests may fail for a moment"

LAYOUTS: dict[str, Callable[[Path, Path, Sequence[str]], Layout]] = {"in-place": InPlace, "releases": ReleaseFolders}

# One line a tag; the fields with * are of what an annotated tag points at.
_TAG_FIELDS = (
    "refname:strip=2",
    "objecttype",
    "objectname",
    "*objecttype",
    "*objectname",
    "creatordate:unix",
    "contents:subject",
    "authorname",
    "*authorname",
)


class GitPlatform:
    """The Git platform of one environment; see runbook_lib.platforms.base.Platform."""

    def __init__(self, target: Target) -> None:
        if target.environment.git is None:
            raise PlatformError(f"{target.label} has no table git", next_step="add it to runbooks.toml")
        self._target = target
        self._git: Git = target.environment.git
        path = target.resolve(self._git.path)
        self._repository = target.resolve(self._git.repository) if self._git.repository else path
        self._layout = LAYOUTS[self._git.layout](path, self._repository, self._git.shared)
        self._known: list[Release] = []

    @cached_property
    def _connectors(self) -> dict[str, Connector]:
        return {host: connector_to(host, self._target.state) for host in self._git.hosts}

    @cached_property
    def _env(self) -> dict[str, str | Secret]:
        return self._target.secrets_resolved(self._git.env)

    def releases(self) -> list[Release]:
        from git.exc import GitCommandError

        form = "%00".join(f"%({field})" for field in _TAG_FIELDS)
        repository = self._open()
        try:
            text = repository.git.for_each_ref(
                "refs/tags", sort="-creatordate", format=form, env=_own(repository), stdout_as_string=False
            )
            tags = [line.split("\0") for line in text.decode("utf-8", "replace").split("\n") if line]
            self._known = [release for fields in tags if (release := self._release(repository, fields))]
        except GitCommandError as error:
            raise PlatformError(
                f"the tags of {self._repository} cannot be read: {printable(str(error.stderr).strip(), 300)}",
                next_step=f"run `git -C {self._repository} fsck`",
            ) from error
        return list(self._known)

    def _release(self, repository: Repo, fields: list[str]) -> Release | None:
        """The release of a tag, or None when the tag does not name a commit."""
        tag, kind, target, inner_kind, inner, created, title, author, inner_author = fields
        if inner_kind == "tag":
            inner = repository.git.rev_parse(f"refs/tags/{tag}^{{}}", env=_own(repository))
            inner_kind = repository.git.cat_file("-t", inner, env=_own(repository))
        commit = {("commit", ""): target, ("tag", "commit"): inner}.get((kind, inner_kind))
        at = datetime.fromtimestamp(int(created), UTC).isoformat() if created else ""
        by = printable(inner_author or author, TITLE_LIMIT)
        return Release(tag, commit, at, printable(title, TITLE_LIMIT), by) if commit else None

    def _open(self) -> Repo:
        check = "check git.path and git.repository in runbooks.toml"
        try:
            from git import Repo
            from git.exc import InvalidGitRepositoryError, NoSuchPathError
        except ImportError as error:
            raise PlatformError("there is no git on this machine", next_step="install git") from error
        try:
            return Repo(self._repository, search_parent_directories=self._git.repository is None)
        except NoSuchPathError as error:
            raise PlatformError(f"there is no folder {self._repository}", next_step=check) from error
        except (InvalidGitRepositoryError, ValueError, OSError) as error:
            raise PlatformError(f"{self._repository} is no Git repository", next_step=check) from error

    def hosts(self) -> list[str]:
        return list(self._connectors)

    def read_ahead(self, host: str) -> None:
        commands = [*self._layout.asked(), *map(self._tail, self._git.logs)]
        self._connectors[host] = ReadAhead(self._connectors[host], commands)

    def _tail(self, file: Path) -> Command:
        path = self._layout.live_folder / file
        return Command.of("sh", "-c", TAIL, "sh", str(path), timeout=READ_TIMEOUT)

    def release_on(self, host: str) -> Release:
        return self._live(self._connectors[host])

    def switched(self, host: str) -> float | None:
        return self._layout.switched(self._connectors[host])

    def current(self) -> dict[str, Release]:
        return {host: self._live(connector) for host, connector in self._connectors.items()}

    def _live(self, connector: Connector) -> Release:
        commit = self._layout.live(connector)
        # A tag that was made since the tags were last read is looked for; one that is known need not be.
        return self._named(commit, self._known) or self._named(commit, self.releases()) or Release("", commit)

    def _named(self, commit: str, releases: list[Release]) -> Release | None:
        return next((release for release in releases if release.id == commit), None)

    def readings(self, release: Release) -> Snapshot:
        hosts: dict[str, Any] = {}
        for host, connector in self._connectors.items():
            live = self._live(connector)
            hosts[host] = {"live": live.facts, **self._layout.readings(connector, release)}
        return {"hosts": hosts}

    def switch(self, release: Release, readings: Snapshot, section: str, run: str) -> Switch:
        steps: list[Step] = []
        back: list[Step] = []
        for host, reading in readings["hosts"].items():
            steps += self._forward(self._bench(host, section, run), release, reading)
            back += self._backward(self._bench(host, f"{section}.back", run), Release(**reading["live"]), reading)
        return Switch(tuple(steps), tuple(back))

    def _bench(self, host: str, section: str, run: str) -> Bench:
        return Bench(self._connectors[host], f"{section}.{host}", run, self._env)

    def _forward(self, bench: Bench, release: Release, reading: dict[str, Any]) -> Iterator[Step]:
        yield from self._layout.to(bench, release, reading, self._target.environment.install)
        yield from self._take_effect(bench)

    def _backward(self, bench: Bench, live: Release, reading: dict[str, Any]) -> Iterator[Step]:
        yield from self._layout.back(bench, live, reading, self._target.environment.install)
        yield from self._take_effect(bench)

    def _take_effect(self, bench: Bench) -> Iterator[Step]:
        yield from bench.own("clear", self._git.clear, self._layout.live_folder)
        yield from bench.own("restart", self._git.restart, self._layout.live_folder, RESTARTS)

    def retire(self, readings: Snapshot, section: str, run: str) -> tuple[Step, ...]:
        return ()  # a checkout or release folder costs nothing and is the next way back

    def live(self, command: Command, host: str) -> tuple[Connector, Command]:
        folder = self._layout.live_folder / (command.cwd or "")
        return self._connectors[host], replace(command, cwd=str(folder), env={**self._env, **command.env})

    def command(self, release: Release, command: Command, host: str) -> Command:
        folder = self._layout.inside(self._connectors[host], release)
        return replace(command, cwd=str(folder), env={**self._env, **command.env})

    def read(self, release: Release, command: Command) -> dict[str, Result]:
        return {
            host: connector.read(self.command(release, command, host)) for host, connector in self._connectors.items()
        }

    def logs(self, since: float, host: str = "") -> list[LogLine]:
        asked = [host] if host else self.hosts()
        lines = [line for name in asked for line in self._log(name, self._connectors[name])]
        return in_order(line for line in lines if line.at is None or line.at >= since)

    def _log(self, host: str, connector: Connector) -> list[LogLine]:
        """The last lines of a host's log files. A file that is not there yet has none. PlatformError where there is one
        that cannot be read and the others say nothing."""
        read = {file: connector.read(self._tail(file)) for file in self._git.logs}
        lines = [line for one in read.values() if one.ok for line in dated(host, _last_lines(one.output))]
        closed = [one for one in read.values() if not one.ok]
        if closed and not lines:
            raise PlatformError(
                f"the log on {host} cannot be read: {printable(closed[0].last_line)}",
                next_step="check git.logs in runbooks.toml, and who may read it",
            )
        return in_order(lines)[-LOG_LINES:]


def _last_lines(output: str) -> list[str]:
    """The last lines of the end of a file, without the one that it begins in the middle of. Only these are taken apart:
    many hosts are read at once."""
    first, *lines = output.removesuffix("\n").rsplit("\n", LOG_LINES)
    whole = len(lines) < LOG_LINES and len(output.encode("utf-8", "replace")) < LOG_BYTES
    return [first, *lines] if whole else lines


def _own(repository: Repo) -> dict[str, str]:
    """Variables that point git at this repository where an outer git, in whose hook this may run, points it at its
    own; GitPython cannot take variables away."""
    own = {
        "GIT_DIR": str(repository.git_dir),
        "GIT_COMMON_DIR": str(repository.common_dir),
        "GIT_OBJECT_DIRECTORY": f"{repository.common_dir}/objects",
    }
    return {name: value for name, value in own.items() if name in os.environ}
