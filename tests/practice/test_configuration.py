"""The generated runbooks.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib import config
from runbook_lib.practice import configuration
from runbook_lib.practice.ground import Ground, Marker

PORTS = {
    "staging": 20_001,
    "production": 20_002,
    "staging.store": 20_003,
    "production.store": 20_004,
    "provider": 20_005,
}


@pytest.mark.parametrize("name", ["plain", 'it\'s a "quoted" \\ földer', "$(touch x)"])
def test_it_loads_wherever_the_project_lies(tmp_path: Path, name: str) -> None:
    ground = Ground(tmp_path / name)
    for site in ground.sites:
        site.run.mkdir(parents=True)
    configuration.write(ground, Marker(PORTS, "/usr/bin/python3", "/opt/server.py"))
    loaded = config.load(ground.configuration)
    production = loaded.target("", "production")
    assert production.label == "shop/production"
    assert production.environment.url == "http://127.0.0.1:20002"
    assert production.staging is not None
    assert production.staging.environment.url == "http://127.0.0.1:20001"
    assert loaded.state.resolve() == tmp_path.resolve()
    laravel = production.environment.laravel
    assert laravel is not None
    assert laravel.php == ["sh", str(ground.php)]
    assert laravel.bypass is not None
    assert len(laravel.bypass.resolve(ground.folder).reveal()) == 24
    assert (ground.site("production").bypass.stat().st_mode & 0o777) == 0o600
    assert laravel.sql == ["/usr/bin/python3", "-I", "-S", "artisan", "sql"]
    assert (laravel.database, laravel.migrations) == ("sqlite", ["database/migrations"])
    assert laravel.after_switch == ["config:clear", "view:clear", "queue:restart"]
    assert production.environment.git is not None
    assert production.environment.git.restart == [["sh", str(ground.site("production").restart)]]


def test_an_unchanged_file_is_not_written_again(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    for site in ground.sites:
        site.run.mkdir(parents=True)
    marker = Marker(PORTS, "/usr/bin/python3", "/opt/server.py")
    configuration.write(ground, marker)
    before = ground.configuration.stat().st_ino
    configuration.write(ground, marker)
    assert ground.configuration.stat().st_ino == before


@pytest.mark.parametrize("policy", ["none", "confirm", "second-person"])
def test_its_gates_ask_for_what_the_marker_says(tmp_path: Path, policy: str) -> None:
    ground = Ground(tmp_path)
    for site in ground.sites:
        site.run.mkdir(parents=True)
    Marker(PORTS, "/usr/bin/python3", "/opt/server.py", policy).write(ground)
    ground.configuration.touch()
    marker = Marker.read(ground)
    assert marker is not None
    configuration.write(ground, marker)
    assert config.load(ground.configuration).target().environment.approval.policy == policy
