"""Right after a switch, against a real server: healthy in time, or what is wrong."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from runbook_lib.config import Environment
from runbook_lib.observation.health import health, look
from runbook_lib.platforms.base import Release

SHORT = {"within": 0.3, "timeout": 2.0}
GOOD, BAD = Release("v1.4.2", "a" * 40), Release("v1.5.0", "b" * 40)


def environment(application, **checks):
    return Environment.model_validate(
        {
            "platform": "git",
            "url": application.url,
            "git": {"path": "/srv/shop"},
            "checks": {"version": "/version", "within": 10, "timeout": 5, **checks},
        }
    )


def running(*releases):
    """A platform on which these releases are live, one after the other at each look; the last one stays."""
    left = list(releases)
    return SimpleNamespace(current=lambda: {"web-1": left.pop(0) if len(left) > 1 else left[0]})


@pytest.fixture(autouse=True)
def _version(application):
    application.answers["/version"] = (200, "v1.4.2")


def test_a_healthy_release_passes_at_once(application):
    verdict = health(environment(application), running(GOOD), GOOD)
    assert verdict.result == "PASS"
    assert verdict.numbers["readings"] == 4
    assert verdict.numbers["failing"] == 0


def test_what_becomes_healthy_in_time_passes(application):
    assert health(environment(application), running(BAD, BAD, GOOD), GOOD).passed


def test_a_route_that_stays_bad_fails_and_says_which(application):
    application.answers["/ready"] = (503, "no database")
    verdict = health(environment(application, **SHORT), running(GOOD), GOOD)
    assert verdict.result == "FAIL"
    assert verdict.reasons == (f"/ready at {application.url}: 503 instead of 200: no database",)


def test_a_failing_business_check_fails(application):
    smoke = [{"name": "checkout", "path": "/checkout", "contains": "total"}]
    application.answers["/checkout"] = (200, "an error occurred")
    verdict = health(environment(application, smoke=smoke, **SHORT), running(GOOD), GOOD)
    assert verdict.result == "FAIL"
    assert verdict.reasons[0].startswith("checkout at")


def test_a_replica_on_another_release_fails_whatever_the_routes_say(application):
    verdict = health(environment(application, **SHORT), running(BAD), GOOD)
    assert verdict.result == "FAIL"
    assert "web-1: runs v1.5.0" in verdict.reasons[0]
    assert application.asked == []


def test_another_version_answering_fails(application):
    application.answers["/version"] = (200, "v1.4.20")
    assert health(environment(application, **SHORT), running(GOOD), GOOD).result == "FAIL"


@pytest.mark.parametrize("name", ["v1.4.2", "a" * 40, "a" * 12, "a" * 7])
def test_the_version_may_be_a_tag_or_a_commit(application, name):
    application.answers["/version"] = (200, name)
    assert health(environment(application), running(GOOD), GOOD).passed


def test_a_server_that_hangs_fails_within_the_time_allowed(application):
    application.answers["/up"] = lambda request: application.leaving.wait(10)
    started = time.monotonic()
    assert health(environment(application, **SHORT), running(GOOD), GOOD).result == "FAIL"
    assert time.monotonic() - started < 5


def test_an_answer_that_breaks_off_is_a_failure_and_no_error(application):
    def cut_short(request):
        request.send_response(200)
        request.send_header("Content-Length", "100")
        request.end_headers()

    application.answers["/up"] = cut_short
    assert health(environment(application, **SHORT), running(GOOD), GOOD).result == "FAIL"


def test_no_replica_at_all_never_passes(application):
    assert health(environment(application, **SHORT), SimpleNamespace(current=dict), GOOD).result == "FAIL"


def test_every_replica_is_asked(application):
    found = environment(application).model_copy(update={"replica_urls": [application.url + "/"]})
    assert len(look(found, running(GOOD), GOOD)) == 1 + 2 * 3
