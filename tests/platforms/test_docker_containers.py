"""Which containers are the environment's, and what each runs: from listings, without an engine."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.config import Docker
from runbook_lib.errors import PlatformError
from runbook_lib.platforms.base import Release
from runbook_lib.platforms.docker_containers import Containers, name_of, release_of

V1, V2 = Release("v1", "sha256:1"), Release("v2", "sha256:2")


def listed(name: str, state: str = "running", **facts: Any) -> dict[str, Any]:
    return {"Id": name * 20, "Names": [f"/{name}"], "State": state, "Image": "shop:v2", "ImageID": "sha256:2", **facts}


class Listing:
    """A client that lists what it was given, whatever the filter."""

    def __init__(self, *containers: dict[str, Any]) -> None:
        self._containers = list(containers)

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        return self._containers


BY_NAME = Containers(Docker(image="shop", container="shop"))
BY_LABEL = Containers(Docker(image="shop", label="app=shop"))


def serving(containers: Containers, *listing: dict[str, Any]) -> dict[str, str]:
    return {name: name_of(item) for name, item in containers.serving(Listing(*listing)).items()}


def test_a_stopped_container_that_is_named_counts() -> None:
    assert serving(BY_NAME, listed("shop", "exited")) == {"shop": "shop"}


@pytest.mark.parametrize("state", ["running", "restarting", "paused"])
def test_under_a_label_only_what_is_up_counts(state: str) -> None:
    assert serving(BY_LABEL, listed("web", state), listed("migration", "exited")) == {"web": "web"}


@pytest.mark.parametrize("containers", [BY_NAME, BY_LABEL])
@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"shop": "running", "shop.next.r": "created"}, "shop"),
        ({"shop": "running", "shop.next.r": "running"}, "shop"),
        ({"shop": "exited", "shop.next.r": "running"}, "shop.next.r"),
        ({"shop": "exited", "shop.next.r": "created"}, "shop"),
        ({"shop.before.r": "exited", "shop.next.r": "running"}, "shop.next.r"),
        ({"shop.before.r": "exited", "shop": "running"}, "shop"),
        ({"shop.before.r": "running", "shop": "exited"}, "shop.before.r"),
        ({"shop.before.r": "running"}, "shop.before.r"),
    ],
)
def test_in_the_midst_of_a_switch(containers: Containers, states: dict[str, str], expected: str) -> None:
    assert serving(containers, *(listed(name, state) for name, state in states.items())) == {"shop": expected}


def test_what_an_earlier_switch_kept_is_no_replica() -> None:
    with pytest.raises(PlatformError, match="a switch was not finished"):
        serving(BY_NAME, listed("shop.before.r", "exited"))


def test_a_plan_is_not_made_in_the_midst_of_a_switch() -> None:
    with pytest.raises(PlatformError, match=r"a switch was not finished \(shop\.before\.r, shop\.next\.r\)"):
        BY_NAME.settled(Listing(listed("shop.before.r", "exited"), listed("shop.next.r")))


def test_a_plan_is_made_beside_what_an_earlier_switch_kept() -> None:
    settled = BY_NAME.settled(Listing(listed("shop"), listed("shop.before.r", "exited")))
    assert set(settled) == {"shop"}


def test_a_container_with_links_has_its_own_name() -> None:
    assert name_of(listed("db", Names=["/web/database", "/db"])) == "db"


@pytest.mark.parametrize(
    ("facts", "tag"),
    [
        ({}, "v2"),
        ({"Image": "sha256:2", "Labels": {"runbook.release": "v2"}}, "v2"),
        ({"Image": "sha256:2"}, "v2"),
        ({"Image": "shop:latest"}, "v2"),
        ({"ImageID": "sha256:9", "Image": "sha256:9"}, ""),
        ({"ImageID": "sha256:9", "Image": "sha256:9", "Labels": {"runbook.release": "v0"}}, "v0"),
        ({"ImageID": "sha256:9", "Image": "sha256:9", "Labels": {"runbook.release": "v1"}}, ""),
    ],
    ids=["made with it", "by id, labelled", "by id", "not latest", "unknown", "untagged", "tag moved"],
)
def test_the_tag_of_a_container(facts: dict[str, Any], tag: str) -> None:
    releases = [Release("latest", "sha256:2"), V2, V1]
    assert release_of(listed("shop", **facts), releases, "shop").tag == tag


def test_an_image_that_has_no_tag_but_latest() -> None:
    assert release_of(listed("shop"), [Release("latest", "sha256:2")], "shop").tag == "latest"


def test_a_repository_in_a_registry_with_a_port() -> None:
    seen = listed("shop", Image="registry.example:5000/shop:v2")
    assert release_of(seen, [V1, V2], "registry.example:5000/shop") == V2
