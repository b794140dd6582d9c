"""The shop in containers, for the tests on a real engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.platforms.docker_shop import Shop
from tests.real.engine import Engine
from tests.real.images import Behaviour, build_image

HEALTHCHECK = "HEALTHCHECK --interval=200ms --timeout=1s --retries=3 CMD wget -qO /dev/null http://127.0.0.1:8080/ready"

_IMAGES: dict[str, tuple[Behaviour, Sequence[str]]] = {
    "v1": ("good", ()),
    "v2": ("good", ()),
    "v1-checked": ("good", (HEALTHCHECK,)),
    "unready": ("unready", (HEALTHCHECK,)),
    "exits": ("exits", ()),
    "unstartable": ("unstartable", ()),
    "v1-own": ("good", ("ENV COLOUR=blue SIZE=1", "LABEL team=one", "VOLUME /data", "WORKDIR /www")),
    "v2-own": ("good", ("ENV COLOUR=red SIZE=1", "LABEL team=two", "VOLUME /data", "WORKDIR /bin")),
}


@pytest.fixture(scope="session")
def shop_images(engine: Engine) -> dict[str, str]:
    """The ids of the images: v1 and v2 are good, the rest is what its name says."""
    return {tag: build_image(engine.client, "shop", tag, *recipe) for tag, recipe in _IMAGES.items()}


@pytest.fixture
def shop(engine: Engine, shop_images: dict[str, str]) -> Iterator[Shop]:
    for tag, image in shop_images.items():
        engine.client.tag(image, "shop", tag, force=True)  # the engine is shared: another test may have moved it
    yield Shop(engine, shop_images)
    engine.clear()
