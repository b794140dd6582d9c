"""Watching over a window: the verdict as a table, and real windows against a real server."""

from __future__ import annotations

import time

import pytest

from runbook_lib.config import Environment, Observation
from runbook_lib.errors import PlatformError
from runbook_lib.observation import window
from runbook_lib.observation.window import Sample, Window, judge, watch
from runbook_lib.platforms.base import LogLine, Release
from runbook_lib.probes.http import Reading
from runbook_lib.probes.metrics import Traffic

INF = float("inf")
GOOD, BAD = Release("v1.4.2", "a" * 40), Release("v1.5.0", "b" * 40)
LIMITS = Observation(min_requests=20, max_error_rate=0.01, max_p95_ms=500, failure_limit=0)


def reading(ok=True, seconds=0.01, status=200, name="/up", place="http://shop"):
    return Reading(name, place, ok, "seen", seconds, status)


def seen(good=20, bad=0, seconds=0.01, real=None, messages=None):
    samples = [Sample(float(n), [reading(seconds=seconds)]) for n in range(good)]
    samples += [Sample(float(good + n), [reading(ok=False, status=500)]) for n in range(bad)]
    return Window(samples, real=real, messages=messages)


def fast(requests, errors=0.0):
    return Traffic(requests, errors, {0.1: requests, INF: requests})


# -- the verdict ----------------------------------------------------------------------------------------------------

TABLE = {
    "all good": (seen(), LIMITS, "PASS", "20 requests, 0.0% failed, p95 10 ms"),
    "nothing at all": (Window(), LIMITS, "INCONCLUSIVE", "0 requests were seen, 20 are needed"),
    "one request too few": (seen(19), LIMITS, "INCONCLUSIVE", "19 requests were seen"),
    "samples without answers to judge": (
        Window([Sample(0.0, [])] * 100),
        LIMITS,
        "INCONCLUSIVE",
        "0 requests were seen",
    ),
    "a failed sample": (seen(100, 1), LIMITS, "FAIL", "1 of 101 samples failed: /up at http://shop: seen"),
    "a failed sample that is tolerated": (
        seen(100, 1),
        LIMITS.model_copy(update={"failure_limit": 1}),
        "PASS",
        "101 requests",
    ),
    "more failed samples than tolerated": (
        seen(1000, 2),
        LIMITS.model_copy(update={"failure_limit": 1}),
        "FAIL",
        "2 of 1002 samples failed",
    ),
    "too few and failing is a failure": (seen(1, 1), LIMITS, "FAIL", "1 of 2 samples failed"),
    "real errors": (seen(20, real=fast(80, 2)), LIMITS, "FAIL", "2.0% of 100 requests failed"),
    "real errors at the limit": (seen(20, real=fast(80, 1)), LIMITS, "PASS", "100 requests, 1.0% failed"),
    "real traffic alone is enough": (seen(1, real=fast(19)), LIMITS, "PASS", "20 requests"),
    "sparse errors are not averaged away": (seen(20, real=fast(980, 11)), LIMITS, "FAIL", "1.1% of 1000"),
    "slow synthetic": (seen(20, seconds=0.7), LIMITS, "FAIL", "latency 700 ms, allowed 500 ms"),
    "slow at the limit": (seen(20, seconds=0.5), LIMITS, "PASS", "p95 500 ms"),
    "slow real": (
        seen(20, real=Traffic(100, 0, {0.1: 90, 1.0: 100, INF: 100})),
        LIMITS,
        "FAIL",
        "95th percentile of latency 550 ms",
    ),
    "new errors in the logs": (
        seen(20, messages={"ERROR a": 1, "ERROR b": 5}),
        LIMITS,
        "FAIL",
        "2 new error messages in the logs, most often: ERROR b",
    ),
    "logs without new errors": (seen(20, messages={}), LIMITS, "PASS", "20 requests"),
    "one slow of twenty": (
        Window([Sample(float(n), [reading(seconds=3 if n == 0 else 0.01)]) for n in range(20)]),
        LIMITS,
        "PASS",
        "p95 10 ms",
    ),
}


@pytest.mark.parametrize(("what", "limits", "result", "says"), TABLE.values(), ids=TABLE)
def test_verdict(what, limits, result, says):
    verdict = judge(what, limits)
    assert verdict.result == result
    assert says in verdict.reasons[0]


def test_the_numbers_are_those_that_the_verdict_rests_on():
    numbers = judge(seen(20, 1, real=fast(80, 2), messages={"ERROR a": 1}), LIMITS).numbers
    assert {name: numbers[name] for name in ("requests", "real_requests", "errors", "samples", "failing_samples")} == {
        "requests": 101, "real_requests": 80, "errors": 3, "samples": 21, "failing_samples": 1,
    }  # fmt: skip
    assert numbers["new_errors"] == {"ERROR a": 1}
    assert numbers["series"][0] == [0.0, 10.0, 0]


def test_readings_of_the_platform_are_no_requests():
    sample = Sample(0.0, [reading()], [reading(name="release", place="web-1", status=0)])
    assert judge(Window([sample]), LIMITS).numbers["requests"] == 1


def test_requests_without_an_answer_are_errors_and_have_no_latency():
    sample = Sample(0.0, [reading(ok=False, status=0, seconds=9)])
    numbers = judge(Window([sample]), LIMITS).numbers
    assert numbers["errors"] == 1
    assert numbers["p95_ms"] is None


# -- real windows ---------------------------------------------------------------------------------------------------


def environment(application, **observation):
    return Environment.model_validate(
        {
            "platform": "git",
            "url": application.url,
            "git": {"path": "/srv/shop"},
            "checks": {"timeout": 5, "smoke": [{"name": "home", "path": "/"}]},
            "observation": {"interval": 0.05, "min_requests": 20, "max_p95_ms": 5000, **observation},
        }
    )


class Host:
    """A platform with one host. early, late: its log before and after the window began."""

    def __init__(self, release=GOOD, early=(), late=()):
        self.release = release
        self.early = early
        self.late = late
        self.looks = 0

    def current(self):
        return {"web-1": self.release}

    def logs(self, since):
        self.looks += 1
        texts = self.early if self.looks == 1 else self.late
        return [LogLine("web-1", text, time.time() - (60 if self.looks == 1 else 0)) for text in texts]


@pytest.fixture(autouse=True)
def _home(application):
    application.answers["/"] = (200, "Welcome")


def test_a_window_of_no_length_is_one_look_made_up_to_the_minimum(application):
    verdict = watch(environment(application), Host(), GOOD, 0)
    assert verdict.result == "PASS"
    assert verdict.numbers["samples"] == 1
    assert verdict.numbers["requests"] >= 20
    assert application.count("/up") == 1


def test_a_window_is_sampled_until_its_end(application):
    started = time.monotonic()
    verdict = watch(environment(application), Host(), GOOD, 0.4)
    assert time.monotonic() - started >= 0.4
    assert verdict.numbers["samples"] >= 2


def test_an_application_that_is_down_fails(application):
    application.close()
    assert watch(environment(application), Host(), GOOD, 0).result == "FAIL"


def test_errors_of_the_made_up_requests_count(application):
    first = iter([(200, "Welcome")])

    def once_good(request):
        request.send_error(500 if next(first, None) is None else 200)

    application.answers["/"] = once_good
    verdict = watch(environment(application), Host(), GOOD, 0)
    assert verdict.result == "FAIL"
    assert "requests failed" in verdict.reasons[0]


def test_requests_that_cannot_be_made_up_in_time_are_too_few(application, monkeypatch):
    monkeypatch.setattr(window, "MAKE_UP_SECONDS", 0)
    assert watch(environment(application), Host(), GOOD, 0).result == "INCONCLUSIVE"


def test_a_replica_that_changes_its_release_fails(application):
    verdict = watch(environment(application), Host(BAD), GOOD, 0)
    assert verdict.result == "FAIL"
    assert "runs v1.5.0" in verdict.reasons[0]


def test_real_traffic_of_the_window_counts_and_not_what_was_before(application):
    counts = iter([(1000, 500), (1100, 500)])

    def metrics(request):
        requests, errors = next(counts)
        body = (
            f'http_requests_total{{status="200"}} {requests - errors}\nhttp_requests_total{{status="500"}} {errors}\n'
        )
        request.send_response(200)
        request.end_headers()
        request.wfile.write(body.encode())

    application.answers["/metrics"] = metrics
    verdict = watch(environment(application, metrics="/metrics"), Host(), GOOD, 0)
    assert verdict.result == "PASS"
    assert verdict.numbers["real_requests"] == 100
    assert application.count("/") == 1


def test_an_error_that_was_in_the_log_before_is_not_new(application):
    host = Host(early=["ERROR: old 1"], late=["ERROR: old 2"])
    assert watch(environment(application), host, GOOD, 0).result == "PASS"


def test_an_error_that_is_new_in_the_log_fails(application):
    host = Host(early=["ERROR: old 1"], late=["ERROR: price is null"])
    verdict = watch(environment(application), host, GOOD, 0)
    assert verdict.result == "FAIL"
    assert "price is null" in verdict.reasons[0]


def test_a_log_that_cannot_be_read_is_said_to_be_unread(application):
    host = Host()

    def unreadable(since):
        raise PlatformError("no log")

    host.logs = unreadable
    assert watch(environment(application), host, GOOD, 0).numbers["new_errors"] is None


def test_progress_is_reported(application, monkeypatch):
    monkeypatch.setattr(window, "REPORT_SECONDS", 0.1)
    told = []
    watch(environment(application), Host(), GOOD, 0.4, lambda text, point: told.append((text, point)))
    assert any("samples, 0 failing" in text for text, _ in told)


def test_the_point_of_each_sample_is_reported(application):
    points = []
    verdict = watch(environment(application), Host(), GOOD, 0.4, lambda text, point: points.append(point))
    assert points == verdict.numbers["series"]


def test_evidence_that_is_configured_and_cannot_be_read_is_inconclusive():
    window = Window([Sample(float(n), [reading()]) for n in range(30)], unread=["the metrics at /metrics"])
    verdict = judge(window, LIMITS)
    assert verdict.result == "INCONCLUSIVE"
    assert verdict.reasons == ("the metrics at /metrics could not be read",)
