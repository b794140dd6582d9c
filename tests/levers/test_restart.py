"""The application restarted, one host or replica after the other, on the real engine and in a real checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from runbook_lib.errors import ConfigurationError, ParameterError, StepFailedError, VerificationFailedError
from tests.levers.mitigating import KEY, Project, mitigate
from tests.levers.test_scale import DOCKER, LABELS
from tests.platforms.conftest import shop, shop_images
from tests.platforms.docker_shop import Shop

__all__ = ["shop", "shop_images"]

# Its pid is in a file; what serves it is no matter here.
RESTART = '["sh", "-c", "cat pid >> log; echo $$ > pid"]'


@pytest.fixture
def checkout(project: Project) -> Path:
    folder = project.root / "shop"
    folder.mkdir()
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"], ["tag", "v1"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@shop.example"]
        subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)
    (folder / "pid").write_text("1\n")
    return folder


def configured(project: Project, restart: str = RESTART, more: str = "") -> None:
    head = f"""
[{KEY}]
platform = "git"
url = "{project.routes.url}"
git = {{ path = "shop", restart = [{restart}] }}
approval.policy = "none"
checks.within = 1
"""
    project.configure(more, head=head)


def log(checkout: Path) -> list[str]:
    file = checkout / "log"
    return file.read_text().split() if file.exists() else []


class TestCheckout:
    def test_the_commands_of_the_platform_are_used(self, project: Project, checkout: Path) -> None:
        configured(project)
        assert "look whether it helped" in mitigate("restart")
        assert len(log(checkout)) == 1
        assert project.in_force == []

    def test_each_command_to_restart_restarts_again(self, project: Project, checkout: Path) -> None:
        configured(project)
        mitigate("restart")
        mitigate("restart")
        assert len(log(checkout)) == 2

    def test_a_service_that_is_not_healthy_afterwards_fails(self, project: Project, checkout: Path) -> None:
        configured(project)
        project.routes.statuses["/ready"] = 503
        with pytest.raises(VerificationFailedError, match=r"/ready.*503"):
            mitigate("restart")
        assert len(log(checkout)) == 1

    def test_a_host_that_is_worse_afterwards_stops_it(self, project: Project, checkout: Path) -> None:
        configured(project)

        class Worse(dict[str, int]):
            def get(self, path: str, default: int = 404) -> int:  # type: ignore[override]
                return 500 if path == "/up" and log(checkout) else super().get(path, default)

        project.routes.statuses = Worse(project.routes.statuses)
        with pytest.raises(StepFailedError, match="after the restart on local: /up"):
            mitigate("restart")

    def test_a_command_of_its_own_is_proven_by_the_identity(self, project: Project, checkout: Path) -> None:
        configured(project, more=f'[LEVERS.restart]\nrun = {RESTART}\nidentity = ["cat", "pid"]\n')
        mitigate("restart")
        configured(project, more='[LEVERS.restart]\nrun = ["true"]\nidentity = ["cat", "pid"]\n')
        with pytest.raises(VerificationFailedError, match="the process at local is the one from before"):
            mitigate("restart")

    @pytest.mark.slow
    @pytest.mark.parametrize(("number", "when"), [(5, "after"), (6, "before"), (6, "after"), (8, "before")])
    def test_killed_and_given_again_it_is_restarted_once(
        self, project: Project, checkout: Path, number: int, when: str
    ) -> None:
        configured(project)
        project.killed(number, when, "restart")
        mitigate("restart")
        assert len(log(checkout)) == 1

    def test_without_a_command_the_key_to_add_is_named(self, project: Project, checkout: Path) -> None:
        configured(project, restart="")
        with pytest.raises(ConfigurationError, match=r"git\.restart is empty") as caught:
            mitigate("restart")
        assert "levers.restart" in caught.value.next_step

    def test_it_takes_no_value(self, project: Project, checkout: Path) -> None:
        configured(project)
        with pytest.raises(ParameterError, match="takes no value"):
            mitigate("restart", "now")


@pytest.mark.real
@pytest.mark.slow
class TestContainers:
    def configured(self, project: Project, shop: Shop) -> None:
        project.configure(head=DOCKER.format(url=project.routes.url, engine=shop.engine.address))

    def test_each_is_restarted_and_stays_the_same_container(self, project: Project, shop: Shop) -> None:
        ids = [shop.start(name=name, Labels=LABELS) for name in ("shop-1", "shop-2")]
        before = [shop.inspect(one)["State"]["StartedAt"] for one in ids]
        self.configured(project, shop)
        mitigate("restart")
        after = [shop.inspect(one)["State"]["StartedAt"] for one in ids]
        assert all(was != now for was, now in zip(before, after, strict=True))
        assert after == sorted(after)
        assert shop.names() == {"shop-1", "shop-2"}

    def test_one_that_stopped_serves_again(self, project: Project, shop: Shop) -> None:
        shop.start(name="shop")
        shop.engine.client.stop("shop", timeout=1)
        text = DOCKER.replace('label = "app=shop"', 'container = "shop"')
        project.configure(head=text.format(url=project.routes.url, engine=shop.engine.address))
        mitigate("restart")
        assert shop.inspect("shop")["State"]["Running"]

    def test_one_that_does_not_come_up_stops_it(self, project: Project, shop: Shop) -> None:
        script = ["sh", "-c", "[ -e /started ] && exit 3; touch /started; sleep 300"]
        shop.start(name="shop-1", Labels=LABELS, Entrypoint=script)
        second = shop.start(name="shop-2", Labels=LABELS)
        before = shop.inspect(second)["State"]["StartedAt"]
        self.configured(project, shop)
        with pytest.raises(StepFailedError, match="shop-1 ended with status 3"):
            mitigate("restart")
        assert shop.inspect(second)["State"]["StartedAt"] == before
