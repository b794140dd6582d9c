"""A release put live and taken back in real containers: what serves, what the new container is like."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
from contextlib import suppress

import pytest

from runbook_lib.errors import StepFailedError
from runbook_lib.platforms.base import Switch
from tests.platforms.docker_shop import RUN, Shop, carry_out, free_port, get, switch

pytestmark = pytest.mark.real


def test_a_container_with_a_fixed_port_is_replaced_and_serves_the_other_release(shop: Shop) -> None:
    port = free_port()
    old = shop.start("v2", port=port, host={"RestartPolicy": {"Name": "always"}})
    platform = shop.platform()
    carry_out(switch(platform, shop.release("v1")).steps)
    assert get(port) == (200, "v1")
    assert platform.current()["shop"] == next(r for r in platform.releases() if r.tag == "v1")
    assert shop.inspect()["HostConfig"]["RestartPolicy"]["Name"] == "always"
    kept = shop.inspect(old)
    assert kept["Name"] == f"/shop.before.{RUN}"
    assert (kept["State"]["Running"], kept["HostConfig"]["RestartPolicy"]["Name"]) == (False, "no")


def test_going_back_restores_the_very_same_container(shop: Shop) -> None:
    port = free_port()
    old = shop.start("v2", port=port, host={"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 4}})
    platform = shop.platform()
    readings = platform.readings(shop.release("v1"))
    planned = switch(platform, shop.release("v1"), readings)
    carry_out(planned.steps)
    carry_out(planned.back)
    assert get(port) == (200, "v2")
    assert shop.inspect()["Id"] == old
    assert shop.names() == {"shop"}
    assert platform.readings(shop.release("v1")) == readings


def test_without_a_fixed_port_somebody_serves_all_the_time(shop: Shop) -> None:
    shop.engine.client.create_network("web")
    shop.start(
        "v2", host={"NetworkMode": "web"}, NetworkingConfig={"EndpointsConfig": {"web": {"Aliases": ["shop-app"]}}}
    )
    planned = switch(shop.platform(), shop.release("v1-checked"))
    served: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            served.append(len(shop.engine.client.containers(filters={"status": "running"})))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        carry_out(planned.steps)
    finally:
        over.set()
        watcher.join()
    assert min(served) == 1
    assert max(served) == 2
    assert "both releases serve" in planned.warnings[0]
    assert shop.inspect()["NetworkSettings"]["Networks"]["web"]["Aliases"][0] == "shop-app"


def test_replicas_are_replaced_one_after_the_other(shop: Shop) -> None:
    ports = {name: free_port() for name in ("one", "two", "three")}
    for name, port in ports.items():
        shop.start("v2", name, port=port, Labels={"app": "shop"})
    platform = shop.platform(label="app=shop")
    planned = switch(platform, shop.release("v1"))
    ids = [step.id for step in planned.steps]
    assert ids[:3] == [f"production.{name}.create" for name in ("one", "three", "two")]
    assert len(set(ids)) == 6
    carry_out(planned.steps)
    assert {get(port) for port in ports.values()} == {(200, "v1")}
    carry_out(planned.back)
    assert {get(port) for port in ports.values()} == {(200, "v2")}


def test_what_the_image_brought_is_not_pinned_and_what_was_set_stays(shop: Shop) -> None:
    shop.start(
        "v2-own", Env=["DB_PASSWORD=swordfish", "SIZE=9"], Labels={"tier": "web"}, Hostname="shop-1", User="root"
    )
    carry_out(switch(shop.platform(), shop.release("v1-own")).steps)
    config = shop.inspect()["Config"]
    env = set(config["Env"])
    assert {"DB_PASSWORD=swordfish", "SIZE=9", "COLOUR=blue", "RELEASE=v1-own"} <= env
    assert not {"COLOUR=red", "RELEASE=v2-own", "SIZE=1"} & env
    assert (config["Labels"]["team"], config["Labels"]["tier"]) == ("one", "web")
    assert config["Labels"]["runbook.release"] == "v1-own"
    assert (config["WorkingDir"], config["Hostname"], config["User"]) == ("/www", "shop-1", "root")


def test_a_command_of_the_container_stays_and_one_of_the_image_goes(shop: Shop) -> None:
    shop.start("v2", "own", Cmd=["/bin/start", "quietly"], Labels={"app": "shop"})
    shop.start("unready", "inherited", Labels={"app": "shop"})
    carry_out(switch(shop.platform(label="app=shop"), shop.release("v1")).steps)
    assert shop.inspect("own")["Config"]["Cmd"] == ["/bin/start", "quietly"]
    assert shop.inspect("inherited")["Config"]["Cmd"] == ["/bin/start"]
    assert "Healthcheck" not in shop.inspect("inherited")["Config"]


def test_data_in_anonymous_and_named_volumes_and_mounts_survive(shop: Shop) -> None:
    mounts = [{"Type": "volume", "Target": "/cache"}, {"Type": "tmpfs", "Target": "/scratch"}]
    shop.start("v2-own", Volumes={"/more": {}}, host={"Binds": ["orders:/orders"], "Mounts": mounts})
    client = shop.engine.client
    folders = ("data", "more", "orders", "cache")
    for folder in folders:
        made = client.exec_create("shop", ["sh", "-c", f"echo kept > /{folder}/file"])
        client.exec_start(made["Id"])
    planned = switch(shop.platform(), shop.release("v1-own"))
    carry_out(planned.steps)
    made = client.exec_create("shop", ["cat", *(f"/{folder}/file" for folder in folders)])
    assert client.exec_start(made["Id"]) == b"kept\n" * 4
    carry_out(planned.back)
    made = client.exec_create("shop", ["cat", *(f"/{folder}/file" for folder in folders)])
    assert client.exec_start(made["Id"]) == b"kept\n" * 4


def test_host_configuration_goes_along(shop: Shop) -> None:
    host = {
        "Memory": 64 * 2**20,
        "NanoCpus": 500_000_000,
        "CapDrop": ["NET_RAW"],
        "ReadonlyRootfs": True,
        "ExtraHosts": ["db:10.9.9.9"],
        "Ulimits": [{"Name": "nofile", "Soft": 512, "Hard": 1024}],
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
        "SecurityOpt": ["no-new-privileges"],
        "Init": True,
    }
    shop.start("v2", host=host)
    before = shop.inspect()["HostConfig"]
    carry_out(switch(shop.platform(), shop.release("v1")).steps)
    after = shop.inspect()["HostConfig"]
    assert {key: after[key] for key in host} == {key: before[key] for key in host}
    changed = {key for key in before if before[key] != after[key]}
    assert changed <= {"Binds", "Links", "RestartPolicy"}, "another spelling of nothing at most"


def test_several_networks_addresses_and_aliases_go_along(shop: Shop) -> None:
    client = shop.engine.client
    for name, subnet in (("front", "10.19.1.0/24"), ("back", "10.19.2.0/24")):
        client.create_network(name, ipam={"Driver": "default", "Config": [{"Subnet": subnet}]})
    shop.start(
        "v2", host={"NetworkMode": "front"}, NetworkingConfig={"EndpointsConfig": {"front": {"Aliases": ["web"]}}}
    )
    client.connect_container_to_network("shop", "back", ipv4_address="10.19.2.77", aliases=["app"])
    planned = switch(shop.platform(), shop.release("v1"))
    assert "a fixed address in the network back" in planned.warnings[0]
    carry_out(planned.steps)
    networks = shop.inspect()["NetworkSettings"]["Networks"]
    assert set(networks) == {"front", "back"}
    assert networks["back"]["IPAddress"] == "10.19.2.77"
    assert "app" in networks["back"]["Aliases"]
    assert "web" in networks["front"]["Aliases"]


def test_compose_labels_stay_and_name_the_new_image(shop: Shop) -> None:
    labels = {
        "com.docker.compose.project": "p",
        "com.docker.compose.service": "web",
        "com.docker.compose.container-number": "1",
        "com.docker.compose.config-hash": "abc",
        "com.docker.compose.image": shop.images["v2"],
    }
    shop.start("v2", "p-web-1", Labels=labels)
    platform = shop.platform(project="p", compose_service="web")
    planned = switch(platform, shop.release("v1"))
    carry_out(planned.steps)
    after = shop.inspect("p-web-1")["Config"]["Labels"]
    assert {**labels, "com.docker.compose.image": shop.images["v1"]}.items() <= after.items()
    assert set(platform.current()) == {"p-web-1"}


def test_a_second_switch_replaces_what_the_first_one_made(shop: Shop) -> None:
    port = free_port()
    shop.start("v1", port=port)
    platform = shop.platform()
    carry_out(switch(platform, shop.release("v2")).steps)
    carry_out(platform.switch(shop.release("v1"), platform.readings(shop.release("v1")), "production", "second").steps)
    assert get(port) == (200, "v1")
    assert shop.names() == {"shop", f"shop.before.{RUN}", "shop.before.second"}
    assert shop.inspect()["Config"]["Labels"]["runbook.run"] == "second"


@pytest.mark.parametrize("fixed", [True, False])
def test_a_release_that_cannot_be_started_fails_the_step_and_the_old_container_comes_back(
    shop: Shop, fixed: bool
) -> None:
    old = shop.start("v2", port=free_port() if fixed else None)
    planned = switch(shop.platform(), shop.release("unstartable"))
    planned.steps[0].do()
    with pytest.raises(StepFailedError, match="/no/such/program"):
        planned.steps[1].do()
    assert shop.inspect(old)["State"]["Running"] is not fixed
    _assert_back(shop, planned, old)


def test_a_release_that_ends_at_once_fails_the_step_before_the_old_container_stops(shop: Shop) -> None:
    old = shop.start("v2")
    planned = switch(shop.platform(), shop.release("exits"))
    planned.steps[0].do()
    with pytest.raises(StepFailedError, match=r"ended with status 3; its last words: .*no such table: orders"):
        planned.steps[1].do()
    assert shop.inspect(old)["State"]["Running"]
    _assert_back(shop, planned, old)


def test_a_release_that_ends_after_the_one_look_is_not_taken_for_switched(shop: Shop) -> None:
    old = shop.start("v2", port=free_port())
    planned = switch(shop.platform(), shop.release("exits"))
    planned.steps[0].do()
    # It ends a moment after it was started: the step may have looked before or after that.
    with suppress(StepFailedError):
        planned.steps[1].do()
    time.sleep(0.5)
    assert planned.steps[1].done() is False
    _assert_back(shop, planned, old)


def _assert_back(shop: Shop, planned: Switch, old: str) -> None:
    carry_out(planned.back)
    assert shop.inspect()["Id"] == old
    assert shop.inspect()["State"]["Running"]
    assert shop.names() == {"shop"}


def test_an_unhealthy_release_fails_the_step_while_the_old_container_still_serves(shop: Shop) -> None:
    old = shop.start("v2")
    planned = switch(shop.platform(), shop.release("unready"))
    planned.steps[0].do()
    with pytest.raises(StepFailedError, match="is unhealthy"):
        planned.steps[1].do()
    assert shop.inspect(old)["State"]["Running"]
    carry_out(planned.back)
    assert shop.names() == {"shop"}


def test_a_health_check_that_never_answers_is_waited_for_in_bounded_time(shop: Shop) -> None:
    old = shop.start("v2", Healthcheck={"Test": ["CMD", "sleep", "60"], "Interval": 10**9, "Timeout": 10**11})
    planned = switch(shop.platform(within=1), shop.release("v1"))
    planned.steps[0].do()
    began = time.monotonic()
    with pytest.raises(StepFailedError, match="is starting"):
        planned.steps[1].do()
    assert time.monotonic() - began < 4
    assert shop.inspect(old)["State"]["Running"]


def test_a_port_that_another_process_took_is_named(shop: Shop) -> None:
    port = free_port()
    shop.start("v2", port=port)
    planned = switch(shop.platform(), shop.release("v1"))
    planned.steps[0].do()
    shop.engine.client.stop("shop", timeout=1)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        for step in (planned.steps[1], planned.back[0]):
            with pytest.raises(StepFailedError, match=rf"(?s){port}.*(in use|already allocated)"):
                step.do()
    carry_out(planned.back)
    assert get(port) == (200, "v2")


def test_an_old_container_that_somebody_removed_is_named_and_the_new_one_goes_on_serving(shop: Shop) -> None:
    port = free_port()
    old = shop.start("v2", port=port)
    planned = switch(shop.platform(), shop.release("v1"))
    carry_out(planned.steps)
    shop.engine.client.remove_container(old, force=True)
    with pytest.raises(StepFailedError, match="removed by somebody else"):
        planned.back[0].do()
    assert get(port) == (200, "v1")


def test_the_outage_of_a_container_with_a_fixed_port_is_short(shop: Shop) -> None:
    port = free_port()
    shop.start("v2", port=port)
    get(port)
    planned = switch(shop.platform(), shop.release("v1"))
    failed: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/up", timeout=1).read()
            except OSError:
                failed.append(time.monotonic())
            time.sleep(0.005)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        carry_out(planned.steps)
        get(port)
    finally:
        over.set()
        asker.join()
    assert failed
    assert failed[-1] - failed[0] < 2


def test_the_facts_of_a_plan_are_plain_data(shop: Shop) -> None:
    shop.start("v2", Env=["DB_PASSWORD=swordfish"])
    planned = switch(shop.platform(), shop.release("v1"))
    text = json.dumps([step.facts for step in (*planned.steps, *planned.back)])
    assert "swordfish" not in text
