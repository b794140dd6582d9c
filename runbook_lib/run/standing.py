"""What the record says of releases: proven good, marked bad."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from runbook_lib.run.journal import Journal
from runbook_lib.run.plan import Verdict


class Named(Protocol):
    """Anything with a release's tag and id."""

    @property
    def tag(self) -> str: ...

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=Named)


@dataclass
class Standing:
    """The record of one environment. passed: Unix time of the newest PASS by release id, taken away by a later FAIL;
    bad: the reason by release id."""

    passed: dict[str, float] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, journal: Journal, environment: str) -> Standing:
        """The standing of all releases in an environment, "shop/production"."""
        standing = cls()
        verdicts = [event for kind in ("verified", "observed") for event in journal.events(kind=kind)]
        for event in sorted(verdicts, key=lambda event: event.seq):
            if event.data.get("environment") == environment:
                standing._judge(event.data, event.at)
        for event in journal.events(kind="marked"):
            if event.data.get("environment") == environment:
                standing._mark(event.data)
        return standing

    def _judge(self, data: dict[str, Any], at: float) -> None:
        release = data["release"].get("id", "")
        if data["verdict"] == "PASS":
            self.passed[release] = at
        elif data["verdict"] == "FAIL":
            self.passed.pop(release, None)

    def _mark(self, data: dict[str, Any]) -> None:
        release = data["release"]["id"]
        if data["mark"] == "bad":
            self.bad[release] = data["reason"]
        else:
            self.bad.pop(release, None)

    def word(self, release: str) -> str:
        """ "bad", "known good" or an empty string, for tables."""
        if release in self.bad:
            return "bad"
        return "known good" if release in self.passed else ""

    def passed_within(self, release: str, seconds: float) -> bool:
        """Whether a PASS was recorded in the last `seconds`."""
        return release in self.passed and 0 <= time.time() - self.passed[release] <= seconds

    def last_known_good(self, releases: Sequence[R], live: Collection[str]) -> R | None:
        """The newest release with a recorded PASS that is neither live nor bad; releases come newest first."""
        for release in releases:
            if release.id in self.passed and release.id not in self.bad and release.id not in live:
                return release
        return None


def record_verdict(journal: Journal, environment: str, release: dict[str, Any], verdict: Verdict) -> None:
    """Write down a verdict that belongs to no run, such as the one after a first deployment."""
    journal.append(
        "",
        "verified",
        {
            "section": environment,
            "what": "health",
            "environment": environment,
            "release": release,
            "verdict": verdict.result,
            "reasons": list(verdict.reasons),
            "numbers": verdict.numbers,
        },
    )
