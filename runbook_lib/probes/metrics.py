"""Readings of real traffic from an application's Prometheus text metrics."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from runbook_lib.config import Environment, Observation
from runbook_lib.probes.http import Client, places

# Statuses by which users are turned away: not let in, page expired, locked, too many. What is asked for wrongly (400,
# 404, 422) is everyday life.
REFUSALS = frozenset({401, 403, 419, 423, 429})


@dataclass
class Traffic:
    """Requests of a period, or since a process started. requests, errors: counts (an error is a status of 5xx);
    buckets: requests no slower than each bound in seconds, cumulative; refused: how many were answered with each of
    REFUSALS."""

    requests: float = 0.0
    errors: float = 0.0
    buckets: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    refused: dict[int, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def error_rate(self) -> float | None:
        """Share of failed requests, or None without requests."""
        return self.errors / self.requests if self.requests else None

    def quantile(self, q: float) -> float | None:
        """Latency in seconds that a share q of the requests did not exceed, interpolated within its bucket as
        Prometheus' histogram_quantile does; None without requests."""
        bounds = sorted(self.buckets)
        total = self.buckets[bounds[-1]] if bounds else 0.0
        if total <= 0:
            return None
        below, lower = 0.0, 0.0
        for bound in bounds:
            count = self.buckets[bound]
            if count >= q * total:
                if bound == float("inf"):
                    return lower
                return lower + (bound - lower) * (q * total - below) / ((count - below) or 1)
            below, lower = count, bound
        return lower

    def slower(self, bound: float) -> float:
        """Requests that took longer than `bound` seconds, counted from the next bucket bound on: never too many."""
        total = self.buckets.get(float("inf"), 0.0)
        at_least = [known for known in self.buckets if known >= bound]
        return total - self.buckets[min(at_least)] if at_least else 0.0

    def since(self, before: Traffic) -> Traffic:
        """The traffic between an earlier reading and this one; a counter that went down was started anew."""
        if self.requests < before.requests:
            return self
        buckets = {bound: count - before.buckets.get(bound, 0.0) for bound, count in self.buckets.items()}
        refused = {status: count - before.refused.get(status, 0.0) for status, count in self.refused.items()}
        return Traffic(self.requests - before.requests, self.errors - before.errors, buckets, refused)


def traffic(environment: Environment, timeout: float = 2.0) -> Traffic | None:
    """All replicas' counters together, or None where no metrics are configured or they cannot be read."""
    observation = environment.observation
    if not observation.metrics:
        return None
    bases: Sequence[str] = environment.replica_urls or places(environment)
    try:
        return merged(counters(base, observation, timeout).total for base in bases)
    except (requests.RequestException, ValueError):
        return None


ROUTE_LABELS = ("route", "path", "uri", "handler", "endpoint")


@dataclass(frozen=True)
class Counters:
    """One replica's counters at one moment. at: monotonic seconds; routes: traffic by route ("" where the metrics name
    none); started: Unix time of the process, or None where they do not say."""

    at: float
    routes: dict[str, Traffic]
    started: float | None = None

    @property
    def total(self) -> Traffic:
        return merged(self.routes.values())

    def since(self, before: Counters) -> dict[str, Traffic]:
        """The traffic by route between an earlier reading and this one."""
        return {route: traffic.since(before.routes.get(route, Traffic())) for route, traffic in self.routes.items()}


def merged(several: Iterable[Traffic]) -> Traffic:
    """All of them as one."""
    found = Traffic()
    for one in several:
        found.requests += one.requests
        found.errors += one.errors
        for bound, count in one.buckets.items():
            found.buckets[bound] += count
        for status, count in one.refused.items():
            found.refused[status] += count
    return found


def counters(base: str, observation: Observation, timeout: float) -> Counters:
    """The counters of one replica, by route. base: its url. requests.RequestException when they cannot be had,
    ValueError when they are no Prometheus text."""
    from prometheus_client.parser import text_string_to_metric_families

    text = Client(timeout).text(base.rstrip("/") + observation.metrics)
    routes: dict[str, Traffic] = {}
    started = None
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "process_start_time_seconds":
                started = float(sample.value)
            elif sample.name in (observation.requests_metric, f"{observation.latency_metric}_bucket"):
                route = next((sample.labels[label] for label in ROUTE_LABELS if label in sample.labels), "")
                _count(routes.setdefault(route, Traffic()), sample, observation)
    return Counters(time.monotonic(), routes, started)


def _count(traffic: Traffic, sample: Any, observation: Observation) -> None:
    if sample.name == observation.requests_metric:
        status = sample.labels.get("status") or sample.labels.get("code") or ""
        traffic.requests += sample.value
        traffic.errors += sample.value if status.startswith("5") else 0
        if status.isdecimal() and int(status) in REFUSALS:
            traffic.refused[int(status)] += sample.value
    else:
        traffic.buckets[float(sample.labels["le"])] += sample.value
