"""Third parties that are asked how they are."""

from __future__ import annotations

from runbook_lib.config.dependencies import Dependency
from runbook_lib.probes.dependencies import DependencyState, states
from tests.probes.conftest import Application


def seen(url: str, **about: object) -> DependencyState:
    [found] = states({"payments": Dependency.model_validate({"url": url, **about})}, 1.0, 5.0)
    return found


def test_one_that_answers_is_well(application: Application) -> None:
    assert seen(f"{application.url}/up").well


def test_an_error_or_another_status_than_wanted_is_named(application: Application) -> None:
    application.answers["/up"] = (503, "")
    assert seen(f"{application.url}/up").wrong == "answers 503"
    application.answers["/up"] = (404, "")
    assert seen(f"{application.url}/up").well
    assert seen(f"{application.url}/up", status=200).wrong == "answers 404"


def test_one_that_takes_too_long_is_slow(application: Application) -> None:
    found = seen(f"{application.url}/up", max_ms=0.001)
    assert (found.wrong, found.slow, found.well) == ("", True, False)


def test_one_that_is_not_there_is_named_with_the_feature_to_do_without() -> None:
    found = seen("http://127.0.0.1:9/", feature="")
    assert found.wrong.startswith("no answer: ")
    assert str(found).startswith("payments: no answer")
