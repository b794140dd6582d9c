"""The two ways in which a Git checkout serves: in place, or as release folders behind a link."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from runbook_lib.command import Command, printable
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import DirtyCheckoutError, PlatformError
from runbook_lib.platforms.base import Release
from runbook_lib.platforms.command_step import Bench
from runbook_lib.run.plan import Step

READ_TIMEOUT = 30.0
Reading = dict[str, Any]
Install = Sequence[Sequence[str]]


class Layout(Protocol):
    """How the code of a release gets into its place on one host."""

    @property
    def live_folder(self) -> Path:
        """The folder that serves."""

    def live(self, connector: Connector) -> str:
        """The commit that serves, 40 hex digits."""

    def readings(self, connector: Connector, release: Release, live: Release) -> Reading:
        """What `to` and `back` are built from; refuses what would lose work."""

    def to(self, bench: Bench, release: Release, reading: Reading, install: Install) -> Iterator[Step]:
        """The steps that put the code of `release` in place."""

    def back(self, bench: Bench, live: Release, reading: Reading, install: Install) -> Iterator[Step]:
        """The steps that put back the code that was live."""

    def folder(self, release: Release, reading: Reading) -> Path:
        """Where the code of `release` is once it is in place."""


class InPlace:
    """A tag is checked out in the application's folder."""

    def __init__(self, path: Path, repository: Path, shared: Sequence[str]) -> None:
        self.live_folder = path
        self._source = repository

    def live(self, connector: Connector) -> str:
        _, commit = _checkout(connector, self.live_folder)
        return commit

    def folder(self, release: Release, reading: Reading) -> Path:
        return self.live_folder

    def readings(self, connector: Connector, release: Release, live: Release) -> Reading:
        self._refuse_lost_work(connector, release)
        branch = self._git(connector, "symbolic-ref", "--quiet", "--short", "HEAD").output.strip()
        known = self._git(connector, "cat-file", "-e", f"{release.id}^{{commit}}").ok
        return {"branch": branch, "fetch": not known}

    def _refuse_lost_work(self, connector: Connector, release: Release) -> None:
        status = self._git(connector, "status", "--porcelain", "--untracked-files=no")
        changed = [line[3:] for line in status.output.splitlines()]
        if not status.ok or changed:
            raise DirtyCheckoutError(
                f"{self.live_folder} on {connector.host} has uncommitted changes: "
                f"{printable(', '.join(changed[:5]) or status.output, 300)}",
                next_step="commit or stash them there, then run the same command again",
            )
        untracked = self._git(connector, "ls-files", "--others", "--directory", "-z").output.split("\0")
        tree = self._git(connector, "ls-tree", "-r", "--name-only", "-z", release.id).output.split("\0")
        lost = [name for name in untracked if name and _covers(name, tree)]
        if lost:
            raise DirtyCheckoutError(
                f"{self.live_folder} on {connector.host} has files that git does not track and that "
                f"{release.tag} would overwrite: {printable(', '.join(lost[:5]), 300)}",
                next_step="move them aside, then run the same command again",
            )

    def to(self, bench: Bench, release: Release, reading: Reading, install: Install) -> Iterator[Step]:
        if reading["fetch"]:
            yield bench.step(
                "fetch",
                f"fetch {release.tag}",
                self._command("fetch", str(self._source), "tag", release.tag, "--no-tags"),
                repeatable=True,
                no_undo="fetched objects do no harm",
            )
        yield self._check_out(bench, release.id, release)
        yield from bench.own("install", install, self.live_folder)

    def back(self, bench: Bench, live: Release, reading: Reading, install: Install) -> Iterator[Step]:
        yield self._check_out(bench, reading["branch"] or live.id, live)
        yield from bench.own("install", install, self.live_folder)

    def _check_out(self, bench: Bench, revision: str, release: Release) -> Step:
        # A commit is detached by itself; a branch name puts the checkout back on its branch.
        return bench.step(
            "checkout",
            f"check out {release}",
            self._command("-c", "advice.detachedHead=false", "checkout", revision),
            holds=lambda: self._serves(bench.connector, release.id),
        )

    def _serves(self, connector: Connector, commit: str) -> bool:
        status = self._git(connector, "status", "--porcelain", "--untracked-files=no")
        return self.live(connector) == commit and status.ok and not status.output.strip()

    def _command(self, *words: str) -> Command:
        return _git(self.live_folder, *words)

    def _git(self, connector: Connector, *words: str) -> Any:
        return connector.read(self._command(*words))


class ReleaseFolders:
    """One folder a release under releases/, and the link `current` to the one that serves.

    A folder is complete when no file .<name>.incomplete lies beside it; until then it is made again.
    """

    def __init__(self, path: Path, repository: Path, shared: Sequence[str]) -> None:
        self._path = path
        self._repository = repository
        self._shared = shared
        self.live_folder = path / "current"

    def live(self, connector: Connector) -> str:
        revision = connector.read(Command.of("cat", str(self.live_folder / "REVISION"), timeout=READ_TIMEOUT))
        if revision.ok:
            return revision.output.strip()
        top, commit = _checkout(connector, self.live_folder)
        served = self._served(connector)
        # A plain folder inside another checkout would answer with that checkout's commit.
        if Path(top).name != Path(served).name:
            raise PlatformError(
                f"{served} on {connector.host} is neither a Git checkout nor has a file REVISION",
                next_step="write the commit that it holds into REVISION",
            )
        return commit

    def folder(self, release: Release, reading: Reading) -> Path:
        return self._path / str(reading["folder"])

    def readings(self, connector: Connector, release: Release, live: Release) -> Reading:
        name = release.tag.replace("/", "-")
        state = self._state(connector, name, release.id)
        if state == "foreign":
            name = f"{name}-{release.short_id}"
            state = self._state(connector, name, release.id)
        if state == "foreign":
            raise PlatformError(
                f"releases/{name} on {connector.host} holds something else than {release}",
                next_step="move that folder aside",
            )
        return {"served": self._served(connector), "folder": f"releases/{name}", "ready": state == "ready"}

    def _served(self, connector: Connector) -> str:
        result = connector.read(Command.of("readlink", str(self.live_folder), timeout=READ_TIMEOUT))
        if not result.ok:
            raise PlatformError(
                f"{self.live_folder} on {connector.host} is no link to a release",
                next_step='deploy once, or use layout = "in-place"',
            )
        return result.output.strip()

    def _state(self, connector: Connector, name: str, commit: str) -> str:
        """What is in a release folder: "absent", "ready", "incomplete" or "foreign"."""
        folder = self._path / "releases" / name
        listing = connector.read(
            Command.of("ls", "-d", str(folder), str(self._unfinished(name)), timeout=READ_TIMEOUT)
        ).output.splitlines()
        if str(folder) not in listing:
            return "absent"
        if str(self._unfinished(name)) in listing:
            return "incomplete"
        result = connector.read(_git(folder, "rev-parse", "--show-toplevel", "HEAD"))
        top, _, head = result.output.strip().partition("\n")
        return "ready" if result.ok and Path(top).name == name and head == commit else "foreign"

    def _unfinished(self, name: str) -> Path:
        return self._path / "releases" / f".{name}.incomplete"

    def to(self, bench: Bench, release: Release, reading: Reading, install: Install) -> Iterator[Step]:
        if not reading["ready"]:
            yield self._prepare(bench, release, reading)
            yield from bench.own("install", install, self.folder(release, reading))
            unfinished = self._unfinished(Path(reading["folder"]).name)
            yield bench.step(
                "complete",
                f"{reading['folder']} is complete",
                Command.of("rm", "-f", str(unfinished)),
                repeatable=True,
                no_undo="an unused release folder does no harm",
            )
        yield self._link(bench, reading["folder"], release)

    def back(self, bench: Bench, live: Release, reading: Reading, install: Install) -> Iterator[Step]:
        yield self._link(bench, reading["served"], live)

    def _prepare(self, bench: Bench, release: Release, reading: Reading) -> Step:
        folder = self.folder(release, reading)
        commands = [
            Command.of("mkdir", "-p", str(folder.parent), *(str(self._path / "shared" / n) for n in self._parents())),
            Command.of("touch", str(self._unfinished(folder.name))),
            Command.of("rm", "-rf", str(folder)),
            _git(self._repository, "worktree", "add", "--force", "--detach", str(folder), release.id),
        ]
        for name in self._shared:
            depth = "../" * (2 + len(Path(name).parts) - 1)
            commands += [
                Command.of("rm", "-rf", str(folder / name)),
                Command.of("ln", "-s", f"{depth}shared/{name}", str(folder / name)),
            ]
        return bench.step(
            "prepare",
            f"make {reading['folder']} from {release}",
            *commands,
            repeatable=True,
            no_undo="an unused release folder does no harm",
        )

    def _parents(self) -> list[str]:
        return [str(Path(name).parent) for name in self._shared]

    def _link(self, bench: Bench, folder: str, release: Release) -> Step:
        next_link = self._path / "current.next"
        return bench.step(
            "link",
            f"current -> {folder}",
            Command.of("ln", "-sfn", folder, str(next_link)),
            # rename(2) replaces the link in one instant; ln -sfn alone removes it first.
            Command.of("mv", *_replace_link(bench.connector), str(next_link), str(self.live_folder)),
            holds=lambda: self._served(bench.connector) == folder,
            repeatable=True,
        )


LAYOUTS: dict[str, type[InPlace] | type[ReleaseFolders]] = {"in-place": InPlace, "releases": ReleaseFolders}


def _git(folder: Path, *words: str) -> Command:
    env = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return Command.of("git", "-C", str(folder), *words, env=env, timeout=READ_TIMEOUT if _quick(words) else 600)


def _quick(words: Sequence[str]) -> bool:
    return words[0] not in {"fetch", "worktree", "-c"}


def _checkout(connector: Connector, folder: Path) -> tuple[str, str]:
    """Top folder and commit of the checkout that `folder` is in."""
    result = connector.read(_git(folder, "rev-parse", "--show-toplevel", "HEAD"))
    top, _, commit = result.output.strip().partition("\n")
    if not result.ok or len(commit) != 40:
        raise PlatformError(
            f"{folder} on {connector.host} is no Git checkout: {printable(result.last_line, 200)}",
            next_step="check git.path in runbooks.toml",
        )
    return top, commit


def _covers(untracked: str, tree: Sequence[str]) -> bool:
    """Whether an untracked path (a folder ends with /) meets a file of the tree."""
    if untracked.endswith("/"):
        return any(name.startswith(untracked) for name in tree)
    return untracked in tree


def _replace_link(connector: Connector) -> list[str]:
    """Options with which mv replaces a link instead of moving into the folder behind it."""
    return ["-fh"] if connector.host == "local" and sys.platform == "darwin" else ["-fT"]
