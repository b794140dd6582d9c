"""Each member of the contract, on a real engine."""

from __future__ import annotations

import json
import time

import pytest

from runbook_lib.command import Command
from runbook_lib.config import Hosts
from runbook_lib.errors import CommandError, ImageMissingError, PlatformError
from runbook_lib.platforms.base import Release
from runbook_lib.probes.hosts import state
from tests.platforms.docker_shop import RUN, Shop, carry_out, free_port, get, switch
from tests.real.images import build_image

pytestmark = pytest.mark.real


def test_releases_are_the_tags_of_the_repository_the_newest_first(shop: Shop) -> None:
    releases = shop.platform().releases()
    assert {release.tag: release.id for release in releases} == shop.images
    assert [release.created for release in releases] == sorted((r.created for r in releases), reverse=True)


def test_images_of_one_second_are_ordered_by_their_tags(shop: Shop) -> None:
    for tag in ("v9", "v10"):
        shop.engine.client.tag("shop:v1", "numbered", tag)
    assert [release.tag for release in shop.platform(image="numbered").releases()] == ["v10", "v9"]


def test_current_names_the_image_of_the_container(shop: Shop) -> None:
    shop.start("v2")
    current = shop.platform().current()
    assert {name: (live.tag, live.id) for name, live in current.items()} == {"shop": ("v2", shop.images["v2"])}


def test_current_has_no_tag_when_the_tag_was_moved_to_another_image(shop: Shop) -> None:
    client = shop.engine.client
    client.tag("shop:v1", "moving", "live")
    shop.start("v1", Image="moving:live")
    client.tag("shop:v2", "moving", "live")
    live = shop.platform(image="moving").current()["shop"]
    assert (live.tag, live.id) == ("", shop.images["v1"])


def test_current_finds_replicas_by_label_but_no_stopped_ones(shop: Shop) -> None:
    for name in ("one", "two", "migration"):
        shop.start("v2", name, Labels={"app": "shop"})
    shop.engine.client.stop("migration", timeout=1)
    assert set(shop.platform(label="app=shop").current()) == {"one", "two"}


def test_current_finds_a_compose_service_without_its_one_off_containers(shop: Shop) -> None:
    labels = {"com.docker.compose.project": "p", "com.docker.compose.service": "web"}
    shop.start("v2", "p-web-1", Labels={**labels, "com.docker.compose.oneoff": "False"})
    shop.start("v2", "p-web-run-1", Labels={**labels, "com.docker.compose.oneoff": "True"})
    assert set(shop.platform(project="p", compose_service="web").current()) == {"p-web-1"}


def test_no_container_names_what_was_looked_for_and_what_there_is(shop: Shop) -> None:
    shop.start("v2", "shop-eu")
    with pytest.raises(PlatformError, match=r"no container shop; there are: shop-eu\nNext: correct how"):
        shop.platform().current()


def test_label_of_stopped_containers_only_says_which_to_start(shop: Shop) -> None:
    shop.start("v2", "one", Labels={"app": "shop"})
    shop.engine.client.stop("one", timeout=1)
    with pytest.raises(PlatformError, match="start what is to serve: one does not run"):
        shop.platform(label="app=shop").current()


def test_readings_are_plain_data_and_the_same_while_nothing_changes(shop: Shop) -> None:
    shop.start("v2", port=free_port(), host={"RestartPolicy": {"Name": "always"}})
    first = shop.platform().readings(shop.release("v1"))
    shop.engine.client.restart("shop", timeout=1)
    again = shop.platform().readings(shop.release("v1"))
    assert json.loads(json.dumps(first)) == again
    assert set(first) == {"image", "hosts"}
    assert first["hosts"]["shop"]["live"]["id"] == shop.images["v2"]


def test_readings_hold_no_variable_of_the_container(shop: Shop) -> None:
    shop.start("v2", Env=["DB_PASSWORD=swordfish-42"])
    text = json.dumps(shop.platform().readings(shop.release("v1")))
    assert "swordfish" not in text
    assert "DB_PASSWORD" not in text


@pytest.mark.parametrize("change", ["replaced", "limited", "joined"])
def test_readings_differ_when_the_container_was_changed_meanwhile(shop: Shop, change: str) -> None:
    client = shop.engine.client
    shop.start("v2")
    before = shop.platform().readings(shop.release("v1"))
    if change == "replaced":
        client.remove_container("shop", force=True)
        shop.start("v2")
    elif change == "limited":
        client.update_container("shop", cpu_shares=512)
    else:
        client.create_network("extra")
        client.connect_container_to_network("shop", "extra")
    assert shop.platform().readings(shop.release("v1")) != before


def test_readings_refuse_an_image_that_is_nowhere(shop: Shop) -> None:
    shop.start("v2")
    began = time.monotonic()
    with pytest.raises(ImageMissingError, match=r"shop:v1\.9 .* is not on the engine(.|\n)*whose image is here: v1"):
        shop.platform().readings(Release("v1.9", f"sha256:{'0' * 64}"))
    assert time.monotonic() - began < 20


def test_readings_refuse_a_container_that_would_be_gone_once_stopped(shop: Shop) -> None:
    shop.start("v2", host={"AutoRemove": True})
    with pytest.raises(PlatformError, match=r"started with --rm"):
        shop.platform().readings(shop.release("v1"))


def test_readings_refuse_a_container_of_another_application(shop: Shop) -> None:
    build_image(shop.engine.client, "database", "16")
    shop.start(name="db", Image="database:16", Labels={"app": "shop"})
    with pytest.raises(PlatformError, match="the container db runs database, not shop"):
        shop.platform(label="app=shop").readings(shop.release("v2"))


def test_a_plan_is_built_without_asking_the_engine(shop: Shop) -> None:
    shop.start("v2", port=free_port())
    readings = shop.platform().readings(shop.release("v1"))
    unreachable = shop.platform(engine="unix:///nonexistent/docker.sock")
    planned = unreachable.switch(shop.release("v1"), readings, "production", RUN)
    again = shop.platform().switch(shop.release("v1"), readings, "production", RUN)
    assert [step.facts for step in planned.steps] == [step.facts for step in again.steps]
    assert [step.id for step in planned.steps] == ["production.shop.create", "production.shop.switch"]
    assert [step.id for step in planned.back] == ["production.shop.back"]
    assert "does not answer while it is replaced" in planned.warnings[0]


def test_a_command_runs_inside_the_live_release(shop: Shop) -> None:
    shop.start("v2", Env=["MODE=live"])
    results = shop.platform().read(
        shop.release("v2"), Command.of("sh", "-c", 'echo "$RELEASE $MODE $X"', env={"X": "y"})
    )
    assert {name: (result.code, result.output) for name, result in results.items()} == {"shop": (0, "v2 live y\n")}


def test_a_command_runs_inside_a_release_that_is_not_live_and_leaves_nothing(shop: Shop) -> None:
    shop.start("v2", port=free_port(), Env=["MODE=live"])
    results = shop.platform().read(shop.release("v1"), Command.of("sh", "-c", 'echo "$RELEASE $MODE"; exit 7'))
    assert (results["shop"].code, results["shop"].output) == (7, "v1 live\n")
    assert shop.names() == {"shop"}


@pytest.mark.parametrize("tag", ["v1", "v2"])
def test_a_command_that_takes_too_long_is_given_up(shop: Shop, tag: str) -> None:
    shop.start("v2")
    began = time.monotonic()
    with pytest.raises(CommandError):
        shop.platform().read(shop.release(tag), Command.of("sleep", "20", timeout=1))
    assert time.monotonic() - began < 10
    assert shop.names() == {"shop"}


def test_command_is_an_exec_in_the_container(shop: Shop) -> None:
    shop.start("v2")
    platform = shop.platform()
    command = platform.command(shop.release("v2"), Command.of("php", "artisan", "about", cwd="/app"), "shop")
    assert command.raw == [
        "docker",
        "--host",
        shop.engine.address,
        "exec",
        "--workdir",
        "/app",
        "shop",
        "php",
        "artisan",
        "about",
    ]
    with pytest.raises(PlatformError, match="the container shop runs v2"):
        platform.command(shop.release("v1"), Command.of("php"), "shop")


def test_logs_since_a_time_with_their_times(shop: Shop) -> None:
    port = free_port()
    shop.start("v2", port=port)
    get(port, "/up")
    time.sleep(0.05)
    since = time.time()
    get(port, "/checkout")
    lines = shop.platform().logs(since)
    assert any("/checkout" in line.text for line in lines)
    assert not any("url:/up" in line.text for line in lines)
    assert all(line.host == "shop" and line.at is not None and line.at >= since for line in lines)


def test_retire_removes_what_was_kept_and_its_image_stays(shop: Shop) -> None:
    port = free_port()
    shop.start("v2", port=port)
    platform = shop.platform()
    readings = platform.readings(shop.release("v1"))
    carry_out(switch(platform, shop.release("v1"), readings).steps)
    retire = platform.retire(readings, "production", RUN)
    assert [step.done() for step in retire] == [False]
    carry_out(retire)
    assert shop.names() == {"shop"}
    assert get(port) == (200, "v1")
    assert shop.images["v2"] in {release.id for release in platform.releases()}


def test_one_replica_says_what_it_runs_and_since_when(shop: Shop) -> None:
    before = time.time()
    shop.start("v1")
    platform = shop.platform()
    (host,) = platform.hosts()
    assert platform.release_on(host).tag == "v1"
    switched = platform.switched(host)
    assert switched is not None
    assert before - 2 <= switched <= time.time() + 2
    assert platform.logs(before - 5, host) == platform.logs(before - 5)


def test_a_container_is_looked_into_as_a_machine(shop: Shop) -> None:
    shop.start("v1")
    platform = shop.platform()
    (host,) = platform.hosts()
    seen = state(platform, host, Hosts(folders=["/"]), 10)
    assert seen.processes
    assert seen.disks is not None
    assert "/" in seen.disks
    assert seen.skew is not None
    assert abs(seen.skew) < 5
