"""A Git checkout that serves as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from runbook_lib.command import Command, printable
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import DirtyCheckoutError, PlatformError
from runbook_lib.platforms.base import Release
from runbook_lib.platforms.command_step import Bench
from runbook_lib.platforms.git_layout import Install, Reading, submodules
from runbook_lib.platforms.git_reading import CHECKED_OUT, READ_TIMEOUT, Repository, git, refuse_unwritable
from runbook_lib.run.plan import Step

# When HEAD moved last.
LAST_MOVE = ("log", "-g", "-1", "--date=unix", "--format=%gd", "HEAD")


class InPlace:
    """A tag is checked out in the application's folder, or in the checkout that this is a folder of."""

    def __init__(self, path: Path, repository: Path, shared: Sequence[str]) -> None:
        self.live_folder = path
        self._source = repository

    def live(self, connector: Connector) -> str:
        _, _, commit = self._checkout(connector)
        return commit

    def asked(self) -> list[Command]:
        reading = [CHECKED_OUT, LAST_MOVE]
        return [git(self.live_folder, *words, timeout=READ_TIMEOUT) for words in reading]

    def switched(self, connector: Connector) -> float | None:
        # Each checkout appends to the log of HEAD.
        result = Repository(connector, self.live_folder).ask(*LAST_MOVE)
        moment = result.output.strip().rpartition("{")[2].rstrip("}")
        return float(moment) if result.ok and moment.isdigit() else None

    def _checkout(self, connector: Connector) -> tuple[Repository, str, str]:
        """The checkout as a whole, the application's folder within it ("" or "app/"), and the commit."""
        here = Repository(connector, self.live_folder)
        top, prefix, commit = here.checked_out()
        # Git answers for any folder below a checkout, also for one that has nothing to do with it.
        if prefix and not here.ask("ls-tree", "--name-only", "HEAD").output.strip():
            raise PlatformError(
                f"{self.live_folder} on {connector.host} is no Git checkout; it lies in {top}, which tracks nothing "
                "of it",
                next_step="check git.path in runbooks.toml",
            )
        return Repository(connector, Path(top)), prefix, commit

    def inside(self, connector: Connector, release: Release) -> Path:
        live = self.live(connector)
        if live != release.id:
            raise PlatformError(
                f"{self.live_folder} on {connector.host} holds {live[:12]} and not {release}",
                next_step="run it while that release is live",
            )
        return self.live_folder

    def readings(self, connector: Connector, release: Release) -> Reading:
        checkout, prefix, commit = self._checkout(connector)
        _refuse_changes(checkout)
        checkout.refuse_locked()
        refuse_unwritable(connector, checkout.folder)
        known = checkout.has(release.id)
        holder = checkout if known else Repository(connector, self._source)
        holder.refuse_without(release)
        tree = holder.tree(release.id)
        if prefix and not any(name.startswith(prefix) for name in tree.names):
            raise PlatformError(f"{release} has no folder {prefix}", next_step="name another release")
        _refuse_overwriting(checkout, tree.files, release)
        branch = checkout.branch()
        return {
            "top": str(checkout.folder),
            "branch": branch,
            "fetch": not known,
            "keep": not branch and not checkout.referred_to(commit),
            "submodules": bool(tree.submodules),
        }

    def to(self, bench: Bench, release: Release, reading: Reading, install: Install) -> Iterator[Step]:
        top = Path(reading["top"])
        if reading["keep"]:
            # Nothing but HEAD names this commit: once HEAD moves on, git may clear it away.
            yield bench.step(
                "keep",
                "keep the commit that serves",
                git(top, "update-ref", f"refs/runbooks/{bench.run}", "HEAD"),
                repeatable=True,
                no_undo="a reference does no harm",
            )
        if reading["fetch"]:
            yield bench.step(
                "fetch",
                f"fetch {release.tag}",
                git(top, "fetch", "--no-tags", str(self._source), f"refs/tags/{release.tag}"),
                repeatable=True,
                no_undo="fetched objects do no harm",
            )
        yield self._check_out(bench, top, release, "")
        yield from submodules(bench, top, reading)
        yield from bench.own("install", install, self.live_folder)

    def back(self, bench: Bench, live: Release, reading: Reading, install: Install) -> Iterator[Step]:
        top = Path(reading["top"])
        yield self._check_out(bench, top, live, reading["branch"])
        yield from submodules(bench, top, reading)
        yield from bench.own("install", install, self.live_folder)

    def _check_out(self, bench: Bench, top: Path, release: Release, branch: str) -> Step:
        def holds() -> bool:
            checkout = Repository(bench.connector, top)
            _, _, commit = checkout.checked_out()
            return commit == release.id and checkout.branch() == branch and not checkout.changes(submodules=False)

        # A commit is detached by itself; a branch name puts the checkout back on its branch. `--` because a file may
        # have the same name.
        words = ("checkout", "--no-overwrite-ignore", branch or release.id, "--")
        return bench.step(
            "checkout",
            f"check out {release}" + (f" (branch {branch})" if branch else ""),
            git(top, "-c", "advice.detachedHead=false", *words),
            holds=holds,
            risk="until the restart, requests meet files of both releases",
        )


def _refuse_changes(checkout: Repository) -> None:
    changed = checkout.changes()
    if changed:
        raise DirtyCheckoutError(
            f"{checkout.folder} on {checkout.connector.host} has uncommitted changes: {_some(changed)}",
            next_step="commit or stash them there, then run the same command again",
        )


def _refuse_overwriting(checkout: Repository, files: Sequence[str], release: Release) -> None:
    """Refuse when files that git does not track, ignored ones too, stand where the release has files."""
    lost = checkout.untracked_in_the_way(files)
    if lost:
        raise DirtyCheckoutError(
            f"{checkout.folder} on {checkout.connector.host} has files that git does not track and that "
            f"{release.tag} would overwrite: {_some(lost)}",
            next_step="move them aside, then run the same command again",
        )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return printable(", ".join(names[:5]), 300) + more
