"""Watching a release over a window: samples, real traffic, new errors in the logs, and the verdict."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.config import Environment, Observation
from runbook_lib.errors import RunbookError
from runbook_lib.platforms.base import LogLine, Platform, Release
from runbook_lib.probes.http import Client, Keys, Reading, Route, places, routes
from runbook_lib.probes.logs import new_errors
from runbook_lib.probes.metrics import Traffic, traffic
from runbook_lib.probes.replicas import on_release
from runbook_lib.run.plan import Verdict

# Gets a line, which may be empty, and a point of the chart.
Report = Callable[[str, list[float]], None]

REPORT_SECONDS = 5.0
LOG_LOOK_BACK = 3600.0
# Synthetic requests that make up for missing traffic stop after this long, whatever was reached.
MAKE_UP_SECONDS = 30.0


@dataclass
class Sample:
    """One look. at: seconds since the window began; answers: of every route at every place; replicas: what each one
    runs."""

    at: float
    answers: list[Reading]
    replicas: list[Reading] = field(default_factory=list)

    @property
    def failing(self) -> list[Reading]:
        return [reading for reading in self.replicas + self.answers if not reading.ok]


@dataclass
class Window:
    """What was seen. samples: in order; extra: synthetic requests made up for missing traffic; real: traffic of the
    window, or None without metrics; messages: new error messages with their number, or None when no log was read;
    unread: what is configured as evidence and could not be read."""

    samples: list[Sample] = field(default_factory=list)
    extra: list[Reading] = field(default_factory=list)
    real: Traffic | None = None
    messages: dict[str, int] | None = None
    unread: list[str] = field(default_factory=list)

    @property
    def synthetic(self) -> list[Reading]:
        return [answer for sample in self.samples for answer in sample.answers] + self.extra


def watch(
    environment: Environment,
    platform: Platform,
    release: Release,
    seconds: float,
    report: Report = lambda text, point: None,
    keys: Callable[[], Keys] | None = None,
) -> Verdict:
    """Sample every observation.interval for `seconds` (0: once) and judge. report gets the point of each sample, and a
    progress line with it now and then. keys: gives what lets in where the application is closed; users, whose requests
    are turned away, are no evidence then."""
    return judge(_seen(environment, platform, release, seconds, report, keys), environment.observation)


def _seen(
    environment: Environment,
    platform: Platform,
    release: Release,
    seconds: float,
    report: Report,
    keys: Callable[[], Keys] | None,
) -> Window:
    observation, client = environment.observation, Client(environment.checks.timeout)
    window, began = Window(), time.monotonic()
    held = keys() if keys else {}
    before, wall = None if keys else traffic(environment), time.time()
    earlier = _log_lines(platform, wall - LOG_LOOK_BACK)
    asked = routes(environment, version=release.names)
    told = began
    while True:
        now = time.monotonic()
        replicas = on_release(platform, release)
        window.samples.append(Sample(now - began, client.all(places(environment), asked, held), replicas))
        due = time.monotonic() - told >= REPORT_SECONDS
        told = time.monotonic() if due else told
        report(_progress(window, told - began, seconds) if due else "", _point(window.samples[-1]))
        pause = observation.interval - (time.monotonic() - now)
        if time.monotonic() + max(pause, 0) - began > seconds:
            break
        time.sleep(max(pause, 0))
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    after = traffic(environment) if before is not None else None
    window.real = after.since(before) if after is not None and before is not None else None
    if observation.metrics and window.real is None and keys is None:
        window.unread.append(f"the metrics at {observation.metrics}")
    _make_up(window, environment, client, held)
    later = _log_lines(platform, wall)
    if earlier is not None and later is not None:
        window.messages = new_errors([line for line in earlier if (line.at or 0) < wall], later)
    return window


def _make_up(window: Window, environment: Environment, client: Client, keys: Keys) -> None:
    """Ask the smoke routes until the minimum of requests is reached, where there was too little traffic."""
    observation = environment.observation
    real = window.real.requests if window.real is not None else 0
    asked = [Route.of(smoke) for smoke in environment.checks.smoke] or [
        Route(environment.checks.ready, environment.checks.ready)
    ]
    deadline = time.monotonic() + MAKE_UP_SECONDS
    while max(real, len(window.synthetic)) < observation.min_requests and time.monotonic() < deadline:
        missing = observation.min_requests - len(window.synthetic)
        rounds = max(1, math.ceil(missing / (len(asked) * len(places(environment)))))
        window.extra += client.all(places(environment), asked * min(rounds, 8), keys)


def _log_lines(platform: Platform, since: float) -> list[LogLine] | None:
    try:
        return platform.logs(since)
    except RunbookError:
        return None


def _progress(window: Window, now: float, seconds: float) -> str:
    failing = sum(1 for sample in window.samples if sample.failing)
    return f"{now:.0f} of {seconds:g} s: {len(window.samples)} samples, {failing} failing"


def judge(window: Window, limits: Observation) -> Verdict:
    """The verdict on a window, with its numbers. FAIL: a limit was exceeded. INCONCLUSIVE: too little was seen.

    The limits follow Argo Rollouts (failureLimit 0) and Flagger (success >= 99 %, p99 <= 500 ms); without data
    nothing passes.
    """
    numbers = _numbers(window)
    failing = [sample for sample in window.samples if sample.failing]
    wrong: list[str] = []
    if len(failing) > limits.failure_limit:
        wrong.append(f"{len(failing)} of {len(window.samples)} samples failed: {failing[-1].failing[0]}")
    if numbers["error_rate"] is not None and numbers["error_rate"] > limits.max_error_rate:
        wrong.append(f"{numbers['error_rate']:.1%} of {numbers['requests']} requests failed")
    if numbers["p95_ms"] is not None and numbers["p95_ms"] > limits.max_p95_ms:
        wrong.append(f"95th percentile of latency {numbers['p95_ms']:.0f} ms, allowed {limits.max_p95_ms:g} ms")
    if window.messages:
        worst = max(window.messages, key=lambda message: window.messages[message])  # type: ignore[index]
        wrong.append(f"{len(window.messages)} new error messages in the logs, most often: {worst}")
    if wrong:
        return Verdict("FAIL", tuple(wrong), numbers)
    if numbers["requests"] < limits.min_requests:
        why = f"{numbers['requests']} requests were seen, {limits.min_requests} are needed"
        return Verdict("INCONCLUSIVE", (why,), numbers)
    if window.unread:
        return Verdict("INCONCLUSIVE", tuple(f"{source} could not be read" for source in window.unread), numbers)
    p95 = f"p95 {numbers['p95_ms']:.0f} ms" if numbers["p95_ms"] is not None else "no latency known"
    return Verdict("PASS", (f"{numbers['requests']} requests, {numbers['error_rate']:.1%} failed, {p95}",), numbers)


def _numbers(window: Window) -> dict[str, Any]:
    """What the verdict rests on. Real traffic and synthetic requests are pooled as counts, so that sparse errors are
    not averaged away; the latency is the worse of the two 95th percentiles."""
    real, synthetic = window.real or Traffic(), window.synthetic
    requests = int(real.requests) + len(synthetic)
    errors = int(real.errors) + sum(reading.failed_request for reading in synthetic)
    latencies = [_percentile([reading.seconds for reading in synthetic if reading.status]), real.quantile(0.95)]
    known = [seconds for seconds in latencies if seconds is not None]
    return {
        "requests": requests,
        "real_requests": int(real.requests),
        "errors": errors,
        "error_rate": errors / requests if requests else None,
        "p95_ms": round(max(known) * 1000, 1) if known else None,
        "samples": len(window.samples),
        "failing_samples": sum(1 for sample in window.samples if sample.failing),
        "new_errors": window.messages,
        "series": [_point(sample) for sample in window.samples],
    }


def _percentile(values: list[float], q: float = 0.95) -> float | None:
    """The nearest-rank percentile, or None without values."""
    return sorted(values)[math.ceil(q * len(values)) - 1] if values else None


def _point(sample: Sample) -> list[float]:
    """A point for the chart: seconds, slowest answer in milliseconds, failing readings."""
    slowest = max((reading.seconds for reading in sample.answers), default=0.0)
    return [round(sample.at, 2), round(slowest * 1000, 1), len(sample.failing)]
