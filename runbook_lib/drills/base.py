"""What a drill is, and what it needs of the place where it takes place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from runbook_lib.config import Target
from runbook_lib.drills.evidence import On

# How many recommendations are followed one after the other.
HOPS = 3


@dataclass(frozen=True)
class Drill:
    """A runbook against a known fault.

    runbook: name of the notebook; fault: what is broken, empty for a runbook that is not about a fault. blames: the
    causes any of which it must name first, empty for one that names none; parameters: it is run with. before, then,
    after: commands that come first, when all is still well; after the runbook, before what is in force is lifted and
    all must be well; and last. {incident} in them and in parameters is the incident that is declared for them, {good}
    the release that is live when all is well. places: where it makes sense.
    """

    name: str
    runbook: str
    fault: str = ""
    blames: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[tuple[str, ...], ...] = ()
    then: tuple[tuple[str, ...], ...] = ()
    after: tuple[tuple[str, ...], ...] = ()
    places: tuple[On, ...] = ("practice",)

    @property
    def about(self) -> str:
        """One line for a list."""
        what = f"against {self.fault}" if self.fault else "without a fault"
        return f"{self.runbook} {what}" + (f", must blame {' or '.join(self.blames)}" if self.blames else "")


class World(Protocol):
    """Where a drill takes place: a service that can be broken and brought back."""

    @property
    def on(self) -> On:
        """What kind of place it is."""

    @property
    def target(self) -> Target:
        """The environment that is broken."""

    @property
    def folder(self) -> Path:
        """The folder in which the commands are run, below that of its runbooks.toml."""

    def mend(self) -> None:
        """Bring the steady state back, whatever it is like. RunbookError."""

    def can_break(self, fault: str) -> bool:
        """Whether it is known here how to bring a fault about."""

    @property
    def good(self) -> str:
        """The tag of the release that is live when all is well."""

    def break_(self, fault: str) -> str:
        """Bring a fault about; what is wrong now. RunbookError."""

    def shows(self, fault: str) -> str:
        """What can be seen of a fault from outside; empty while nothing can."""

    def ends(self, fault: str) -> None:
        """End what only ends by itself, such as an outage elsewhere."""

    def unsteady(self) -> str:
        """What is not as it is when all is well, or an empty string."""
