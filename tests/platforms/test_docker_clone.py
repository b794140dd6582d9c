"""What of a container's configuration goes along to the new one: pure, from what an engine tells."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.platforms.base import Release
from runbook_lib.platforms.docker_clone import (
    clone,
    configuration_digest,
    exclusive,
    further_networks,
    one_off,
    refusal,
    restart_policy,
)

ID = "0123456789ab" + "0" * 52
RELEASE = Release("v1", "sha256:1")


def container(config: Any = None, host: Any = None, networks: Any = None, mounts: Any = None) -> dict[str, Any]:
    return {
        "Id": ID,
        "Name": "/shop",
        "Config": {"Hostname": ID[:12], "Image": "shop:v2", "Env": None, "Cmd": None, "Labels": {}, **(config or {})},
        "HostConfig": {"NetworkMode": "default", **(host or {})},
        "NetworkSettings": {"Networks": {"bridge": {}} if networks is None else networks},
        "Mounts": mounts or [],
    }


def cloned(image: Any = None, **parts: Any) -> dict[str, Any]:
    return clone(container(**parts), {"Config": image or {}}, RELEASE, "run-1")


def test_the_image_is_named_by_its_id() -> None:
    assert cloned()["Image"] == "sha256:1"


def test_labels_tell_the_release_the_run_and_what_was_replaced() -> None:
    earlier = {"runbook.release": "v9", "runbook.run": "run-0", "runbook.replaces": "older", "tier": "web"}
    assert cloned(config={"Labels": earlier})["Labels"] == {
        "tier": "web",
        "runbook.release": "v1",
        "runbook.run": "run-1",
        "runbook.replaces": ID,
    }


@pytest.mark.parametrize(
    ("image", "config", "kept"),
    [
        ({"Cmd": ["a"]}, {"Cmd": ["a"]}, {}),
        ({"Cmd": ["a"]}, {"Cmd": ["b"]}, {"Cmd": ["b"]}),
        ({"Entrypoint": ["e"], "Cmd": ["a"]}, {"Entrypoint": ["e"], "Cmd": ["b"]}, {"Cmd": ["b"]}),
        ({"Entrypoint": ["e"], "Cmd": ["a"]}, {"Entrypoint": ["x"], "Cmd": ["a"]}, {"Entrypoint": ["x"], "Cmd": ["a"]}),
        ({"Entrypoint": ["e"], "Cmd": ["a"]}, {"Entrypoint": ["x"], "Cmd": None}, {"Entrypoint": ["x"], "Cmd": None}),
        ({"Entrypoint": None}, {"Entrypoint": [], "Cmd": None}, {}),
    ],
)
def test_command_and_entrypoint(image: Any, config: Any, kept: Any) -> None:
    body = cloned(image, config=config)
    assert {key: body[key] for key in ("Entrypoint", "Cmd") if key in body} == kept


@pytest.mark.parametrize("key", ["WorkingDir", "User", "StopSignal", "Healthcheck", "Shell"])
def test_a_setting_of_the_image_is_dropped_and_one_of_the_container_kept(key: str) -> None:
    assert key not in cloned({key: "image's"}, config={key: "image's"})
    assert cloned({key: "image's"}, config={key: "own"})[key] == "own"


def test_variables_volumes_and_ports_of_the_image_are_dropped() -> None:
    image = {"Env": ["PATH=/bin", "A=1"], "Volumes": {"/data": {}}, "ExposedPorts": {"80/tcp": {}}}
    own = {"Env": ["PATH=/bin", "A=2", "B=1"], "Volumes": {"/data": {}, "/x": {}}, "ExposedPorts": {"80/tcp": {}}}
    body = cloned(image, config=own)
    assert (body["Env"], body["Volumes"], body["ExposedPorts"]) == (["A=2", "B=1"], {"/x": {}}, {})


def test_a_given_host_name_stays_and_a_made_up_one_goes() -> None:
    assert "Hostname" not in cloned()
    assert cloned(config={"Hostname": "shop-1"})["Hostname"] == "shop-1"


def test_anonymous_volumes_are_bound_by_name_and_bound_ones_left_alone() -> None:
    mounts = [
        {"Type": "volume", "Name": "f00", "Destination": "/data", "RW": True},
        {"Type": "volume", "Name": "f01", "Destination": "/fixed", "RW": False},
        {"Type": "volume", "Name": "orders", "Destination": "/orders", "RW": True},
        {"Type": "volume", "Name": "f02", "Destination": "/cache", "RW": True},
        {"Type": "bind", "Source": "/etc/shop", "Destination": "/config", "RW": True},
    ]
    host = {"Binds": ["orders:/orders", "/etc/shop:/config:ro"], "Mounts": [{"Type": "volume", "Target": "/cache"}]}
    body = cloned(host=host, mounts=mounts)
    assert body["HostConfig"]["Binds"] == ["orders:/orders", "/etc/shop:/config:ro", "f00:/data", "f01:/fixed:ro"]
    assert body["HostConfig"]["Mounts"] == [{"Type": "volume", "Target": "/cache", "Source": "f02"}]


def test_links_are_written_as_the_engine_takes_them() -> None:
    assert cloned(host={"Links": ["/db:/shop/database"]})["HostConfig"]["Links"] == ["db:database"]


def test_the_restart_policy_waits_until_the_container_goes_live() -> None:
    host = {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}
    assert cloned(host=host)["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert restart_policy(container(host=host))["Name"] == "always"
    assert restart_policy(container())["Name"] == "no"
    assert host["RestartPolicy"]["Name"] == "always", "what was read is not changed"


def test_networks_without_what_the_engine_adds() -> None:
    networks = {
        "back": {"Aliases": [ID[:12]], "IPAddress": "10.0.0.9", "IPAMConfig": {}, "MacAddress": "02:42"},
        "front": {"Aliases": ["web", ID[:12]], "NetworkID": "n1", "DriverOpts": {"a": "b"}},
    }
    seen = container(host={"NetworkMode": "front"}, networks=networks)
    assert clone(seen, {}, RELEASE, "r")["NetworkingConfig"]["EndpointsConfig"] == {
        "front": {"DriverOpts": {"a": "b"}, "Aliases": ["web"]}
    }
    assert further_networks(seen) == {"back": {}}


@pytest.mark.parametrize("mode", ["host", "none", "container:abc"])
def test_no_network_of_its_own(mode: str) -> None:
    assert cloned(host={"NetworkMode": mode})["NetworkingConfig"] == {"EndpointsConfig": {}}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, ""),
        ({"host": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}}}, "port 8080 of the host"),
        ({"host": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "0"}], "81/tcp": None}}}, ""),
        ({"host": {"NetworkMode": "host"}}, "the network of host"),
        ({"host": {"NetworkMode": "container:db"}}, "the network of container db"),
        (
            {"networks": {"bridge": {"IPAMConfig": {"IPv4Address": "10.0.0.9"}}}},
            "a fixed address in the network bridge",
        ),
        ({"networks": {"bridge": {"IPAMConfig": {}}}}, ""),
        ({"config": {"MacAddress": "02:42:ac:11:00:03"}}, "a fixed MAC address"),
    ],
)
def test_what_only_one_container_can_hold(parts: Any, expected: str) -> None:
    assert exclusive(container(**parts)) == expected


def test_what_cannot_be_replaced() -> None:
    assert refusal(container()) == ("", "")
    assert "--rm" in refusal(container(host={"AutoRemove": True}))[0]
    assert "swarm" in refusal(container(config={"Labels": {"com.docker.swarm.task.id": "t"}}))[0]


def test_the_digest_covers_what_can_change_and_no_state() -> None:
    first = configuration_digest(container())
    assert configuration_digest(container(networks={"bridge": {"IPAddress": "10.0.0.5", "EndpointID": "e"}})) == first
    assert configuration_digest(container(networks={"bridge": {}, "more": {}})) != first
    assert configuration_digest(container(host={"Memory": 1})) != first


def test_a_container_for_one_command_publishes_nothing_and_is_not_found() -> None:
    body = cloned(
        config={"Labels": {"app": "shop"}, "Env": ["A=1"], "MacAddress": "02:42"},
        host={"PortBindings": {"80/tcp": [{"HostPort": "80"}]}},
        networks={"bridge": {"Aliases": ["web"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}}},
    )
    once = one_off(body, ["php", "artisan"], {"B": "2"}, "/app")
    assert (once["Entrypoint"], once["Cmd"], once["Env"]) == (["php"], ["artisan"], ["A=1", "B=2"])
    assert (once["Labels"], once["HostConfig"]["PortBindings"], once["WorkingDir"]) == ({}, {}, "/app")
    assert once["NetworkingConfig"]["EndpointsConfig"] == {"bridge": {"Aliases": [], "IPAMConfig": None}}
    assert "MacAddress" not in once
    assert body["Labels"]["app"] == "shop", "the body itself is not changed"
