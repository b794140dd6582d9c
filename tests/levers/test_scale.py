"""More replicas on a real engine, and by a command: exactly those that were added are removed again."""

from __future__ import annotations

import pytest

from runbook_lib.errors import CommandError, ConfigurationError, ParameterError, PlatformError
from runbook_lib.levers.how_many import wanted
from tests.levers.mitigating import KEY, Project, let_go, mitigate, plan, undo
from tests.platforms.conftest import shop, shop_images
from tests.platforms.docker_shop import Shop

__all__ = ["shop", "shop_images"]

DOCKER = f"""
[{KEY}]
platform = "docker"
url = "{{url}}"
approval.policy = "none"
checks.within = 10
[{KEY}.docker]
image = "shop"
label = "app=shop"
engine = "{{engine}}"
stop_timeout = 1
"""
LABELS = {"app": "shop", "colour": "blue"}
COMMAND = """
[LEVERS.scale]
run = ["sh", "-c", 'echo "$1" > serving', "sh", "{n}"]
count = ["cat", "serving"]
most = 5
timeout = 1
"""


def configured(project: Project, shop: Shop, text: str = DOCKER) -> None:
    project.configure(head=text.format(url=project.routes.url, engine=shop.engine.address))


def added(shop: Shop) -> list[str]:
    return sorted(name for name in shop.names() if ".more." in name)


@pytest.mark.real
@pytest.mark.slow
class TestContainers:
    def test_more_run_and_are_removed_again(self, project: Project, shop: Shop) -> None:
        first = shop.start(name="shop-1", Labels=LABELS, Env=["SECRET=x"])
        configured(project, shop)
        mitigate("scale", "+2")
        [one, two] = added(shop)
        made = shop.inspect(one)
        assert made["Config"]["Image"] == shop.images["v2"]
        assert "SECRET=x" in made["Config"]["Env"]
        assert made["Config"]["Labels"]["colour"] == "blue"
        assert made["State"]["Running"]
        assert project.says == ["in effect"]
        undo("scale")
        assert (shop.names(), shop.inspect("shop-1")["Id"]) == ({"shop-1"}, first)
        assert project.in_force == []
        assert two != one

    def test_what_others_started_meanwhile_stays(self, project: Project, shop: Shop) -> None:
        shop.start(name="shop-1", Labels=LABELS)
        configured(project, shop)
        mitigate("scale", "2")
        shop.start(name="shop-2", Labels=LABELS)
        undo("scale")
        assert shop.names() == {"shop-1", "shop-2"}

    def test_restart_policy_and_networks_go_along(self, project: Project, shop: Shop) -> None:
        network = shop.engine.client.create_network("back")["Id"]
        shop.start(name="shop-1", Labels=LABELS, host={"RestartPolicy": {"Name": "unless-stopped"}})
        shop.engine.client.connect_container_to_network("shop-1", network, aliases=["web"])
        configured(project, shop)
        mitigate("scale", "+1")
        made = shop.inspect(added(shop)[0])
        assert made["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
        assert "web" in made["NetworkSettings"]["Networks"]["back"]["Aliases"]

    def test_removed_by_hand_it_is_noticed(self, project: Project, shop: Shop) -> None:
        shop.start(name="shop-1", Labels=LABELS)
        configured(project, shop)
        mitigate("scale", "+1")
        shop.engine.client.remove_container(added(shop)[0], force=True)
        assert project.says == ["not in effect: undone by hand, or never come to be"]
        undo("scale")
        assert [event.data.get("by") for event in project.journal.events(kind="lifted")] == ["was undone by hand"]

    def test_stopped_by_hand_what_is_left_is_removed(self, project: Project, shop: Shop) -> None:
        shop.start(name="shop-1", Labels=LABELS)
        configured(project, shop)
        mitigate("scale", "+2")
        for name in added(shop):
            shop.engine.client.stop(name, timeout=1)
        assert project.says == ["not in effect: undone by hand, or never come to be"]
        undo("scale")
        assert shop.names() == {"shop-1"}

    def test_replicas_that_do_not_answer_are_taken_away(self, project: Project, shop: Shop) -> None:
        shop.start(name="shop-1", Labels=LABELS)
        configured(project, shop, DOCKER.replace("checks.within = 10", 'checks.within = 1\nchecks.up = "/nowhere"'))
        with pytest.raises(Exception, match=r"404 instead of 200.*all is as before"):
            mitigate("scale", "+1")
        assert (shop.names(), project.in_force) == ({"shop-1"}, [])

    def test_what_only_one_can_hold_is_refused(self, project: Project, shop: Shop) -> None:
        from tests.platforms.docker_shop import free_port

        shop.start(name="shop-1", Labels=LABELS, port=free_port())
        configured(project, shop)
        with pytest.raises(PlatformError, match="which no second one can have"):
            mitigate("scale", "+1")

    @pytest.mark.parametrize(("number", "when"), [(8, "after"), (10, "after"), (11, "before"), (13, "before")])
    def test_killed_and_given_again(self, project: Project, shop: Shop, number: int, when: str) -> None:
        shop.start(name="shop-1", Labels=LABELS)
        configured(project, shop)
        project.killed(number, when, "scale", "+2")
        mitigate("scale", "+2")
        assert len(added(shop)) == 2
        undo("scale")
        assert shop.names() == {"shop-1"}

    def test_killed_half_way_it_can_be_taken_back(self, project: Project, shop: Shop) -> None:
        shop.start(name="shop-1", Labels=LABELS)
        configured(project, shop)
        project.killed(10, "before", "scale", "+2")
        let_go()
        undo("scale")
        assert (shop.names(), project.in_force) == ({"shop-1"}, [])

    def test_by_name_the_plan_warns_of_rollbacks(self, project: Project, shop: Shop) -> None:
        shop.start(name="shop")
        configured(project, shop, DOCKER.replace('label = "app=shop"', 'container = "shop"'))
        assert "a rollback does not see the new ones" in str(plan("scale", "+1"))


def test_a_command_scales_and_scales_back(project: Project) -> None:
    (project.root / "serving").write_text("2\n")
    project.configure(COMMAND)
    mitigate("scale", "+2")
    assert (project.root / "serving").read_text() == "4\n"
    assert project.says == ["in effect"]
    undo("scale")
    assert (project.root / "serving").read_text() == "2\n"


def test_a_command_that_does_not_scale_goes_back(project: Project) -> None:
    (project.root / "serving").write_text("2\n")
    project.configure(COMMAND.replace('echo "$1" > serving', "true"))
    with pytest.raises(Exception, match="2 replicas serve instead of 3"):
        mitigate("scale", "3")
    assert project.in_force == []


def test_a_count_that_is_none_is_an_error(project: Project) -> None:
    (project.root / "serving").write_text("two\n")
    project.configure(COMMAND)
    with pytest.raises(CommandError, match=r"levers.scale.count prints no number: two"):
        mitigate("scale", "3")


@pytest.mark.parametrize("value", ["", "-1", "two", "1e9", "+", "++2", "3.5", "3; reboot", "٣", "99999", " 3"])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ParameterError, match="is no number of replicas"):
        wanted(value, 2, 20)


def test_fewer_or_too_many_are_refused() -> None:
    with pytest.raises(ParameterError, match="2 replicas serve already"):
        wanted("2", 2, 20)
    with pytest.raises(ParameterError, match="21 replicas are more than the 20"):
        wanted("+19", 2, 20)
    assert (wanted("+2", 2, 20), wanted("4", 2, 20)) == (4, 4)


def test_without_containers_or_a_command_the_key_to_add_is_named(project: Project) -> None:
    project.configure()
    with pytest.raises(ConfigurationError, match="only containers can be scaled") as caught:
        mitigate("scale", "+1")
    assert "levers.scale" in caught.value.next_step


def test_a_command_needs_a_place_for_the_number_and_a_count(project: Project) -> None:
    for lines, why in (('run = ["x", "{n}"]', "run and count go together"), ('run = ["x"]\ncount = ["y"]', "{n}")):
        project.configure(f"[LEVERS.scale]\n{lines}\n")
        with pytest.raises(ConfigurationError, match=why):
            mitigate("scale", "+1")
