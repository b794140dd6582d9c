"""The plan of a switch in containers: pure, as plain data, before any engine is asked."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.errors import PlatformError, StepFailedError
from runbook_lib.platforms.base import Release, Switch
from runbook_lib.platforms.docker import DockerPlatform
from runbook_lib.run.plan import Snapshot, Step
from tests.platforms.docker_shop import target

RELEASE = Release("v1", "sha256:" + "1" * 64)
PLATFORM = DockerPlatform(target("unix:///nonexistent/docker.sock"))


def readings(*names: str, exclusive: str = "", pull: bool = False) -> Snapshot:
    hosts = {
        name: {
            "live": Release("v2", "sha256:2").facts,
            "id": f"{name:x>12}",
            "exclusive": exclusive,
            "restart": {"Name": "always", "MaximumRetryCount": 0},
            "configuration": "0",
        }
        for name in names
    }
    return {"image": {"id": RELEASE.id, "tag": RELEASE.tag, "pull": pull}, "hosts": hosts}


def planned(snapshot: Snapshot) -> Switch:
    return PLATFORM.switch(RELEASE, snapshot, "staging", "run/1")


def ids(steps: tuple[Step, ...]) -> list[str]:
    return [step.id for step in steps]


def test_all_containers_are_created_before_the_first_one_takes_over() -> None:
    steps = ids(planned(readings("a", "b")).steps)
    assert steps == ["staging.a.create", "staging.b.create", "staging.a.switch", "staging.b.switch"]


def test_the_way_back_is_in_reverse_order() -> None:
    assert ids(planned(readings("a", "b")).back) == ["staging.b.back", "staging.a.back"]


def test_an_image_that_is_not_there_is_pulled_first() -> None:
    step = planned(readings("a", pull=True)).steps[0]
    assert (step.id, step.shows) == ("staging.pull", ("docker pull shop:v1",))


def test_retiring_removes_each_container_that_was_kept() -> None:
    steps = PLATFORM.retire(readings("a", "b"), "afterwards.staging", "run/1")
    assert ids(steps) == ["afterwards.staging.a.retire", "afterwards.staging.b.retire"]
    assert steps[0].shows == ("docker rm a.before.run-1",)


@pytest.mark.parametrize(
    ("exclusive", "order"),
    [("port 80 of the host", ["stop", "start"]), ("", ["start", "stop"])],
)
def test_what_only_one_can_hold_decides_who_goes_first(exclusive: str, order: list[str]) -> None:
    shows = planned(readings("a", exclusive=exclusive)).steps[1].shows
    assert [line.split()[1] for line in shows] == ["update", *order, "rename", "rename"]


def test_the_warning_tells_whether_there_is_an_outage() -> None:
    assert "does not answer" in planned(readings("a", exclusive="port 80 of the host")).warnings[0]
    assert "both releases serve" in planned(readings("a")).warnings[0]


def test_every_step_can_be_undone_or_says_why_not() -> None:
    snapshot = readings("a", pull=True)
    switch = planned(snapshot)
    for step in (*switch.steps, *switch.back, *PLATFORM.retire(snapshot, "staging", "run/1")):
        assert bool(step.undo) != bool(step.no_undo), step.id


@pytest.mark.parametrize("act", ["do", "done"])
def test_an_engine_that_is_gone_fails_the_step(act: str) -> None:
    for step in planned(readings("a", pull=True)).steps:
        with pytest.raises(PlatformError, match="cannot be used"):
            getattr(step, act)()


class Registry:
    """An engine whose registry gives whatever image it now has under the tag."""

    def __init__(self, has: str) -> None:
        self._has, self._stored = has, ""

    def pull(self, image: str, tag: str) -> None:
        self._stored = self._has

    def inspect_image(self, image: str) -> dict[str, Any]:
        from docker.errors import NotFound

        if image != self._stored:
            raise NotFound("404", explanation="No such image")
        return {"Id": image}


def test_a_pulled_image_must_be_the_one_that_was_planned() -> None:
    for has, right in ((RELEASE.id, True), ("sha256:other", False)):
        platform = DockerPlatform(target(""))
        platform.__dict__["_client"] = Registry(has)
        pull = platform.switch(RELEASE, readings("a", pull=True), "staging", "r").steps[0]
        assert pull.done() is False
        if right:
            assert "is on the engine" in pull.do()
        else:
            with pytest.raises(StepFailedError, match="the tag was moved"):
                pull.do()
        assert pull.done() is right
