"""How a command travels to a host: the contract that every connector keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runbook_lib.command import Command, Result


class Connector(Protocol):
    """A way to one host.

    Reading and changing are apart, so that a dry run can be proven to change nothing.
    """

    @property
    def host(self) -> str:
        """The host's name in plans and reports."""

    def read(self, command: Command) -> Result:
        """Run a read-only command and wait for it. A non-zero exit is a Result; CommandError when it could not
        be run or took too long."""

    def read_all(self, commands: Sequence[Command]) -> list[Result]:
        """Run read-only commands one after the other, in one trip where there is a way to go; their Results in order.
        One that cannot be run has a non-zero exit. CommandError when the host is not reached or it takes longer than
        the longest of them may."""

    def change(self, command: Command, mark: str, *, repeatable: bool = False) -> Result:
        """Run a changing command so that its outcome outlives this process.

        mark: name of this one execution, unique for the whole journal ("<run>/<step>"). A second call with the
        same mark never starts a command that is running or has ended: it waits for that one's end and returns its
        Result. When it was started and its end can never be known (a reboot), `repeatable` starts it again;
        without it UnsettledStepError is raised.
        """

    def outcome(self, mark: str) -> Result | None:
        """What `change` left under this mark, waiting a few seconds for a command that still runs: its Result, or
        None when it was never started, still runs or its end cannot be known."""
