"""Killed at any instant, carried on by another process: the same end, whatever was half done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytest

from runbook_lib.platforms.base import Switch
from runbook_lib.platforms.docker import DockerPlatform
from runbook_lib.run.plan import Snapshot, Step
from tests.platforms.docker_shop import RUN, Shop, free_port, get

pytestmark = [pytest.mark.real, pytest.mark.slow]

_CHANGES = {
    "connect_container_to_network",
    "create_container_from_config",
    "remove_container",
    "rename",
    "start",
    "stop",
    "update_container",
}


class Killed(BaseException):
    """Stands for the death of the process."""


class Dying:
    """A client that dies right after its n-th change reached the engine, before anybody hears of it."""

    def __init__(self, client: Any, changes: int) -> None:
        self._client, self._left = client, changes

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._client, name)
        if name not in _CHANGES:
            return member

        def change(*args: Any, **kwargs: Any) -> Any:
            result = member(*args, **kwargs)
            self._left -= 1
            if self._left == 0:
                raise Killed
            return result

        return change


class Case:
    """A shop with v2 live, its plan to v1, and as many processes as a test lets die."""

    def __init__(self, shop: Shop, fixed: bool) -> None:
        self.shop, self.port = shop, free_port() if fixed else None
        self.release = shop.release("v1" if fixed else "v1-checked")
        for network in ("front", "back"):
            shop.engine.client.create_network(network)
        policy = {"Name": "always"}
        self.old = shop.start("v2", port=self.port, host={"NetworkMode": "front", "RestartPolicy": policy})
        shop.engine.client.connect_container_to_network("shop", "back")
        self.readings: Snapshot = shop.platform().readings(self.release)

    def process(self, dies_after: int = 0) -> tuple[DockerPlatform, Switch]:
        """A fresh process that knows the recorded readings and nothing else."""
        platform = self.shop.platform()
        if dies_after:
            platform.__dict__["_client"] = Dying(platform._client, dies_after)
        return platform, platform.switch(self.release, self.readings, "production", RUN)

    def assert_forward(self) -> None:
        assert self.shop.names() == {"shop", f"shop.before.{RUN}"}
        new = self.shop.inspect()
        assert (new["Image"], new["State"]["Running"]) == (self.release.id, True)
        assert new["HostConfig"]["RestartPolicy"]["Name"] == "always"
        assert set(new["NetworkSettings"]["Networks"]) == {"front", "back"}
        assert not self.shop.inspect(self.old)["State"]["Running"]
        assert self.port is None or get(self.port) == (200, "v1")

    def assert_back(self) -> None:
        assert self.shop.names() == {"shop"}
        assert self.shop.inspect()["Id"] == self.old
        assert self.shop.platform().readings(self.release) == self.readings
        assert self.port is None or get(self.port) == (200, "v2")

    def assert_known(self) -> None:
        """Whatever is half done, what serves is one of the two releases."""
        live = self.shop.platform().current()
        assert {name: release.id in (self.release.id, self.shop.images["v2"]) for name, release in live.items()} == {
            "shop": True
        }


def carry_on(steps: Sequence[Step]) -> None:
    """As a continued run does: what is done is not repeated."""
    for step in steps:
        if not step.done():
            step.do()
        assert step.done() is True, step.id


def dies(steps: Sequence[Step]) -> bool:
    try:
        for step in steps:
            step.do()
    except Killed:
        return True
    return False


def cases(shop: Shop, fixed: bool) -> Iterator[tuple[Case, int]]:
    """A fresh case for each number of changes after which the process dies."""
    for changes in count(1):
        shop.engine.clear()
        yield Case(shop, fixed), changes


@pytest.mark.parametrize("fixed", [True, False])
def test_a_switch_killed_after_any_change_is_completed(shop: Shop, fixed: bool) -> None:
    for case, changes in cases(shop, fixed):
        if not dies(case.process(changes)[1].steps):
            break
        case.assert_known()
        carry_on(case.process()[1].steps)
        case.assert_forward()
    assert changes == 9, "create, join, two updates, stop, start, two names; then it lives"


@pytest.mark.parametrize("fixed", [True, False])
def test_a_switch_killed_after_any_change_can_be_taken_back(shop: Shop, fixed: bool) -> None:
    for case, changes in cases(shop, fixed):
        if not dies(case.process(changes)[1].steps):
            break
        carry_on(case.process()[1].back)
        case.assert_back()
    assert changes == 9


@pytest.mark.parametrize("fixed", [True, False])
def test_a_way_back_killed_after_any_change_is_completed(shop: Shop, fixed: bool) -> None:
    for case, changes in cases(shop, fixed):
        carry_on(case.process()[1].steps)
        if not dies(case.process(changes)[1].back):
            break
        case.assert_known()
        carry_on(case.process()[1].back)
        case.assert_back()
    assert changes == 6, "stop, update, start, remove, name; then it lives"


def test_steps_that_were_done_are_harmless_when_done_again(shop: Shop) -> None:
    case = Case(shop, fixed=True)
    planned = case.process()[1]
    for step in (planned.steps[0], *planned.steps, planned.steps[1]):
        step.do()
    case.assert_forward()
    for step in (*planned.back, *planned.back):
        step.do()
    case.assert_back()


def test_a_way_back_before_anything_was_changed_does_nothing(shop: Shop) -> None:
    case = Case(shop, fixed=True)
    planned = case.process()[1]
    assert [step.done() for step in planned.back] == [True]
    planned.back[0].do()
    case.assert_back()


@pytest.mark.parametrize("steps", [1, 2])
def test_a_restart_of_the_engine_brings_up_one_of_the_two(shop: Shop, steps: int) -> None:
    case = Case(shop, fixed=True)
    for step in case.process()[1].steps[:steps]:
        step.do()
    shop.engine.stop()
    shop.engine.start()
    assert get(case.port or 0, patience=10) == (200, "v2" if steps == 1 else "v1")
    assert len(shop.engine.client.containers()) == 1
    carry_on(case.process()[1].steps)
    case.assert_forward()
