"""Putting a release live: hooks around the switch, verification, the way back, drift."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.actions.release.deploy import Deployment
from runbook_lib.config import Service, Target
from runbook_lib.errors import PlanDriftError, StepFailedError
from runbook_lib.platforms.base import find_release
from runbook_lib.run.plan import Section
from tests.actions.routes import Routes, serving
from tests.platforms.git_shop import Shop, alone, carry_out, git

RUN = "20250102-030405-ab12"


@pytest.fixture(params=["in-place", "releases"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    alone(monkeypatch)
    return Shop(tmp_path, request.param).build()


@pytest.fixture
def routes() -> Iterator[Routes]:
    with serving() as routes:
        yield routes


@pytest.fixture
def deployment(shop: Shop, routes: Routes) -> Callable[..., Deployment]:
    """A deployment of v1, made anew as another process would make it."""

    def make(**hooks: Any) -> Deployment:
        environment: dict[str, Any] = {
            "platform": "git",
            "url": routes.url,
            "git": shop.target().environment.model_dump(mode="json")["git"],
            "checks": {"within": 0.3},
            "hooks": hooks,
        }
        service = Service.model_validate({"environments": {"production": environment}})
        target = Target(
            "shop", "production", service.environments["production"], service, shop.folder, shop.folder / "state"
        )
        return Deployment(target, find_release(shop.platform().releases(), "v1"), RUN)

    return make


def section(deployment: Deployment) -> Section:
    return deployment.section(deployment.readings())


def note(shop: Shop, word: str) -> list[str]:
    return ["sh", "-c", f"echo {word} $(cat version) >> {shop.folder}/noted"]


def noted(shop: Shop) -> list[str]:
    file = shop.folder / "noted"
    return file.read_text().splitlines() if file.exists() else []


# -- the section ----------------------------------------------------------------------------------------------------


def test_a_section_makes_the_release_live_and_finds_it_healthy(
    shop: Shop, deployment: Callable[..., Deployment]
) -> None:
    made = section(deployment())
    assert (made.name, made.environment, made.release["tag"]) == ("production", "shop/production", "v1")
    made.ready(False)
    carry_out(made.steps)
    assert shop.served() == "v1"
    assert made.verify is not None
    assert made.verify().passed


def test_what_is_not_healthy_fails(shop: Shop, deployment: Callable[..., Deployment], routes: Routes) -> None:
    made = section(deployment())
    carry_out(made.steps)
    routes.statuses["/ready"] = 503
    assert made.verify is not None
    assert made.verify().result == "FAIL"


def test_back_is_verified(shop: Shop, deployment: Callable[..., Deployment]) -> None:
    made = section(deployment())
    carry_out(made.steps)
    assert made.verified_back is not None
    with pytest.raises(StepFailedError, match="is not back: local runs v1"):
        made.verified_back()
    carry_out(made.back)
    assert "serves again: v3" in made.verified_back()


def test_a_section_is_the_same_from_the_same_readings(deployment: Callable[..., Deployment]) -> None:
    hooks = {"before": [{"run": ["true"], "undo": ["true"]}], "after": [{"run": ["true"]}]}
    readings = json.loads(json.dumps(deployment(**hooks).readings()))
    assert deployment(**hooks).section(readings).facts == deployment(**hooks).section(readings).facts


def test_what_is_skipped_has_no_steps(deployment: Callable[..., Deployment]) -> None:
    made = deployment().section(deployment().readings(), skipped="it passed recently")
    assert (made.steps, made.back, made.skipped) == ((), (), "it passed recently")


# -- drift ----------------------------------------------------------------------------------------------------------


def test_an_environment_that_moved_on_since_the_plan_is_refused(
    shop: Shop, deployment: Callable[..., Deployment]
) -> None:
    made = section(deployment())
    carry_out(shop.switch("v2", run="another").steps)
    for begun in (False, True):
        with pytest.raises(PlanDriftError, match="run the same command again for a new plan"):
            made.ready(begun)


def test_a_section_that_was_begun_goes_on_from_before_and_from_the_target(
    shop: Shop, deployment: Callable[..., Deployment]
) -> None:
    made = section(deployment())
    made.ready(True)
    carry_out(made.steps)
    made.ready(True)


# -- hooks ----------------------------------------------------------------------------------------------------------


def test_hooks_run_around_the_switch_in_order(shop: Shop, deployment: Callable[..., Deployment]) -> None:
    hooks = {"before": [{"run": note(shop, "a")}, {"run": note(shop, "b")}], "after": [{"run": note(shop, "c")}]}
    carry_out(section(deployment(**hooks)).steps)
    assert noted(shop) == ["a v3", "b v3", "c v1"]


def test_hooks_know_what_goes_on(shop: Shop, deployment: Callable[..., Deployment]) -> None:
    words = "$RUNBOOK_RUN $RUNBOOK_SERVICE $RUNBOOK_ENVIRONMENT $RUNBOOK_RELEASE $RUNBOOK_RELEASE_ID"
    made = deployment(before=[{"run": ["sh", "-c", f"echo {words} > {shop.folder}/noted"]}])
    carry_out(section(made).steps)
    assert noted(shop) == [f"{RUN} shop production v1 {made.release.id}"]


def test_hooks_that_ran_are_taken_back_last_first(shop: Shop, deployment: Callable[..., Deployment]) -> None:
    hooks = {
        "before": [{"run": ["true"], "undo": note(shop, "a")}, {"run": ["true"], "undo": note(shop, "b")}],
        "after": [{"run": ["true"], "undo": note(shop, "c")}, {"run": ["true"]}],
    }
    made = section(deployment(**hooks))
    carry_out(made.steps)
    for step in made.back:
        step.do()
    assert noted(shop) == ["c v1", "b v3", "a v3"]


def test_the_undo_of_a_hook_belongs_to_that_hook(shop: Shop, deployment: Callable[..., Deployment]) -> None:
    hooks = {
        "before": [{"run": ["false"], "undo": note(shop, "a")}],
        "after": [{"run": ["x"], "undo": note(shop, "c")}],
    }
    made = section(deployment(**hooks))
    steps = {step.id for step in made.steps}
    undone = [step.undoes for step in made.back if step.undoes]
    assert undone == ["production.hook.after.1", "production.hook.before.1"]
    assert set(undone) <= steps


def test_a_hook_whose_effect_holds_is_not_run(shop: Shop, deployment: Callable[..., Deployment]) -> None:
    carry_out(section(deployment(before=[{"run": note(shop, "a"), "done": ["true"]}])).steps)
    assert noted(shop) == []


def test_a_hook_is_done_when_its_probe_says_so(shop: Shop, deployment: Callable[..., Deployment]) -> None:
    made = deployment(before=[{"run": note(shop, "a"), "done": ["test", "-e", str(shop.folder / "noted")]}])
    (hook, *_) = section(made).steps
    assert (hook.done(), hook.do(), hook.done()) == (False, "", True)


def test_a_failing_hook_stops_before_the_switch(shop: Shop, deployment: Callable[..., Deployment]) -> None:
    hooks = {"before": [{"run": ["sh", "-c", "echo 'not now'; exit 3"]}]}
    with pytest.raises(StepFailedError, match="status 3: not now"):
        carry_out(section(deployment(**hooks)).steps)
    assert shop.served() == "v3"


def test_hooks_take_no_more_than_their_time(deployment: Callable[..., Deployment]) -> None:
    from runbook_lib.errors import CommandError

    with pytest.raises(CommandError, match=r"took longer than 0\.2 s"):
        carry_out(section(deployment(before=[{"run": ["sleep", "5"], "timeout": 0.2}])).steps)


def test_a_tag_of_a_hook_is_text(shop: Shop, deployment: Callable[..., Deployment]) -> None:
    git(shop.repository, "tag", "$(touch${IFS}owned)", "v1^{commit}")
    git(shop.repository, "tag", "-d", "v1")
    made = deployment
    release = shop.release("$(touch${IFS}owned)")
    git(shop.repository, "tag", "v1", "v2")
    target = made(before=[{"run": ["sh", "-c", f'echo "$RUNBOOK_RELEASE" > {shop.folder}/noted']}]).target
    carry_out(section(Deployment(target, release, RUN)).steps)
    assert noted(shop) == ["$(touch${IFS}owned)"]
    assert not list(shop.folder.rglob("owned"))
