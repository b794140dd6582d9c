"""Workers restarted: a real worker of a real Laravel application, under a supervisor and without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.errors import ConfigurationError, PlatformError, VerificationFailedError
from tests.levers.mitigating import Project, mitigate, plan
from tests.levers.working import working
from tests.real.databases import RedisServer
from tests.real.laravel_app import BASE

LEVER = '[LEVERS.workers]\nprocesses = ["pgrep", "-f", "name=%NAME%$"]\nwithin = 20\n'
OWN = """
[LEVERS.workers]
restart = "command"
run = ["sh", "-c", "echo $$-{run} > worker"]
processes = ["cat", "worker"]
where = "here"
within = 1
"""


@pytest.mark.real
@pytest.mark.slow
class TestLaravel:
    def test_every_worker_was_started_since(
        self, project: Project, installed: dict[str, Path], redis_server: RedisServer
    ) -> None:
        with working(project, installed[BASE], redis_server, LEVER) as shop:
            before = shop.pids()
            summary = mitigate("restart_workers")
            assert "succeeded" in summary
            assert shop.pids()
            assert not shop.pids() & before
            assert project.in_force == []

    def test_without_a_supervisor_nobody_starts_them_and_that_fails(
        self, project: Project, installed: dict[str, Path], redis_server: RedisServer
    ) -> None:
        lever = LEVER.replace("within = 20", "within = 8")
        with working(project, installed[BASE], redis_server, lever) as shop:
            (project.root / "stop").touch()
            with pytest.raises(VerificationFailedError, match="no worker runs at local: nothing starts them"):
                mitigate("restart_workers")
            assert shop.pids() == set()

    def test_no_worker_at_all_is_said_in_the_plan(
        self, project: Project, installed: dict[str, Path], redis_server: RedisServer
    ) -> None:
        with working(project, installed[BASE], redis_server, LEVER, supervised=False):
            assert "no worker runs: it only helps when something starts them" in str(plan("restart_workers"))


def test_with_a_command_of_your_own(project: Project) -> None:
    (project.root / "worker").write_text("1\n")
    project.configure(OWN)
    mitigate("restart_workers")
    assert (project.root / "worker").read_text() != "1\n"


def test_workers_that_are_the_ones_from_before_fail(project: Project) -> None:
    (project.root / "worker").write_text("1\n")
    project.configure(OWN.replace("echo $$-{run} > worker", "true"))
    with pytest.raises(VerificationFailedError, match="still the ones from before: 1"):
        mitigate("restart_workers")


def test_a_list_that_cannot_be_had_is_an_error(project: Project) -> None:
    project.configure(OWN.replace('["cat", "worker"]', '["sh", "-c", "echo no ps here; exit 9"]'))
    with pytest.raises(PlatformError, match="nothing tells which workers run at local: no ps here"):
        mitigate("restart_workers")


def test_without_laravel_the_key_to_add_is_named(project: Project) -> None:
    project.configure()
    with pytest.raises(ConfigurationError, match="it is no Laravel application") as caught:
        mitigate("restart_workers")
    assert "levers.workers" in caught.value.next_step
