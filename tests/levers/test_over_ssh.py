"""Levers on hosts that are reached by ssh: done, in force, undone. Two names lead to one real server."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from runbook_lib.levers import limit_probe
from tests.connectors.conftest import server, started_server
from tests.connectors.sshd import Server, unavailable
from tests.levers.mitigating import KEY, Project, mitigate, undo
from tests.levers.test_rate_limit import snippet
from tests.real import laravel_app
from tests.real.balancers import Balancer

__all__ = ["server", "started_server"]
pytestmark = [pytest.mark.real, pytest.mark.slow]

# What tells the hosts apart is the folder of their own that each command of a host gets.
HEAD = """
[{key}]
platform = "git"
url = "{url}"
git = {{ path = "{path}", hosts = ["web-1", "web-2"], restart = [["sh", "-c", "echo $$ > started"]] }}
approval.policy = "none"
checks.within = 3
"""
WORKER = 'echo "$1" >> workers; setsid sleep 300 >/dev/null 2>&1 & echo $! > worker.pid'
LEVERS = """
[LEVERS.commands.close_checkout]
run = ["sh", "-c", "printf %s \\"$1\\" > closed", "sh", "{value}"]
undo = ["rm", "-f", "closed"]
done = ["test", "-e", "closed"]
where = "each"

[LEVERS.features.search]
disable = ["rm", "search is on"]
enable = ["touch", "search is on"]
enabled = ["test", "-e", "search is on"]
where = "first"

[LEVERS.scheduler]
by = "command"
pause = ["touch", "scheduler is halted"]
resume = ["rm", "-f", "scheduler is halted"]
paused = ["test", "-e", "scheduler is halted"]
where = "first"

[LEVERS.queues]
by = "command"
pause = ["touch", "queues are halted"]
resume = ["rm", "-f", "queues are halted"]
paused = ["test", "-e", "queues are halted"]
where = "each"

[LEVERS.scale]
run = ["sh", "-c", "echo \\"$1\\" > size", "sh", "{n}"]
count = ["cat", "size"]
where = "first"
timeout = 5

[LEVERS.restart]
run = ["sh", "-c", "echo $$ > started"]
identity = ["cat", "started"]

[LEVERS.workers]
restart = "command"
run = ["sh", "-c", "kill $(cat worker.pid); sleep 60 & echo $! > worker.pid"]
processes = ["sh", "-c", "pid=$(cat worker.pid); kill -0 $pid && echo $pid"]
where = "first"
within = 10

[LEVERS.disk]
run = ["rm", "-f", "old.log"]
path = "."
percent = 1
where = "each"
"""


@pytest.fixture
def there(project: Project, server: Server) -> Iterator[Path]:
    """The application's folder on the hosts, with everything running."""
    folder = Path(tempfile.mkdtemp(prefix="rb-there-", dir="/tmp"))
    for name, text in {"search is on": "", "size": "2", "started": "1", "old.log": "x"}.items():
        (folder / name).write_text(text)
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=shop", "-c", "user.email=shop@shop.example"]
    for words in (["init", "--quiet"], ["add", "started"], ["commit", "--quiet", "-m", "v1"], ["tag", "v1"]):
        subprocess.run(["git", *who, *words], cwd=folder, env=env, check=True)
    worker = subprocess.Popen(["sleep", "300"])
    (folder / "worker.pid").write_text(str(worker.pid))
    project.configure(LEVERS, head=HEAD.format(key=KEY, url=project.routes.url, path=folder))
    try:
        yield folder
    finally:
        subprocess.run(["sh", "-c", 'kill $(cat "$1")', "sh", folder / "worker.pid"], check=False, capture_output=True)
        worker.kill()
        worker.wait()
        subprocess.run(["rm", "-r", folder], check=True)


@pytest.mark.parametrize(
    ("action", "value", "file", "stands"),
    [
        ("close_checkout", "fraud", "closed", True),
        ("disable_features", "search", "search is on", False),
        ("pause_scheduler", "", "scheduler is halted", True),
        ("pause_queues", "", "queues are halted", True),
    ],
)
def test_it_is_done_on_the_hosts_in_force_and_undone(
    project: Project, there: Path, action: str, value: str, file: str, stands: bool
) -> None:
    mitigate(action, value)
    assert (there / file).exists() is stands
    assert not (project.root / file).exists()
    assert project.says == ["in effect"]
    undo(action, value)
    assert (there / file).exists() is not stands
    assert project.in_force == []


def test_more_replicas_and_as_many_as_before(project: Project, there: Path) -> None:
    mitigate("scale", "+2")
    assert (there / "size").read_text().strip() == "4"
    assert project.says == ["in effect"]
    undo("scale")
    assert ((there / "size").read_text().strip(), project.in_force) == ("2", [])


def test_what_somebody_undid_on_a_host_is_noticed(project: Project, there: Path) -> None:
    mitigate("pause_scheduler")
    (there / "scheduler is halted").unlink()
    assert project.says == ["not in effect: undone by hand, or never come to be"]
    undo("pause_scheduler")
    assert [event.data.get("by") for event in project.journal.events(kind="lifted")] == ["was undone by hand"]


def test_the_application_and_the_workers_are_started_anew(project: Project, there: Path) -> None:
    mitigate("restart")
    assert (there / "started").read_text().strip() != "1"
    before = (there / "worker.pid").read_text()
    mitigate("restart_workers")
    assert (there / "worker.pid").read_text() != before
    assert project.in_force == []


def test_room_is_made_on_each_host(project: Project, there: Path) -> None:
    mitigate("free_disk")
    assert not (there / "old.log").exists()
    steps = [event.data["step"] for event in project.journal.events(kind="step finished")]
    assert [step.split(".")[1] for step in steps if "free" in step] == ["web-1", "web-2"]


def test_a_real_laravel_on_a_host_goes_into_maintenance_mode_and_back(
    project: Project, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason := laravel_app.missing():
        unavailable(reason)
    monkeypatch.setenv("BYPASS", "way-in-7f3a91")
    application = laravel_app.install(laravel_app.build_repository(tmp_path / "there"))
    with laravel_app.serving(application, {"CACHE_DRIVER": "array", "SESSION_DRIVER": "array"}) as url:
        one_host = HEAD.replace('"web-1", "web-2"', '"web-1"').format(key=KEY, url=url, path=application)
        smoke = 'smoke = [{ name = "page", path = "/version" }]'
        project.configure(
            head=one_host.replace("checks.within = 3", ""),
            laravel='database = "sqlite"\nbypass = { env = "BYPASS" }',
            checks=f"within = 5\n{smoke}",
        )
        mitigate("maintenance")
        assert requests.get(f"{url}/version", timeout=5).status_code == 503
        assert (application / "storage" / "framework" / "down").exists()
        assert project.says == ["in effect"]
        undo("maintenance")
        assert requests.get(f"{url}/version", timeout=5).status_code == 200
        assert project.in_force == []


def test_nginx_on_a_host_of_its_own(
    project: Project, server: Server, nginx: Balancer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit_probe, "SETTLES", 3.0)
    words = f'"/usr/sbin/nginx", "-c", "{nginx.folder}/nginx.conf", "-e", "{nginx.folder}/error.log"'
    project.configure(
        f'[LEVERS.rate_limit]\nby = "nginx"\nhost = "web-1"\nfile = "{snippet(nginx)}"\ntest = [{words}, "-t"]\n'
        f'reload = [{words}, "-s", "reload"]\n',
        head=HEAD.format(key=KEY, url=nginx.url, path="/srv/shop"),
    )
    mitigate("rate_limit", "5")
    assert project.says == ["in effect"]
    undo("rate_limit")
    assert (snippet(nginx).exists(), project.in_force) == (False, [])
