"""Which release answers, by its version route."""

from __future__ import annotations

from runbook_lib.config import Environment
from runbook_lib.probes.serving import LIMIT, served
from tests.probes.conftest import Application


def environment(application: Application, *replicas: str) -> Environment:
    return Environment.model_validate(
        {
            "platform": "git",
            "url": application.url,
            "replica_urls": replicas,
            "git": {"path": "/srv/shop"},
            "checks": {"version": "/version"},
        }
    )


def test_each_place_says_what_it_serves(application: Application) -> None:
    application.answers["/version"] = (200, ' {"version": "v1.4.2"}\n')
    nobody = "http://127.0.0.1:9"
    assert served(environment(application, nobody), 1, 3) == {application.url: '{"version": "v1.4.2"}'}


def test_an_error_page_names_no_release(application: Application) -> None:
    application.answers["/version"] = (503, "v1.4.2")
    assert served(environment(application), 1, 3) == {}


def test_what_it_says_is_text_from_outside(application: Application) -> None:
    application.answers["/version"] = (200, "\x1b[31m" + "x" * 500)
    (said,) = served(environment(application), 1, 3).values()
    assert said.isprintable()
    assert len(said) == LIMIT
