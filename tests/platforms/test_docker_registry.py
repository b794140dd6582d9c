"""A release whose image is no longer on the engine but in a registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.errors import ImageMissingError, StepFailedError
from runbook_lib.platforms.base import Release
from tests.platforms.docker_shop import Shop, carry_out, switch
from tests.real import registry
from tests.real.engine import unavailable
from tests.real.images import build_image

pytestmark = pytest.mark.real


@pytest.fixture
def repository(shop: Shop, tmp_path: Path) -> Iterator[str]:
    """A repository in a registry, in which v1 and v2 are; v2 is live, v1 is not on the engine."""
    reason = registry.missing()
    if reason:
        unavailable(reason)
    with registry.running_registry(tmp_path) as address:
        repository, client = f"{address}/shop", shop.engine.client
        for tag in ("v1", "v2"):
            shop.images[f"{tag}-pushed"] = build_image(client, repository, tag)
            client.push(repository, tag=tag)
        client.remove_image(f"{repository}:v1")
        shop.start(Image=f"{repository}:v2")
        yield repository
        del shop.images["v1-pushed"], shop.images["v2-pushed"]


def test_it_is_pulled_before_anything_that_serves_is_touched(shop: Shop, repository: str) -> None:
    release = Release("v1", shop.images["v1-pushed"])
    platform = shop.platform(image=repository)
    planned = switch(platform, release)
    assert planned.steps[0].title == f"pull {repository}:v1"
    assert planned.steps[0].done() is False
    carry_out(planned.steps)
    assert platform.current()["shop"].id == release.id


def test_a_tag_that_was_moved_in_the_registry_is_refused_after_the_pull(shop: Shop, repository: str) -> None:
    client = shop.engine.client
    platform = shop.platform(image=repository)
    planned = switch(platform, Release("v1", shop.images["v1-pushed"]))
    client.tag(f"{repository}:v2", repository, "v1")
    client.push(repository, tag="v1")
    with pytest.raises(StepFailedError, match="the tag was moved"):
        planned.steps[0].do()
    assert platform.current()["shop"].id == shop.images["v2-pushed"]


def test_a_tag_that_is_not_in_the_registry_is_missing(shop: Shop, repository: str) -> None:
    with pytest.raises(ImageMissingError, match="whose image is here: v2"):
        shop.platform(image=repository).readings(Release("v3", f"sha256:{'0' * 64}"))
