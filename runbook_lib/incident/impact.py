"""The impact of an incident in numbers, from what runs measured of its environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.display import Chart
from runbook_lib.incident.story import Story

POINTS = 200


@dataclass(frozen=True)
class Look:
    """What one run measured. at: Unix time; verdict: of an observation, or "looked"; bad: whether users were hurt;
    error_rate: share, or None; p95_ms: or None; series: points of its chart."""

    at: float
    verdict: str
    bad: bool
    requests: int
    errors: int
    error_rate: float | None
    p95_ms: float | None
    series: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Impact:
    """seconds: from the beginning until it was mitigated, else verified, else closed; None while it goes on.
    looks: oldest first; during: those before the mitigation."""

    seconds: float | None
    looks: tuple[Look, ...]
    during: tuple[Look, ...]

    @property
    def worst_error_rate(self) -> float | None:
        return max((look.error_rate for look in self.during if look.error_rate is not None), default=None)

    @property
    def worst_p95_ms(self) -> float | None:
        return max((look.p95_ms for look in self.during if look.p95_ms is not None), default=None)

    @property
    def failed_requests(self) -> int:
        return sum(look.errors for look in self.during)

    @property
    def seen_requests(self) -> int:
        return sum(look.requests for look in self.during)

    def lines(self) -> list[str]:
        """What is known, a sentence each; what is not known is said."""
        if self.during and self.seen_requests:
            return [
                f"{self.failed_requests} of {self.seen_requests} requests watched before the mitigation failed",
                *(
                    [f"at worst {self.worst_error_rate:.1%} of requests failed"]
                    if self.worst_error_rate is not None
                    else []
                ),
                *([f"95th percentile of latency at worst {self.worst_p95_ms:.0f} ms"] if self.worst_p95_ms else []),
            ]
        return ["nothing was measured before the mitigation: the share of failed requests is not known"]

    def charts(self) -> list[Chart]:
        """Error rate and latency over the observations, and the last observation itself."""
        found = []
        if len(self.looks) > 1:
            # A chart has room for so many points.
            looks = self.looks[:: 1 + len(self.looks) // POINTS]
            first = looks[0].at
            rates = [(look.at - first, 100 * (look.error_rate or 0), float(look.bad)) for look in looks]
            slow = [(look.at - first, look.p95_ms or 0.0, float(look.bad)) for look in looks]
            found += [Chart("failed requests", rates, "%"), Chart("95th percentile of latency", slow)]
        if self.looks and self.looks[-1].series:
            found.append(Chart("slowest answer in the last observation", self.looks[-1].series))
        return found


def impact(story: Story) -> Impact:
    """The impact as the record has it."""
    moments = story.moments
    over = moments.mitigated or moments.verified or moments.closed
    looks = tuple(_look(event.at, event.data) for event in story.looks if _numbers(event.data).get("requests"))
    during = tuple(look for look in looks if over is None or look.at < over)
    return Impact(None if over is None else max(0.0, over - moments.began), looks, during)


def _look(at: float, data: dict[str, Any]) -> Look:
    numbers, verdict = _numbers(data), data.get("verdict", "looked")
    requests, errors = int(numbers.get("requests") or 0), int(numbers.get("errors") or 0)
    return Look(
        at,
        verdict,
        verdict == "FAIL" or bool(data.get("hurt")),
        requests,
        errors,
        numbers.get("error_rate", errors / requests if requests else None),
        numbers.get("p95_ms"),
        numbers.get("series") or (),
    )


def _numbers(data: dict[str, Any]) -> dict[str, Any]:
    """An observation has its numbers beside the verdict; a look is nothing else."""
    numbers: dict[str, Any] = data.get("numbers", data)
    return numbers
