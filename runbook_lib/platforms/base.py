"""What a platform is: the contract that every platform keeps, and the values it speaks in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from runbook_lib.command import Command, Result, nearest, printable
from runbook_lib.connectors.base import Connector
from runbook_lib.errors import UnknownReleaseError
from runbook_lib.run.plan import Snapshot, Step


@dataclass(frozen=True)
class Release:
    """Something that can be put live.

    tag: its name. id: what exactly it is, a commit (40 hex digits) or an image id ("sha256:" + 64 hex digits).
    created: ISO 8601 in UTC, or empty. title: the tag's or commit's first line, author: of the commit, or empty; both
    text from outside.
    """

    tag: str
    id: str
    created: str = ""
    title: str = ""
    author: str = field(default="", compare=False)

    @property
    def short_id(self) -> str:
        return self.id.removeprefix("sha256:")[:12]

    @property
    def names(self) -> tuple[str, ...]:
        """By which of these an application says that it is this release."""
        return tuple(name for name in (self.tag, self.id, self.short_id, self.id[:7]) if name)

    def __str__(self) -> str:
        return f"{self.tag} ({self.short_id})" if self.tag else self.short_id

    @property
    def facts(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of an application's log. at: Unix time in seconds, or None when the line does not say."""

    host: str
    text: str
    at: float | None = None


@dataclass(frozen=True)
class Switch:
    """How a release goes live: the steps, and the steps that put back what served before."""

    steps: tuple[Step, ...]
    back: tuple[Step, ...]
    warnings: tuple[str, ...] = field(default=())


class Platform(Protocol):
    """Where an environment runs. One instance serves one environment."""

    def releases(self) -> list[Release]:
        """All releases that could be put live, newest first. PlatformError when they cannot be read."""

    def hosts(self) -> list[str]:
        """The names of the hosts or replicas, without asking any of them. PlatformError when they are not known."""

    def read_ahead(self, host: str) -> None:
        """Where asking a host takes a trip, ask in one for all that `release_on`, `switched` and `logs` will ask. This
        instance then answers from that: use it for one look. CommandError when the host is not reached."""

    def release_on(self, host: str) -> Release:
        """The release that is live on one host or replica, read now. PlatformError when it cannot be read."""

    def switched(self, host: str) -> float | None:
        """Unix time at which the live release was put in place there, or None when nothing tells."""

    def current(self) -> dict[str, Release]:
        """The release that is live on each host or replica, read now. A release whose tag is not known has an
        empty tag. PlatformError when it cannot be read."""

    def readings(self, release: Release) -> Snapshot:
        """Everything that `switch` is built from, as plain JSON data, read now; stable while nothing changes.

        Refuses what could not work before anything is touched: uncommitted changes, missing image, no permission
        (DirtyCheckoutError, ImageMissingError, PlatformError).
        """

    def switch(self, release: Release, readings: Snapshot, section: str, run: str) -> Switch:
        """The steps that make `release` live. Pure: nothing is read or changed here.

        section: prefix of the step ids. run: the run's id, part of the marks and names that the steps leave.
        """

    def retire(self, readings: Snapshot, section: str, run: str) -> tuple[Step, ...]:
        """The steps that remove what was kept to go back to; run only after the release was observed to be good."""

    def live(self, command: Command, host: str) -> tuple[Connector, Command]:
        """`command` as it has to be run to run inside whatever is live on a host or replica, and the connector that
        runs it. Pure. A relative cwd is a folder of the application."""

    def command(self, release: Release, command: Command, host: str) -> Command:
        """`command` as it has to be run so that it runs *inside* that release."""

    def read(self, release: Release, command: Command) -> dict[str, Result]:
        """Run a read-only command inside that release, on every host or replica."""

    def logs(self, since: float, host: str = "") -> list[LogLine]:
        """Lines of the application's log since a Unix time, oldest first, at most the last 2,000 a host; of one host
        or, empty, of all. However long the log is, the time and memory that this takes are bounded."""


def find_release(releases: Sequence[Release], tag: str) -> Release:
    """The release called `tag`. UnknownReleaseError names the nearest ones."""
    for release in releases:
        if release.tag == tag:
            return release
    known = [release.tag for release in releases if release.tag]
    close = nearest(tag, known)
    hint = f"did you mean {', '.join(close)}?" if close else f"the newest are {', '.join(known[:5]) or 'none'}"
    raise UnknownReleaseError(f"no release is called {printable(tag, 80)!r}", next_step=hint)
