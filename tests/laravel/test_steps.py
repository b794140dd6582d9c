"""Steps of artisan commands inside what is live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pytest

from runbook_lib.config import AfterSwitch, Environment, Laravel
from runbook_lib.errors import StepFailedError
from runbook_lib.laravel.artisan import CACHE_CLEAR_ERASES, Artisan
from runbook_lib.laravel.steps import after_switch, artisan, on_host, warnings
from runbook_lib.run.plan import Step
from tests.actions.application import Application

HOSTS = ("web-1", "web-2")


def steps(application: Application, **laravel: Any) -> list[Step]:
    return list(after_switch(Laravel(database="mysql", **laravel), application, HOSTS, "production", "run-1"))


def test_commands_run_in_their_order_on_one_host_after_the_other() -> None:
    application = Application()
    for step in steps(application, after_switch=["view:clear", "config:clear", "queue:restart"]):
        step.do()
    names = ["view:clear", "config:clear", "queue:restart"]
    assert application.ran == [(host, name) for host in HOSTS for name in names]


def test_nothing_is_run_before_a_step_is_done() -> None:
    application = Application()
    assert len(steps(application)) == 10
    assert application.ran == []


@pytest.mark.parametrize("name", get_args(AfterSwitch))
def test_every_command_that_may_be_configured_is_the_one_that_runs(name: str) -> None:
    application = Application(hosts=("web-1",))
    [step, *_] = steps(application, after_switch=[name], php=["php8.3"])
    assert step.shows[0].startswith(f"php8.3 artisan {name} ")
    step.do()
    assert application.names == [name]


def test_steps_have_ids_of_their_own_and_can_be_repeated() -> None:
    made = steps(Application(), after_switch=["config:clear", "queue:restart"])
    assert [step.id for step in made] == [
        f"production.{host}.{name}" for host in HOSTS for name in ("config-clear", "queue-restart")
    ]
    assert all(step.repeatable and step.no_undo for step in made)
    assert [step.host for step in made] == ["web-1", "web-1", "web-2", "web-2"]


def test_none_configured_is_no_step() -> None:
    assert steps(Application(), after_switch=[]) == []


def test_a_command_runs_in_the_applications_folder() -> None:
    application = Application()
    steps(application, folder="backend")[0].do()
    assert application.commands[0].cwd == "backend"


def test_a_step_is_done_only_after_its_command_ended_well() -> None:
    application = Application(failing={"queue:restart"})
    step = on_host(application, "web-2", "p", "run-1", "restart", "restart", Artisan(".", 13).queue_restart())
    assert not step.done()
    with pytest.raises(StepFailedError, match="on web-2 ended with status 1: queue:restart does not work here"):
        step.do()
    assert not step.done()
    application.failing.clear()
    step.do()
    assert step.done()


def environment(more: Mapping[str, Any] = {}, **laravel: Any) -> Environment:
    git = {"platform": "git", "url": "http://127.0.0.1:9", "git": {"path": "shop"}}
    return Environment.model_validate({**git, "laravel": {"database": "mysql", **laravel}, **more})


def test_emptying_the_cache_store_is_warned_of() -> None:
    found = warnings(environment(after_switch=["config:clear", "cache:clear"]))
    assert found == [f"cache:clear erases {what}" for what in CACHE_CLEAR_ERASES]
    assert any("maintenance mode" in text for text in found)


def test_what_only_forgets_compiled_files_is_not_warned_of() -> None:
    assert warnings(environment()) == []


def test_queued_jobs_in_redis_may_be_erased_with_the_cache() -> None:
    queues = {"redis": {"url": {"env": "REDIS_URL"}}, "queues": {"store": "redis"}}
    found = warnings(environment(queues, after_switch=["cache:clear"]))
    assert "redis.url" in found[-1]


def test_php_and_folder_are_as_configured() -> None:
    assert artisan(Laravel(database="mysql", php=["sudo", "php"], folder="backend")) == Artisan(
        "backend", 13, ("sudo", "php")
    )
    assert artisan(Laravel(database="mysql")).folder == "."
