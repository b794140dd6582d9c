"""Readings of real traffic from an application's Prometheus text metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import requests

from runbook_lib.config import Environment
from runbook_lib.probes.http import Client, places


@dataclass
class Traffic:
    """Requests of a period, or since a process started. requests, errors: counts (an error is a status of 5xx);
    buckets: requests no slower than each bound in seconds, cumulative."""

    requests: float = 0.0
    errors: float = 0.0
    buckets: dict[float, float] = field(default_factory=lambda: defaultdict(float))

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

    def since(self, before: Traffic) -> Traffic:
        """The traffic between an earlier reading and this one; a counter that went down was started anew."""
        if self.requests < before.requests:
            return self
        buckets = {bound: count - before.buckets.get(bound, 0.0) for bound, count in self.buckets.items()}
        return Traffic(self.requests - before.requests, self.errors - before.errors, buckets)


def traffic(environment: Environment, timeout: float = 2.0) -> Traffic | None:
    """All replicas' counters together, or None where no metrics are configured or they cannot be read."""
    observation = environment.observation
    if not observation.metrics:
        return None
    client = Client(timeout)
    bases: Sequence[str] = environment.replica_urls or places(environment)
    try:
        texts = [client.text(base.rstrip("/") + observation.metrics) for base in bases]
        return _sum(texts, observation.requests_metric, observation.latency_metric)
    except (requests.RequestException, ValueError):
        return None


def _sum(texts: Sequence[str], requests_metric: str, latency_metric: str) -> Traffic:
    from prometheus_client.parser import text_string_to_metric_families

    found = Traffic()
    for text in texts:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == requests_metric:
                    found.requests += sample.value
                    status = sample.labels.get("status") or sample.labels.get("code") or ""
                    found.errors += sample.value if status.startswith("5") else 0
                elif sample.name == f"{latency_metric}_bucket":
                    found.buckets[float(sample.labels["le"])] += sample.value
    return found
