"""What a kind of secret is: how a new value is made and made valid beside the old one, what shows that a value is good,
and how the old one dies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from runbook_lib.rotation.values import Values

Facts = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What a call with a value came to. answer: accepted, refused, or unknown when nobody answered; saw: in a few
    words, without the value."""

    answer: Literal["accepted", "refused", "unknown"]
    saw: str

    def __str__(self) -> str:
        return f"{self.answer} ({self.saw})"


class Kind(Protocol):
    """One kind of secret in one environment. old, new: values before and after. facts: what `facts` read, as it comes
    back from the journal."""

    @property
    def variables(self) -> dict[str, str]:
        """The variables in which Laravel looks for it, and the part that each holds."""

    @property
    def proves_before(self) -> bool:
        """Whether a new value can be shown to be good before the application has it."""

    def facts(self, old: Values) -> Facts:
        """What the plan rests on: plain data without values, stable while nothing changes. ConfigurationError or
        PlatformError where it cannot work."""

    def warnings(self, facts: Facts) -> list[str]:
        """What the approver must know."""

    def make(self, old: Values, facts: Facts) -> Values:
        """The new values; they are not valid yet. StepFailedError."""

    def introduced_by(self, facts: Facts) -> str:
        """What makes the new value valid beside the old one, for a plan; empty where nothing does."""

    def introduce(self, old: Values, new: Values, facts: Facts) -> str:
        """Make the new value valid; the old one stays so. May be repeated."""

    def withdraw(self, old: Values, new: Values, facts: Facts) -> str:
        """Take `introduce` back. May be repeated."""

    def try_out(self, values: Values) -> Reply:
        """Call with a value, changing nothing."""

    def lives_on(self, facts: Facts) -> str:
        """Why the old value stays valid by intent, in a sentence; usually empty."""

    def retired_by(self, facts: Facts) -> str:
        """What makes the old value invalid, for a plan; empty where nothing needs to."""

    def retire(self, old: Values, new: Values, facts: Facts) -> str:
        """Make the old value invalid. May be repeated."""

    def restore(self, old: Values, new: Values, facts: Facts) -> str:
        """Make it valid again. StepFailedError where that cannot be done."""

    def no_restore(self, facts: Facts) -> str:
        """Why `restore` cannot work; empty where it can."""
