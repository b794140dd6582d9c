"""Variables of real containers, which are made anew with another value; and a real swarm's secrets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from docker.errors import APIError

from runbook_lib.config import SecretPlace
from runbook_lib.errors import ConfigurationError
from runbook_lib.rotation.places.container import Containers
from runbook_lib.rotation.places.swarm import SwarmSecret
from tests.platforms.conftest import shop, shop_images
from tests.platforms.docker_shop import RUN, Shop, free_port, get
from tests.real.engine import Engine
from tests.real.images import build_image

__all__ = ["shop", "shop_images"]

pytestmark = [pytest.mark.real, pytest.mark.slow]

PARTS = {"APP_KEY": "value", "DATABASE_URL": "url"}
ENV = ["APP_KEY=old-value", "DATABASE_URL=mysql://shop:old-value@db/shop", "COLOUR=blue"]
NEW = {"value": "new-value", "user": "shop__a", "password": "new-password"}


def place(shop: Shop, run: str = RUN) -> Containers:
    first = Containers(shop.platform(), PARTS, "production", run, {})
    return Containers(shop.platform(), PARTS, "production", run, {first.name: first.facts()})


def env(shop: Shop, container: str = "shop") -> set[str]:
    return set(shop.inspect(container)["Config"]["Env"])


def test_it_is_made_anew_with_the_new_value_of_the_same_image(shop: Shop) -> None:
    port = free_port()
    old = shop.start("v2", port=port, Env=ENV)
    variables = place(shop)
    assert variables.read() == {"value": "old-value", "user": "shop", "password": "old-value"}
    assert variables.holds(NEW) is False
    variables.write(NEW)
    assert get(port) == (200, "v2")
    assert {"APP_KEY=new-value", "DATABASE_URL=mysql://shop__a:new-password@db/shop", "COLOUR=blue"} <= env(shop)
    assert variables.holds(NEW) is True
    variables.write(NEW)
    assert shop.inspect(old)["State"]["Running"] is False
    for step in variables.retire("production"):
        step.do()
    assert shop.names() == {"shop"}


def test_put_back_is_the_very_same_container(shop: Shop) -> None:
    port = free_port()
    old = shop.start("v2", port=port, Env=ENV)
    variables = place(shop)
    variables.write(NEW)
    variables.put_back(variables.keep())
    assert (shop.inspect()["Id"], shop.names()) == (old, {"shop"})
    assert get(port) == (200, "v2")


def test_killed_in_between_another_process_goes_on(shop: Shop) -> None:
    port = free_port()
    shop.start("v2", port=port, Env=ENV)
    variables = place(shop)
    variables._replacements(NEW)[0].create()
    again = Containers(shop.platform(), PARTS, "production", RUN, variables.read_before)
    again.write(NEW)
    assert "APP_KEY=new-value" in env(shop)
    assert get(port) == (200, "v2")


def test_a_variable_that_it_does_not_have_is_refused(shop: Shop) -> None:
    shop.start("v2", Env=["COLOUR=blue"])
    with pytest.raises(ConfigurationError, match="the container shop has no variable APP_KEY, DATABASE_URL"):
        place(shop)


# -- a swarm ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swarm(engine: Engine) -> Iterator[Engine]:
    """The session's engine as a swarm of one node, with a service that uses a secret."""
    engine.client.init_swarm("127.0.0.1", listen_addr=f"127.0.0.1:{free_port()}")
    try:
        image = build_image(engine.client, "shop", "v1")
        secret = engine.client.create_secret("app_key", b"old-value")["ID"]
        file = {"Name": "app_key", "UID": "0", "GID": "0", "Mode": 0o400}
        reference = {"SecretID": secret, "SecretName": "app_key", "File": file}
        engine.client.create_service(
            {"ContainerSpec": {"Image": image, "Secrets": [reference]}},
            name="web",
            mode={"Replicated": {"Replicas": 1}},
            update_config={"Order": "start-first", "Parallelism": 1, "Monitor": 500_000_000},
        )
        wait_for(engine, "old-value")
        yield engine
    finally:
        engine.client.leave_swarm(force=True)


def wait_for(engine: Engine, value: str) -> None:
    deadline = time.monotonic() + 60
    while held(engine) != [value]:
        assert time.monotonic() < deadline, held(engine)
        time.sleep(0.2)


def held(engine: Engine) -> list[str]:
    """What the running containers of the service have in the file of the secret."""
    found = []
    for item in engine.client.containers(filters={"label": "com.docker.swarm.service.name=web"}):
        # One may end at this moment.
        with suppress(APIError):
            made = engine.client.exec_create(item["Id"], ["cat", "/run/secrets/app_key"])["Id"]
            found.append(engine.client.exec_start(made).decode())
    return found


def test_a_swarm_secret_there_and_back_and_for_good(swarm: Engine) -> None:
    table = SecretPlace(kind="swarm", secret="app_key", services=["web"], engine=swarm.address)
    secret = SwarmSecret(table, RUN)
    kept = secret.keep()
    secret.write({"value": "new-value"})
    assert secret.holds({"value": "new-value"}) is True
    wait_for(swarm, "new-value")
    secret.put_back(kept)
    wait_for(swarm, "old-value")
    assert [one["Spec"]["Name"] for one in swarm.client.secrets()] == ["app_key"]

    secret.write({"value": "newer-value"})
    wait_for(swarm, "newer-value")
    for step in secret.retire("production"):
        assert step.do() == "1 removed"
    assert len(swarm.client.secrets()) == 1
    again = SwarmSecret(table, "another-run")
    again.write({"value": "newest-value"})
    wait_for(swarm, "newest-value")


def test_a_service_that_does_not_use_it_is_refused(swarm: Engine) -> None:
    table = SecretPlace(kind="swarm", secret="other", services=["web"], engine=swarm.address)
    with pytest.raises(ConfigurationError, match="the service web has no secret under the file name other"):
        SwarmSecret(table, RUN).facts()
