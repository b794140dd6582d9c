"""Real traffic, read from Prometheus text."""

from __future__ import annotations

import pytest

from runbook_lib.config import Environment
from runbook_lib.probes.metrics import Traffic, traffic

INF = float("inf")
PAGE = """\
# TYPE http_requests_total counter
http_requests_total{status="200"} 90
http_requests_total{status="404"} 2
http_requests_total{status="429"} 3
http_requests_total{status="500"} 4
http_requests_total{code="503"} 1
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.1"} 50
http_request_duration_seconds_bucket{le="0.5"} 100
http_request_duration_seconds_bucket{le="+Inf"} 100
http_request_duration_seconds_sum 12
http_request_duration_seconds_count 100
"""


def environment(application, **options):
    return Environment.model_validate(
        {
            "platform": "git",
            "url": application.url,
            "git": {"path": "/srv/shop"},
            "observation": {"metrics": "/metrics"},
            **options,
        }
    )


def test_requests_and_errors_are_counted(application):
    application.answers["/metrics"] = (200, PAGE)
    found = traffic(environment(application))
    assert (found.requests, found.errors, found.error_rate) == (100, 5, 0.05)


def test_who_is_turned_away_is_counted_by_status(application):
    application.answers["/metrics"] = (200, PAGE)
    found = traffic(environment(application))
    assert found.refused == {429: 3}
    assert Traffic(300, refused={429: 9}).since(found).refused == {429: 6}


def test_the_replicas_are_added_up(application):
    application.answers["/metrics"] = (200, PAGE)
    found = traffic(environment(application, replica_urls=[application.url, application.url + "/"]))
    assert (found.requests, found.refused) == (200, {429: 6})
    assert found.buckets[0.1] == 100


def test_no_metrics_configured_is_no_traffic_known(application):
    assert traffic(environment(application, observation={})) is None
    assert application.asked == []


@pytest.mark.parametrize("answer", [(500, ""), (404, "x"), (200, "<html>no metrics{"), (200, 'a{b="c} 1')])
def test_metrics_that_cannot_be_read_are_no_traffic_known(application, answer):
    application.answers["/metrics"] = answer
    assert traffic(environment(application)) is None


def test_a_metrics_page_that_hangs_is_no_traffic_known(application):
    application.answers["/metrics"] = lambda request: application.leaving.wait(10)
    assert traffic(environment(application), timeout=0.2) is None


@pytest.mark.parametrize(
    ("buckets", "q", "seconds"),
    [
        ({0.1: 50, 0.5: 100, INF: 100}, 0.5, 0.1),
        ({0.1: 50, 0.5: 100, INF: 100}, 0.75, 0.3),
        ({0.1: 50, 0.5: 100, INF: 100}, 1.0, 0.5),
        ({0.1: 0, 0.5: 0, INF: 10}, 0.95, 0.5),
        ({0.1: 0, INF: 0}, 0.95, None),
        ({}, 0.95, None),
    ],
)
def test_a_quantile_is_interpolated_as_prometheus_does(buckets, q, seconds):
    assert Traffic(100, 0, buckets).quantile(q) == (None if seconds is None else pytest.approx(seconds))


def test_the_traffic_of_a_period_is_the_difference():
    period = Traffic(150, 7, {0.1: 80, INF: 150}).since(Traffic(100, 5, {0.1: 50, INF: 100}))
    assert (period.requests, period.errors, period.buckets) == (50, 2, {0.1: 30, INF: 50})


def test_counters_that_began_anew_are_taken_as_they_are():
    assert Traffic(10, 1).since(Traffic(100, 5)) == Traffic(10, 1)


def test_without_requests_there_is_no_error_rate():
    assert Traffic().error_rate is None
