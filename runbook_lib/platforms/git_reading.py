"""What git says of a checkout or repository on a host, read only; and why, where it says nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.command import Command, Result, printable
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import PlatformError
from runbook_lib.platforms.base import Release

READ_TIMEOUT = 30.0
CHANGE_TIMEOUT = 600.0
# Bytes of names on one command line.
AT_ONCE = 60_000

# What is checked out in a folder: its top, the folder within it, the commit.
CHECKED_OUT = ("rev-parse", "--show-toplevel", "--show-prefix", "--verify", "HEAD")

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Tree:
    """The names in a commit, from its top. files: with links; submodules: their folders; links: symbolic links."""

    files: Sequence[str]
    submodules: Sequence[str]
    links: Sequence[str]

    @property
    def names(self) -> Iterator[str]:
        yield from self.files
        yield from self.submodules


@dataclass(frozen=True)
class Repository:
    """A checkout or repository in a folder of one host."""

    connector: Connector
    folder: Path

    def ask(self, *words: str) -> Result:
        return self.connector.read(git(self.folder, *words, timeout=READ_TIMEOUT))

    def _told(self, *words: str) -> str:
        """The output of a git command that has to succeed."""
        result = self.ask(*words)
        if not result.ok:
            raise self._unreadable(result)
        return result.output

    def checked_out(self) -> tuple[str, str, str]:
        """Top folder of the checkout, this folder within it ("" at the top, else "app/"), and its commit."""
        result = self.ask(*CHECKED_OUT)
        top, prefix, commit = [*result.output.split("\n"), "", "", ""][:3]
        if not result.ok or not commit_id(commit):
            raise self._unreadable(result)
        return top, prefix, commit

    def branch(self) -> str:
        """The branch that is checked out, or an empty string when HEAD is detached."""
        # Not --short, which says heads/main where a tag main exists, and that would be checked out detached.
        name = self.ask("symbolic-ref", "--quiet", "HEAD").output.strip()
        return name.removeprefix("refs/heads/") if name.startswith("refs/heads/") else ""

    def changes(self, submodules: bool = True, without: Sequence[str] = ()) -> list[str]:
        """Tracked files that differ from the commit, staged or not."""
        words = ["status", "--porcelain", "--untracked-files=no", "--no-renames", "-z"]
        words += [] if submodules else ["--ignore-submodules=all"]
        words += ["--", ".", *(f":(exclude,literal){name}" for name in without)] if without else []
        return [line[3:] for line in self._told(*words).split("\0") if line]

    def has(self, commit: str) -> bool:
        return self.ask("cat-file", "-e", f"{commit}^{{commit}}").ok

    def refuse_without(self, release: Release) -> None:
        """PlatformError unless the commit of a release is here."""
        result = self.ask("cat-file", "-e", f"{release.id}^{{commit}}")
        if not result.ok:
            self._told("rev-parse", "--git-dir")
            raise PlatformError(
                f"{self.folder} on {self.connector.host} does not have the commit of {release}",
                next_step=f"`git -C {self.folder} fetch --tags` there, then run the same command again",
            )

    def commit_of(self, text: str) -> str:
        """The full id of an abbreviated one, or an empty string."""
        if not re.fullmatch(r"[0-9a-f]{7,64}", text):
            return ""
        result = self.ask("rev-parse", "--verify", "--quiet", f"{text}^{{commit}}")
        return commit_id(result.output.strip()) if result.ok else ""

    def referred_to(self, commit: str) -> bool:
        """Whether some branch or tag leads to a commit, so that git does not clear it away."""
        return bool(self._told("for-each-ref", "--count=1", f"--contains={commit}", "--format=x").strip())

    def tree(self, commit: str) -> Tree:
        kinds: dict[str, list[str]] = {"160000": [], "120000": []}
        files: list[str] = []
        for entry in self._told("ls-tree", "-r", "-z", "--full-tree", commit).split("\0"):
            about, _, name = entry.partition("\t")
            mode = about.partition(" ")[0]
            if name:
                kinds.setdefault(mode, []).append(name)
                files += [name] if mode != "160000" else []
        return Tree(files, kinds["160000"], kinds["120000"])

    def untracked_in_the_way(self, files: Sequence[str]) -> list[str]:
        """Files that git does not track, ignored ones too, that a checkout of `files` would replace or remove."""
        here = set(self.tree("HEAD").names)
        new = {name for name in files if name not in here}
        folders = _folders(here)
        above = _folders(new) - folders
        return sorted(
            name
            for name in self._untracked(sorted({_uppermost(name, folders) for name in new}))
            if name in new or name in above or not new.isdisjoint(_folders([name]))
        )

    def _untracked(self, roots: Sequence[str]) -> Iterator[str]:
        for batch in _batches(roots):
            words = ("--literal-pathspecs", "ls-files", "--others", "-z", "--", *batch)
            yield from (name.rstrip("/") for name in self._told(*words).split("\0") if name)

    def refuse_locked(self) -> None:
        """PlatformError when another git is at work here, or one that ended in the middle of its work."""
        lock = self._told("rev-parse", "--git-path", "index.lock").strip()
        path = self.folder / lock
        if self.connector.read(Command.of("test", "-e", str(path), timeout=READ_TIMEOUT)).ok:
            raise PlatformError(
                f"{path} on {self.connector.host} says that another git is at work there",
                next_step="wait for it; if no git runs there, remove that file",
            )

    def _unreadable(self, result: Result) -> PlatformError:
        said = next((line for line in result.output.splitlines() if line.startswith("fatal:")), result.last_line)
        what = f"{self.folder} on {self.connector.host} cannot be read by git: {printable(said, 300)}"
        if "dubious ownership" in said:
            step = f"as the user that runs this there: `git config --global --add safe.directory {self.folder}`"
        elif "/worktrees/" in said:
            step = f"its repository was moved or lost: `git worktree repair {self.folder}` in the repository"
        elif "Needed a single revision" in said:
            what, step = f"{self.folder} on {self.connector.host} has no commit yet", "deploy once by hand"
        else:
            step = "check git.path and git.repository in runbooks.toml"
        return PlatformError(what, next_step=step)


def git(folder: Path, *words: str, timeout: float = CHANGE_TIMEOUT) -> Command:
    """A git command in a folder: never asking, in English, and leaving the index alone where it only reads."""
    env = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    return Command.of("git", "-C", str(folder), *words, env=env, timeout=timeout)


def commit_id(text: str) -> str:
    """The text when it is a full commit id, else an empty string."""
    return text if _COMMIT.fullmatch(text) else ""


def refuse_unwritable(connector: Connector, folder: Path) -> None:
    """PlatformError when this user may not write there."""
    if not connector.read(Command.of("test", "-w", str(folder), timeout=READ_TIMEOUT)).ok:
        raise PlatformError(
            f"{folder} on {connector.host} cannot be written by this user",
            next_step="check its owner and permissions, or run as its owner",
        )


def _folders(names: Iterable[str]) -> set[str]:
    """All folders above the names."""
    found: set[str] = set()
    for name in names:
        while (name := name.rpartition("/")[0]) and name not in found:
            found.add(name)
    return found


def _uppermost(name: str, folders: Collection[str]) -> str:
    """The path cut below the last of its folders that is among `folders`: there and below nothing is tracked."""
    parts = name.split("/")
    ways = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
    return next((way for way in ways if way not in folders), name)


def _batches(names: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for name in names:
        if batch and size + len(name) > AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += len(name.encode()) + 3
    if batch:
        yield batch
