"""The Git platform on other machines, over a real ssh server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.command import Command
from runbook_lib.errors import CommandError, DirtyCheckoutError, StepFailedError
from tests.connectors.sshd import Server, missing, running_server, unavailable
from tests.platforms.git_shop import Shop, alone, carry_out

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    reason = missing()
    if reason:
        unavailable(reason)
    with running_server(tmp_path_factory.mktemp("d")) as running:
        yield running


@pytest.fixture(params=["in-place", "releases"])
def shop(request: pytest.FixtureRequest, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    alone(monkeypatch)
    server.reach(monkeypatch)
    return Shop(tmp_path, request.param, hosts=("web-1",)).build()


def test_forward_and_back(shop: Shop, request: pytest.FixtureRequest) -> None:
    run = request.node.name
    switch = shop.switch("v1", run=run, install=[["sh", "-c", "echo $COLOUR > installed"]], env={"COLOUR": "blue"})
    carry_out(switch.steps)
    assert (shop.live(), shop.served()) == ("v1", "v1")
    assert (shop.live_folder / "installed").read_text() == "blue\n"
    carry_out(switch.back)
    assert (shop.live(), shop.served()) == ("v3", "v3")


def test_nothing_is_written_on_this_side(shop: Shop) -> None:
    carry_out(shop.switch("v1", run="far").steps)
    assert not (shop.folder / "state/commands").exists()


def test_a_failing_install_says_its_last_line(shop: Shop, request: pytest.FixtureRequest) -> None:
    switch = shop.switch("v1", run=request.node.name, install=[["sh", "-c", "echo 'disk full'; exit 255"]])
    with pytest.raises(StepFailedError, match="on web-1 ended with status 255: disk full"):
        carry_out(switch.steps)


def test_inside_the_live_release_and_its_logs(shop: Shop) -> None:
    (shop.live_folder / "a.log").write_text("2026-01-01T12:00:00Z boom\n")
    platform = shop.platform(logs=["a.log"])
    assert platform.read(shop.release("v3"), Command.of("cat", "version"))["web-1"].output == "v3\n"
    assert [(line.host, line.text) for line in platform.logs(0)] == [("web-1", "2026-01-01T12:00:00Z boom")]


def test_work_on_the_host_is_not_lost(shop: Shop) -> None:
    (shop.live_folder / "version").write_text("hand-made\n")
    if shop.layout == "releases":
        switch = shop.switch("v1", run="hand-made")
        carry_out(switch.steps)
        carry_out(switch.back)
        assert (shop.live_folder / "version").read_text() == "hand-made\n"
        return
    with pytest.raises(DirtyCheckoutError, match="on web-1 has uncommitted changes: version"):
        shop.platform().readings(shop.release("v1"))


def test_each_host_has_steps_of_its_own(shop: Shop) -> None:
    # Both names lead to one machine: the second one finds done what the first one did.
    two = Shop(shop.folder, shop.layout, hosts=("web-1", "web-2"))
    switch = two.switch("v1", run=f"two-{shop.layout}")
    assert [step.host for step in switch.steps] == sorted(step.host for step in switch.steps)
    assert {step.host for step in switch.steps} == {"web-1", "web-2"}
    assert two.platform().current().keys() == {"web-1", "web-2"}


def test_a_host_that_cannot_be_reached_is_named(shop: Shop) -> None:
    gone = Shop(shop.folder, shop.layout, hosts=("web-1", "nobody-there"))
    with pytest.raises(CommandError, match="nobody-there cannot be reached"):
        gone.platform().current()


def test_an_outer_git_does_not_mislead(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", os.devnull)
    assert shop.live() == "v3"
