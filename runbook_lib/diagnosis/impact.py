"""Who is hurt, how much: failing routes, share of failing and slow requests, by route and by place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from runbook_lib.config import Observation
from runbook_lib.probes.http import Reading
from runbook_lib.probes.messages import SILENCE, Message
from runbook_lib.probes.metrics import Traffic, merged

# Fewer failed or slow requests than that prove nothing.
ENOUGH = 2
SLOW_ENOUGH = 3
# Share of slow requests above which users feel it; the 95th percentile of observation would be 0.05.
SLOW_SHARE = 0.1
# Share of requests that are turned away with one status, above which it is no single client. Of some statuses there are
# services that give them all day: there it must be so many times as much as usual.
REFUSED_ENOUGH = 5
REFUSED_SHARE = 0.2
EVERYDAY = (401, 403, 429)
UNUSUAL = 3.0
# So many real requests, none of which is slow, are calm traffic; so many times the limit is very slow.
CALM = 10
VERY = 4
# Where nothing counts real requests: errors of one kind that the log must hold, in all and a minute, in a burst that
# is no older than so many seconds and still goes on. What is logged all day is everyday life.
LOGGED = 10
LOGGED_A_MINUTE = 5.0
BURST = 3600.0


@dataclass(frozen=True)
class Flow:
    """Real traffic in the window. seconds: its length; halves: traffic by route in each part of it; places: traffic by
    replica; since_start: traffic by route since the processes started, before the window; started: Unix time of the
    earliest start, or None."""

    seconds: float
    halves: tuple[Mapping[str, Traffic], ...]
    places: Mapping[str, Traffic] = field(default_factory=dict)
    since_start: Mapping[str, Traffic] = field(default_factory=dict)
    started: float | None = None

    @cached_property
    def now(self) -> dict[str, Traffic]:
        """The whole window, by route."""
        routes = dict.fromkeys(route for half in self.halves for route in half)
        return {route: merged(half[route] for half in self.halves if route in half) for route in routes}

    @cached_property
    def total(self) -> Traffic:
        return merged(self.now.values())

    @cached_property
    def before(self) -> Traffic:
        return merged(self.since_start.values())

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.total.requests / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Impact:
    """What users have of it. rounds: every route at every place, asked several times; flow: real traffic or None;
    logged: the messages of now, at Unix time `at`, which stand for real traffic where nothing counts it."""

    rounds: Sequence[Sequence[Reading]] = ()
    flow: Flow | None = None
    limits: Observation = field(default_factory=Observation)
    logged: Sequence[Message] = ()
    at: float = 0.0

    @cached_property
    def by_route(self) -> dict[tuple[str, str], list[Reading]]:
        """The readings by place and route."""
        found: dict[tuple[str, str], list[Reading]] = defaultdict(list)
        for readings in self.rounds:
            for reading in readings:
                found[reading.place, reading.name].append(reading)
        return dict(found)

    @cached_property
    def failing(self) -> list[Reading]:
        """The last reading of each route at each place that fails more often than not."""
        return [
            [reading for reading in readings if not reading.ok][-1]
            for readings in self.by_route.values()
            if sum(not reading.ok for reading in readings) * 2 > len(readings)
        ]

    @cached_property
    def silent(self) -> list[str]:
        """The places at which nothing answers at all, be it by the word of a proxy."""
        places = dict.fromkeys(place for place, _ in self.by_route)
        return [
            place
            for place in places
            if all(r.unanswered for (where, _), readings in self.by_route.items() if where == place for r in readings)
        ]

    @property
    def places(self) -> list[str]:
        return list(dict.fromkeys(place for place, _ in self.by_route))

    @property
    def routes_erring(self) -> dict[str, Traffic]:
        """The routes whose real requests fail, the worst first."""
        now = self.flow.now if self.flow else {}
        worst = sorted(now.items(), key=lambda pair: -pair[1].errors)
        return {route: traffic for route, traffic in worst if traffic.errors}

    @cached_property
    def errors(self) -> bool:
        """Whether real requests fail more than may be, in more than one part of the window or lastingly."""
        if self.flow is None:
            return False
        total = self.flow.total
        if total.errors < ENOUGH or (total.error_rate or 0) <= self.limits.max_error_rate:
            return False
        parts = sum(1 for half in self.flow.halves if merged(half.values()).errors)
        return parts > 1 or (self.flow.before.error_rate or 0) > self.limits.max_error_rate

    @cached_property
    def refusal(self) -> int:
        """The status of HTTP by which far more real requests are turned away than usual, in each part of the window; 0
        where none is."""
        if self.flow is None:
            return 0
        status, count = max(self.flow.total.refused.items(), key=lambda pair: pair[1], default=(0, 0.0))
        share, before = count / max(1.0, self.flow.total.requests), self.flow.before
        usual = before.refused.get(status, 0.0) / max(1.0, before.requests) if status in EVERYDAY else 0.0
        unusual = count >= REFUSED_ENOUGH and share >= max(REFUSED_SHARE, UNUSUAL * usual)
        everywhere = all(merged(half.values()).refused.get(status) for half in self.flow.halves)
        return status if unusual and everywhere else 0

    @cached_property
    def slow(self) -> bool:
        """Whether answers take longer than may be, in every part of the window in which there are any."""
        return self._slow_traffic or self._slow_readings

    @property
    def _slow_traffic(self) -> bool:
        bound = self.limits.max_p95_ms / 1000
        if self.flow is None or self.flow.total.slower(bound) < SLOW_ENOUGH:
            return False
        parts = [merged(half.values()) for half in self.flow.halves]
        return all(part.slower(bound) > SLOW_SHARE * part.requests for part in parts if part.requests)

    @property
    def _slow_readings(self) -> bool:
        return any(self.slow_at(place) for place in self.places)

    def slow_at(self, place: str) -> list[Reading]:
        """The last readings of the routes that are slow at a place each time that they are asked, though they answer.
        While real requests are fast, a machine that is busy for a moment explains that, unless it is very slow."""
        bound = self.limits.max_p95_ms / 1000
        if self.flow is not None and self.flow.total.requests >= CALM and not self.flow.total.slower(bound):
            bound *= VERY
        answered = [rs for (where, _), rs in self.by_route.items() if where == place and all(r.status for r in rs)]
        return [rs[-1] for rs in answered if len(rs) > 1 and all(r.seconds > bound for r in rs)]

    @property
    def hurt(self) -> bool:
        """Whether users, or the checks that stand for them, have anything of it."""
        return bool(self.failing or self.errors or self.slow or self.refusal or self.storm)

    @cached_property
    def storm(self) -> Message | None:
        """The most frequent error of which the log is full since a short while, where nothing counts real requests."""
        if self.flow is not None:
            return None
        bursts = [m for m in self.logged if self.at - m.began < BURST and self.at - m.last < SILENCE[0]]
        often = [m for m in bursts if m.count >= LOGGED and m.per_minute >= LOGGED_A_MINUTE]
        return max(often, key=lambda message: message.count, default=None)

    @property
    def p95_ms(self) -> float | None:
        """95th percentile of real latency in the window in milliseconds, else of the readings that were answered."""
        real = self.flow.total.quantile(0.95) if self.flow else None
        if real is None:
            seconds = sorted(r.seconds for readings in self.by_route.values() for r in readings if r.status)
            real = seconds[int(0.95 * (len(seconds) - 1))] if seconds else None
        return None if real is None else real * 1000

    @property
    def words(self) -> str:
        """One line for a person in a hurry."""
        found = []
        if self.silent:
            found.append(f"no answer at {len(self.silent)} of {len(self.places)} places")
        elif self.failing:
            found.append(f"{len(self.failing)} of {len(self.by_route)} routes fail")
        if self.errors and self.flow:
            total = self.flow.total
            found.append(f"{total.error_rate or 0:.0%} of {total.requests:.0f} requests failed")
        if self.refusal and self.flow:
            seen, refused = self.flow.total, self.flow.total.refused[self.refusal]
            share = refused / seen.requests
            found.append(f"{share:.0%} of {seen.requests:.0f} requests are turned away with {self.refusal}")
        if self.storm and not self.failing:
            found.append(f"{self.storm.count} errors of one kind are logged, {self.storm.per_minute:.0f} a minute")
        if self.slow:
            found.append(f"95th percentile of latency {self.p95_ms or 0:.0f} ms, {self.limits.max_p95_ms:g} ms allowed")
        return "; ".join(found) or "nobody is seen to be hindered"
