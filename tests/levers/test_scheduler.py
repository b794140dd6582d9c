"""The scheduler halted: by commands, and read from a real Laravel's cache."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runbook_lib.actions.opening import configuration
from runbook_lib.config import Levers
from runbook_lib.config.levers import Pause
from runbook_lib.errors import ConfigurationError, InconclusiveError, PlatformError
from runbook_lib.levers.base import Request
from runbook_lib.levers.scheduler import PauseScheduler
from tests.levers.mitigating import Project, mitigate, undo
from tests.levers.working import working
from tests.real.databases import RedisServer
from tests.real.laravel_app import BASE

LEVER = """
[LEVERS.scheduler]
by = "command"
pause = ["touch", "halted"]
resume = ["rm", "-f", "halted"]
where = "here"
"""
PAUSED = 'paused = ["test", "-e", "halted"]\n'
_SET = (
    'require "vendor/autoload.php"; $app = require "bootstrap/app.php"; '
    '$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap(); '
    '$app->make("cache")->forever("illuminate:schedule:paused", true);'
)


def test_it_is_halted_and_goes_on(project: Project) -> None:
    project.configure(LEVER + PAUSED)
    mitigate("pause_scheduler")
    assert project.says == ["in effect"]
    undo("pause_scheduler")
    assert (project.root / "halted").exists() is False
    assert project.in_force == []


def test_without_a_probe_it_is_inconclusive(project: Project) -> None:
    project.configure(LEVER)
    with pytest.raises(InconclusiveError, match="nothing shows it"):
        mitigate("pause_scheduler")
    assert len(project.in_force) == 1


def test_a_command_that_halts_nothing_goes_back(project: Project) -> None:
    project.configure(LEVER.replace('["touch", "halted"]', '["true"]') + PAUSED)
    with pytest.raises(Exception, match="the scheduler is not halted"):
        mitigate("pause_scheduler")
    assert project.in_force == []


def test_horizon_does_not_halt_it(project: Project) -> None:
    project.configure('[LEVERS.scheduler]\nby = "horizon"\n')
    with pytest.raises(ConfigurationError, match="Horizon halts queues, not the scheduler"):
        mitigate("pause_scheduler")


def test_without_a_lever_the_key_to_add_is_named(project: Project) -> None:
    project.configure()
    with pytest.raises(ConfigurationError, match="pause_scheduler has no lever"):
        mitigate("pause_scheduler")


@pytest.mark.real
@pytest.mark.slow
def test_what_laravel_keeps_in_its_cache_is_read(
    project: Project, installed: dict[str, Path], redis_server: RedisServer
) -> None:
    with working(
        project, installed[BASE], redis_server, '[LEVERS.scheduler]\nby = "artisan"\n', supervised=False
    ) as shop:
        target = configuration(project.root).target("shop")
        lever = PauseScheduler(Request(target, "pause_scheduler", Levers(scheduler=Pause(by="artisan"))))
        before = {"places": ["local"]}
        assert lever.holds(before) is False
        assert target.environment.git is not None
        env = {**os.environ, **{name: str(value) for name, value in target.environment.git.env.items()}}
        subprocess.run(["php", "-r", _SET], cwd=installed[BASE], env=env, check=True, timeout=60)
        assert lever.holds(before) is True
        assert lever.effect(before).passed
        assert shop.waiting == 0
        with pytest.raises(PlatformError, match="has no `artisan schedule:pause`"):
            mitigate("pause_scheduler")
