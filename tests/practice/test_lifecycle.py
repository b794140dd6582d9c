"""Starting, repairing, stopping and resetting, with real processes."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib import config, practice
from runbook_lib.errors import LockHeldError, PracticeError
from runbook_lib.laravel.sql import rows_of, sql_command
from runbook_lib.platforms import platform_of
from runbook_lib.platforms.base import find_release
from runbook_lib.practice import building, deployment, server
from runbook_lib.practice.ground import ENVIRONMENTS, FORMAT, Ground, Marker
from runbook_lib.run.journal import Journal
from runbook_lib.run.standing import Standing

Pids = Callable[[Path], set[int]]

START = "import sys; from pathlib import Path; from runbook_lib import practice; practice.start(Path(sys.argv[1]))"

pytestmark = pytest.mark.slow


def starting(project: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", START, str(project)], stderr=subprocess.DEVNULL)


def releases(project: Path) -> set[tuple[str, str]]:
    """What is deployed and what serves, over both environments."""
    return {(at.release, at.serves) for at in practice.status(project).environments.values()}


def urls(project: Path) -> set[str]:
    return {at.url for at in practice.status(project).environments.values()}


def ended(pids: set[int], within: float) -> bool:
    deadline = time.monotonic() + within
    while any(_lives(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_first_start_ends_with_the_bad_release_live_in_both(project: Path, lines: list[str]) -> None:
    practice.start(project, lines.append)
    found = practice.status(project)
    assert (found.state, found.traffic) == ("running", "running")
    assert releases(project) == {("v1.5.0", "v1.5.0")}
    assert {at.health for at in found.environments.values()} == {"failing"}
    assert lines[:2] == ["building the practice environment", "shop/staging: v1.4.2"]


def test_good_release_was_live_before_and_is_recorded(project: Path) -> None:
    target = config.load(practice.start(project)).target("", "production")
    good = find_release(platform_of(target).releases(), "v1.4.2")
    assert Standing.of(Journal(target.state), "shop/production").word(good.id) == "known good"
    assert Standing.of(Journal(target.state), "shop/staging").word(good.id) == "known good"


def test_ensure_is_light_once_all_runs(running: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from runbook_lib import practice\n"
        f"practice.ensure(Path({str(running)!r}))\n"
        "print(*(name for name in ('git', 'docker', 'runbook_lib.platforms') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_configuration_file_is_known_without_a_start(project: Path) -> None:
    file = practice.configuration_file(project)
    assert not file.exists()
    assert list(project.iterdir()) == []
    assert practice.ensure(project) == file


def test_ensure_says_nothing_when_all_runs(running: Path, lines: list[str]) -> None:
    assert practice.ensure(running, lines.append) == running / ".runbooks" / "practice" / "runbooks.toml"
    assert lines == []


def test_ensure_renews_the_traffic(running: Path) -> None:
    lease = Ground.of(running).lease
    os.utime(lease, (1, 1))
    practice.ensure(running)
    assert time.time() - lease.stat().st_mtime < 60


def test_killed_processes_are_started_again_and_the_release_stays(project: Path, pids: Pids) -> None:
    practice.start(project)
    production = deployment.targets(Ground.of(project))[1]
    deployment.deploy(production, "v1.4.2", deployment.new_run())
    killed = pids(project)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    assert ended(killed, within=1)
    practice.ensure(project)
    at = practice.status(project).environments["production"]
    assert (at.release, at.serves, at.health) == ("v1.4.2", "v1.4.2", "healthy")


def test_status_of_a_killed_shop_is_degraded(project: Path) -> None:
    practice.start(project)
    pid = practice.status(project).environments["production"].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    found = practice.status(project)
    assert found.state == "degraded"
    assert found.environments["production"].health == "down"
    assert found.environments["production"].release == "v1.5.0"


def test_starts_at_the_same_time_do_not_collide(project: Path, pids: Pids) -> None:
    at_once = [starting(project) for _ in range(4)]
    assert [process.wait(timeout=60) for process in at_once] == [0, 0, 0, 0]
    assert practice.status(project).state == "running"
    shops = subprocess.run(["pgrep", "-f", str(project)], capture_output=True, text=True).stdout.split()
    assert {int(pid) for pid in shops} == pids(project)


def test_two_checkouts_started_at_once_do_not_collide(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    try:
        at_once = [starting(project), starting(other)]
        assert [process.wait(timeout=60) for process in at_once] == [0, 0]
        assert len(urls(project) | urls(other)) == 4
        practice.stop(other)
        assert practice.status(project).state == "running"
    finally:
        practice.stop(other)


@pytest.mark.parametrize("after", [0.15, 0.3, 0.5, 0.7, 0.9, 1.1])
def test_a_first_start_killed_on_the_way_is_repaired_by_the_next(project: Path, pids: Pids, after: float) -> None:
    killed = starting(project)
    time.sleep(after)
    killed.kill()
    killed.wait()
    practice.start(project)
    assert practice.status(project).state == "running"
    assert releases(project) == {("v1.5.0", "v1.5.0")}
    shops = subprocess.run(["pgrep", "-f", str(project)], capture_output=True, text=True).stdout.split()
    assert {int(pid) for pid in shops} == pids(project)


def test_a_port_taken_by_another_program_is_replaced(project: Path, lines: list[str]) -> None:
    practice.start(project)
    old = Marker.read(Ground.of(project))
    assert old is not None
    practice.stop(project)
    with socket.create_server(("127.0.0.1", old.ports["production"])):
        practice.start(project, lines.append)
        found = practice.status(project)
    assert found.state == "running"
    assert f":{old.ports['production']}" not in found.environments["production"].url
    assert found.environments["staging"].url.endswith(str(old.ports["staging"]))
    assert found.environments["production"].url in Ground.of(project).configuration.read_text()
    assert any("is taken by another program" in line for line in lines)


def test_stop_ends_all_processes_and_leaves_the_files(project: Path, pids: Pids) -> None:
    practice.start(project)
    before = pids(project)
    assert len(before) == 8
    parts = [f"{name}{part}" for name in ENVIRONMENTS for part in ("", " worker", " store")]
    assert practice.stop(project) == ["traffic", "provider", *parts]
    assert ended(before, within=1)
    assert practice.status(project).state == "stopped"
    assert Ground.of(project).configuration.exists()
    assert practice.stop(project) == []


def test_start_after_stop_takes_up_where_it_was(project: Path) -> None:
    practice.start(project)
    before = urls(project)
    practice.stop(project)
    practice.start(project)
    assert urls(project) == before


def test_processes_end_by_themselves_when_the_folder_vanishes(project: Path, pids: Pids) -> None:
    practice.start(project)
    before = pids(project)
    shutil.rmtree(project / ".runbooks")
    assert ended(before, within=6)


def test_a_moved_checkout_is_built_anew(project: Path, tmp_path: Path, pids: Pids) -> None:
    practice.start(project)
    before = pids(project)
    moved = tmp_path / "moved"
    project.rename(moved)
    project.mkdir()
    try:
        practice.ensure(moved)
        assert practice.status(moved).state == "running"
        assert releases(moved) == {("v1.5.0", "v1.5.0")}
        assert ended(before, within=6)
    finally:
        practice.stop(moved)


def test_a_deleted_environment_is_built_anew(project: Path) -> None:
    practice.start(project)
    practice.stop(project)
    shutil.rmtree(Ground.of(project).site("staging").folder)
    practice.start(project)
    assert practice.status(project).state == "running"


def test_an_interpreter_that_is_gone_is_replaced(project: Path) -> None:
    practice.start(project)
    ground = Ground.of(project)
    marker = Marker.read(ground)
    assert marker is not None
    Marker(marker.ports, "/gone/python", marker.server).write(ground)
    practice.ensure(project)
    repaired = Marker.read(ground)
    assert repaired is not None
    assert repaired.python == sys.executable
    assert sys.executable in ground.site("staging").restart.read_text()


def test_reset_brings_the_bad_release_back_and_keeps_the_journal(project: Path) -> None:
    practice.start(project)
    ground = Ground.of(project)
    deployment.deploy(deployment.targets(ground)[0], "v1.4.2", deployment.new_run())
    journal = ground.folder.parent / "journal.db"
    before = journal.stat().st_ino
    practice.reset(project)
    assert releases(project) == {("v1.5.0", "v1.5.0")}
    assert journal.stat().st_ino == before


def test_reset_is_refused_while_a_run_is_at_work(running: Path) -> None:
    with deployment.locked(Ground.of(running), "rollback-1"), pytest.raises(LockHeldError):
        practice.reset(running)
    assert practice.status(running).state == "running"


def test_an_environment_of_an_older_layout_is_built_anew(project: Path, lines: list[str]) -> None:
    ground = Ground.of(project)
    practice.start(project)
    practice.stop(project)
    ground.marker.write_text(ground.marker.read_text().replace(f'"format": {FORMAT}', '"format": 1'))
    ground.site("staging").database.unlink()
    practice.ensure(project, lines.append)
    assert lines[0] == "building the practice environment"
    assert practice.status(project).state == "running"
    assert ground.site("staging").database.is_file()


def test_a_lost_database_is_built_anew(project: Path) -> None:
    practice.start(project)
    practice.stop(project)
    database = Ground.of(project).site("production").database
    for file in database.parent.glob("shop.db*"):
        file.unlink()
    practice.start(project)
    assert database.is_file()
    assert practice.status(project).state == "running"


def asked(target: config.Target, statement: str) -> list[dict[str, Any]]:
    """Rows of the database behind what is live."""
    assert target.environment.laravel is not None
    connector, command = platform_of(target).live(sql_command(target.environment.laravel, statement), "local")
    return rows_of(connector.read(command))


def test_deployments_brought_their_migrations_in_two_batches(running: Path) -> None:
    statement = "SELECT batch, count(*) AS migrations FROM migrations GROUP BY batch ORDER BY batch"
    for target in deployment.targets(Ground.of(running)):
        assert asked(target, statement) == [{"batch": 1, "migrations": 6}, {"batch": 2, "migrations": 2}]


def test_orders_are_stored_in_each_environment(running: Path) -> None:
    deadline = time.monotonic() + 5
    for target in deployment.targets(Ground.of(running)):
        while asked(target, "SELECT count(*) AS orders FROM orders") == [{"orders": 0}]:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_deployment_goes_through_the_git_platform(running: Path) -> None:
    from runbook_lib.platforms import platform_of
    from runbook_lib.platforms.git import GitPlatform

    platform = platform_of(deployment.targets(Ground.of(running))[1])
    assert isinstance(platform, GitPlatform)
    assert [release.tag for release in platform.releases()] == ["v1.5.0", "v1.4.2", "v1.4.1", "v1.4.0"]
    assert platform.current()["local"].tag == "v1.5.0"


def test_the_platform_finds_the_errors_in_the_log(running: Path) -> None:
    from runbook_lib.platforms import platform_of

    platform = platform_of(deployment.targets(Ground.of(running))[1])
    deadline = time.monotonic() + 5
    while not any("PriceMissing" in line.text for line in platform.logs(0)):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_traffic_reaches_both_environments(running: Path) -> None:
    time.sleep(1)
    for at in practice.status(running).environments.values():
        _, text = deployment.ask(at.url, "/metrics", 2)
        assert 'http_requests_total{route="/checkout",status="500"}' in text


def test_a_path_through_a_link_is_the_same_project(running: Path, tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "link").symlink_to(running)
    practice.ensure(tmp_path / "link", lines.append)
    assert lines == []


def test_git_of_the_project_does_not_see_it(running: Path) -> None:
    assert (running / ".runbooks" / "practice" / ".gitignore").read_text() == "*\n"


def test_a_file_where_the_folder_should_be_is_explained(project: Path) -> None:
    (project / ".runbooks").write_text("")
    with pytest.raises(PracticeError, match="cannot be used") as caught:
        practice.start(project)
    assert caught.value.next_step
    (project / ".runbooks").unlink()


@pytest.mark.parametrize(
    ("number", "next_step"),
    [(errno.EROFS, "may write"), (errno.EACCES, "may write"), (errno.ENOSPC, "disk space")],
)
def test_what_the_system_refuses_is_explained(
    project: Path, monkeypatch: pytest.MonkeyPatch, number: int, next_step: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(project))

    monkeypatch.setattr(building, "_lay_out", refuse)
    with pytest.raises(PracticeError) as caught:
        practice.start(project)
    assert next_step in caught.value.next_step


def test_without_a_free_port_it_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "free", lambda port: False)
    with pytest.raises(PracticeError, match="no free port"):
        practice.start(project)


def test_without_git_it_says_so(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PracticeError, match="there is no git"):
        practice.start(project)


def test_ports_lie_below_those_of_outgoing_connections(running: Path) -> None:
    marker = Marker.read(Ground.of(running))
    assert marker is not None
    assert set(marker.ports) == set(Ground.of(running).ports)
    assert all(20_000 <= port < 30_000 for port in marker.ports.values())
