"""How the code of a release lies on a host: the contract of its layouts, and what they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from runbook_lib.command import Command
from runbook_lib.connectors.base import Connector
from runbook_lib.platforms.base import Release
from runbook_lib.platforms.command_step import Bench
from runbook_lib.platforms.git_reading import git
from runbook_lib.run.plan import Step

Reading = dict[str, Any]
Install = Sequence[Sequence[str]]


class Layout(Protocol):
    """How the code of a release gets into its place on one host."""

    @property
    def live_folder(self) -> Path:
        """The folder that serves."""

    def live(self, connector: Connector) -> str:
        """The commit that serves, as a full id."""

    def asked(self) -> list[Command]:
        """What `live` and `switched` ask a host, as far as it is known beforehand."""

    def switched(self, connector: Connector) -> float | None:
        """Unix time at which that commit was put in place, or None when nothing tells."""

    def readings(self, connector: Connector, release: Release) -> Reading:
        """What `to` and `back` are built from; refuses what would lose work or could not be done."""

    def to(self, bench: Bench, release: Release, reading: Reading, install: Install) -> Iterator[Step]:
        """The steps that put the code of `release` in place."""

    def back(self, bench: Bench, live: Release, reading: Reading, install: Install) -> Iterator[Step]:
        """The steps that put back the code that was live."""

    def inside(self, connector: Connector, release: Release) -> Path:
        """The folder that holds the code of exactly this release now; PlatformError when there is none."""


def submodules(bench: Bench, folder: Path, reading: Reading) -> Iterator[Step]:
    """Git leaves submodules as they are when it checks a commit out: that would be a mixture of two releases."""
    if reading["submodules"]:
        yield bench.step(
            "submodules",
            "update the submodules",
            git(folder, "submodule", "update", "--init", "--recursive"),
            repeatable=True,
        )
