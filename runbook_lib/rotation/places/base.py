"""What a place is: where the value of a secret lives, and how another one comes to be there."""

from __future__ import annotations

from typing import Any, Protocol

from runbook_lib.rotation.values import Values
from runbook_lib.run.plan import Step


class Place(Protocol):
    """One place on one host. It reads and writes the parts of a secret: value, previous, user, password, url."""

    @property
    def name(self) -> str:
        """Unique in the environment, part of step ids."""

    @property
    def host(self) -> str:
        """Where it is."""

    @property
    def title(self) -> str:
        """What it is, for a reader."""

    @property
    def warnings(self) -> list[str]:
        """What the approver must know."""

    def facts(self) -> dict[str, Any]:
        """What the plan rests on, plain data without values, stable while nothing changes. ConfigurationError or
        PlatformError when it could not be written."""

    def read(self) -> Values:
        """The parts that it has now; what cannot be read is left out."""

    def keep(self) -> Any:
        """JSON data from which `put_back` restores it; holds values, so it goes to the vault."""

    def write(self, values: Values) -> str:
        """Make it hold these values; may be repeated. One line for the report. StepFailedError."""

    def holds(self, values: Values) -> bool | None:
        """Whether it does; None when nothing can tell."""

    def put_back(self, kept: Any) -> str:
        """Make it what it was when `keep` was asked. StepFailedError."""

    def retire(self, section: str) -> tuple[Step, ...]:
        """The steps that remove what was left to go back to."""
