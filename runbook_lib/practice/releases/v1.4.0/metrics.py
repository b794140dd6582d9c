"""Counters and latencies of requests, in Prometheus' text format."""

import bisect
import threading
import time

BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0)


class Metrics:
    def __init__(self):
        self._lock = threading.Lock()
        self._started = time.time()
        self._requests = {}
        self._buckets = {}
        self._seconds = {}

    def observe(self, route, status, seconds):
        with self._lock:
            self._requests[route, status] = self._requests.get((route, status), 0) + 1
            counts = self._buckets.setdefault(route, [0] * (len(BOUNDS) + 1))
            counts[bisect.bisect_left(BOUNDS, seconds)] += 1
            self._seconds[route] = self._seconds.get(route, 0.0) + seconds

    def text(self):
        with self._lock:
            return "\n".join([*self._request_lines(), *self._latency_lines(), *self._process_lines()]) + "\n"

    def _request_lines(self):
        yield "# HELP http_requests_total Requests answered."
        yield "# TYPE http_requests_total counter"
        for (route, status), count in sorted(self._requests.items()):
            yield f'http_requests_total{{route="{route}",status="{status}"}} {count}'

    def _latency_lines(self):
        name = "http_request_duration_seconds"
        yield f"# HELP {name} Time taken to answer."
        yield f"# TYPE {name} histogram"
        for route, counts in sorted(self._buckets.items()):
            total = 0
            for bound, count in zip((*BOUNDS, "+Inf"), counts):
                total += count
                yield f'{name}_bucket{{route="{route}",le="{bound}"}} {total}'
            yield f'{name}_sum{{route="{route}"}} {self._seconds[route]:.6f}'
            yield f'{name}_count{{route="{route}"}} {total}'

    def _process_lines(self):
        yield "# HELP process_start_time_seconds When the process started, Unix time."
        yield "# TYPE process_start_time_seconds gauge"
        yield f"process_start_time_seconds {self._started:.3f}"
