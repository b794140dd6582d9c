"""Release folders behind a link to the one that serves, as Capistrano and Deployer make them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from runbook_lib.command import Command
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import PlatformError
from runbook_lib.platforms.base import Release
from runbook_lib.platforms.command_step import Bench
from runbook_lib.platforms.git_layout import Install, Reading, submodules
from runbook_lib.platforms.git_reading import CHECKED_OUT, READ_TIMEOUT, Repository, commit_id, git, refuse_unwritable
from runbook_lib.run.plan import Step


class ReleaseFolders:
    """One folder a release under releases/, and the link `current` to the one that serves.

    A folder is a worktree of the repository, or a plain one whose file REVISION names its commit, as Capistrano and
    Deployer make them. It is complete when no file .<name>.incomplete lies beside it; until then it is made again.
    """

    def __init__(self, path: Path, repository: Path, shared: Sequence[str]) -> None:
        self._path = path
        self._repository = repository
        self._shared = shared
        self.live_folder = path / "current"

    def live(self, connector: Connector) -> str:
        served = self._served(connector)
        commit, why = self._holds(connector, self.live_folder)
        if not commit:
            raise PlatformError(
                f"{self.live_folder} on {connector.host} leads to {served}, which is neither a Git checkout nor has "
                f"a file REVISION with a commit: {why.message}",
                next_step=why.next_step,
            )
        return commit

    def asked(self) -> list[Command]:
        checked_out = git(self.live_folder, *CHECKED_OUT, timeout=READ_TIMEOUT)
        return [self._where_to, checked_out, self._revision(self.live_folder), self._link_made]

    @property
    def _where_to(self) -> Command:
        return Command.of("readlink", str(self.live_folder), timeout=READ_TIMEOUT)

    @property
    def _link_made(self) -> Command:
        words = ("-f", "%m") if sys.platform == "darwin" else ("-c", "%Y")
        return Command.of("stat", *words, str(self.live_folder), timeout=READ_TIMEOUT)

    def _revision(self, folder: Path) -> Command:
        return Command.of("head", "-n", "1", str(folder / "REVISION"), timeout=READ_TIMEOUT)

    def switched(self, connector: Connector) -> float | None:
        # Of the link itself, which each switch makes anew.
        result = connector.read(self._link_made)
        moment = result.output.strip()
        return float(moment) if result.ok and moment.isdigit() else None

    def _holds(self, connector: Connector, folder: Path) -> tuple[str, PlatformError]:
        """The commit that a release folder holds, or an empty string and why it is not known."""
        why = PlatformError("", next_step="write the commit that it holds into REVISION")
        try:
            top, prefix, commit = Repository(connector, folder).checked_out()
            # A plain folder inside another checkout would answer with that checkout's commit.
            if not prefix:
                return commit, why
            why = PlatformError(f"git answers for {top}", next_step=why.next_step)
        except PlatformError as error:
            why = error
        revision = connector.read(self._revision(folder))
        text = revision.output.strip()
        if not revision.ok or not text:
            return "", why
        return commit_id(text) or Repository(connector, self._repository).commit_of(text), why

    def _served(self, connector: Connector) -> str:
        result = connector.read(self._where_to)
        if not result.ok:
            raise PlatformError(
                f"{self.live_folder} on {connector.host} is no link to a release",
                next_step='deploy once, or use layout = "in-place"',
            )
        return result.output.removesuffix("\n")

    def inside(self, connector: Connector, release: Release) -> Path:
        name, state = self._place(connector, release)
        if state != "ready":
            raise PlatformError(
                f"there is no complete folder of {release} in {self._path / 'releases'} on {connector.host}",
                next_step="run it in a release that was live there",
            )
        return self._path / "releases" / name

    def readings(self, connector: Connector, release: Release) -> Reading:
        name, state = self._place(connector, release)
        refuse_unwritable(connector, self._path)
        reading = {
            "served": self._served(connector),
            "folder": f"releases/{name}",
            "ready": state == "ready",
            "submodules": False,
        }
        if state != "ready":
            repository = Repository(connector, self._repository)
            repository.refuse_without(release)
            tree = repository.tree(release.id)
            reading["submodules"] = bool(tree.submodules)
            self._refuse_shared(connector, tree.links, release)
        return reading

    def _refuse_shared(self, connector: Connector, links: Sequence[str], release: Release) -> None:
        """Refuse shared names that lead nowhere, or behind a link of the release: what is there is not ours."""
        for name in self._shared:
            behind = [str(parent) for parent in Path(name).parents if str(parent) in links]
            if behind:
                raise PlatformError(
                    f"{release} has a link {behind[0]}, so that {name} cannot be shared", next_step="mend git.shared"
                )
            place = self._path / "shared" / name
            if not connector.read(Command.of("test", "-e", str(place), timeout=READ_TIMEOUT)).ok:
                raise PlatformError(
                    f"{place} on {connector.host} does not exist", next_step="put it there, or mend git.shared"
                )

    def _place(self, connector: Connector, release: Release) -> tuple[str, str]:
        """The name of the folder for a release and what is there: "absent", "ready" or "incomplete"."""
        name = release.tag.replace("/", "-")
        for candidate in (name, f"{name}-{release.short_id}"):
            state = self._state(connector, candidate, release.id)
            if state == "absent":
                made = self._made_by_others(connector, release.id)
                return (made, "ready") if made else (candidate, state)
            if state != "foreign":
                return candidate, state
        raise PlatformError(
            f"releases/{candidate} on {connector.host} holds something else than {release}",
            next_step="move that folder aside",
        )

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
        held, _ = self._holds(connector, folder)
        return "ready" if held == commit and not self._changed(connector, folder) else "foreign"

    def _changed(self, connector: Connector, folder: Path) -> bool:
        """Whether somebody edited the code of a worktree; what is shared is no code of it."""
        checkout = Repository(connector, folder)
        is_own = connector.read(Command.of("test", "-e", str(folder / ".git"), timeout=READ_TIMEOUT)).ok
        return is_own and bool(checkout.changes(without=self._shared))

    def _made_by_others(self, connector: Connector, commit: str) -> str:
        """The newest plain release folder, by its name, whose REVISION is the commit; or an empty string."""
        found = connector.read(
            Command.of(
                *("find", str(self._path / "releases"), "-mindepth", "2", "-maxdepth", "2", "-name", "REVISION"),
                *("-exec", "grep", "-lxF", commit, "{}", "+"),
                timeout=READ_TIMEOUT,
            )
        )
        names = sorted({Path(line).parent.name for line in found.output.splitlines() if line.endswith("/REVISION")})
        return next((n for n in reversed(names) if self._state(connector, n, commit) == "ready"), "")

    def _unfinished(self, name: str) -> Path:
        return self._path / "releases" / f".{name}.incomplete"

    def to(self, bench: Bench, release: Release, reading: Reading, install: Install) -> Iterator[Step]:
        folder = self._path / str(reading["folder"])
        if not reading["ready"]:
            yield self._prepare(bench, release, folder)
            yield from submodules(bench, folder, reading)
            yield from bench.own("install", install, folder)
            yield bench.step(
                "complete",
                f"{reading['folder']} is complete",
                Command.of("rm", "-f", str(self._unfinished(folder.name))),
                repeatable=True,
                no_undo="an unused release folder does no harm",
            )
        yield self._link(bench, reading["folder"])

    def back(self, bench: Bench, live: Release, reading: Reading, install: Install) -> Iterator[Step]:
        yield self._link(bench, reading["served"])

    def _prepare(self, bench: Bench, release: Release, folder: Path) -> Step:
        commands = [
            Command.of("mkdir", "-p", str(folder.parent)),
            Command.of("touch", str(self._unfinished(folder.name))),
            Command.of("rm", "-rf", str(folder)),
            git(self._repository, "worktree", "add", "--force", "--detach", str(folder), release.id),
        ]
        for name in self._shared:
            link = folder / name
            up = "../" * (1 + len(Path(name).parts))
            commands += [
                Command.of("mkdir", "-p", str(link.parent)),
                Command.of("rm", "-rf", str(link)),
                Command.of("ln", "-s", f"{up}shared/{name}", str(link)),
            ]
        return bench.step(
            "prepare",
            f"make releases/{folder.name} from {release}",
            *commands,
            repeatable=True,
            no_undo="an unused release folder does no harm",
        )

    def _link(self, bench: Bench, folder: str) -> Step:
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


def _replace_link(connector: Connector) -> list[str]:
    """Options with which mv replaces a link instead of moving into the folder behind it."""
    return ["-fh"] if connector.host == "local" and sys.platform == "darwin" else ["-fT"]
