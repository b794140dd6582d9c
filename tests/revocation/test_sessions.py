"""Sessions in files and in a real Redis: counted and ended, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import redis

from runbook_lib.command import Command
from runbook_lib.config import Revocation, Service, Target
from runbook_lib.revocation.sessions import count_files, count_keys, remove_files, remove_keys
from tests.real.databases import RedisServer

ID = "a1B2" * 10


def run(command: Command) -> str:
    done = subprocess.run(command.raw, cwd=command.cwd, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_files_of_sessions_and_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "storage/framework/sessions"
    for command in (count_files, remove_files):
        refused = subprocess.run(
            command(Revocation(sessions="file"), str(tmp_path)).raw, cwd=tmp_path, capture_output=True
        )
        assert (refused.returncode, refused.stdout) == (1, b"there is no folder storage/framework/sessions\n")
    folder.mkdir(parents=True)
    for name in (ID, "b" * 40, ".gitignore", "a" * 39, "notes.txt"):
        (folder / name).write_text("x")
    assert run(count_files(Revocation(sessions="file"), str(tmp_path))) == "2"
    run(remove_files(Revocation(sessions="file"), str(tmp_path)))
    assert sorted(file.name for file in folder.iterdir()) == [".gitignore", "a" * 39, "notes.txt"]


@pytest.mark.real
def test_keys_of_sessions_and_no_others(redis_server: RedisServer, tmp_path: Path) -> None:
    number = redis_server.fresh(3)
    (tmp_path / "url").write_text(f"redis://127.0.0.1:{redis_server.port}/{number}\n")
    environment = {
        "platform": "git",
        "url": "http://shop.example",
        "git": {"path": "shop"},
        "redis": {"url": {"file": "url"}, "prefix": "shop[1]_"},
        "revocation": {"sessions": "redis", "session_prefix": "cache:"},
    }
    service = Service.model_validate({"environments": {"production": environment}})
    target = Target("shop", "production", service.environments["production"], service, tmp_path, tmp_path)
    client = redis.Redis(port=redis_server.port, db=number)
    others = {f"shop[1]_cache:{ID}x", "shop[1]_cache:views", f"shop1_cache:{ID}", f"shop[1]_queues:{ID}"}
    client.mset(dict.fromkeys((*others, f"shop[1]_cache:{ID}", f"shop[1]_cache:{'c' * 40}"), "x"))
    assert count_keys(target) == 2
    assert remove_keys(target) == 2
    assert {key.decode() for key in client.scan_iter()} == others
