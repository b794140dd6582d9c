"""A data concern as the notebook calls it: the evidence first, then what is wrong, and the way back as a command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.actions.data import backing_up, preserving, switching
from runbook_lib.actions.data_concern import DataConcern
from runbook_lib.errors import ParameterError
from runbook_lib.platforms.base import LogLine
from runbook_lib.run.in_force import in_force
from tests.actions.application import Application, closing
from tests.actions.routes import serving
from tests.actions.test_backup_and_restore import TEXT, WHERE, World

CHECKS = """
[[services.shop.environments.production.data_checks]]
name = "negative totals"
sql = "SELECT * FROM orders WHERE total < 0 AND 'a%' LIKE 'a%'"
tables = ["orders"]
[[services.shop.environments.production.data_checks]]
name = "how many are unpaid"
sql = "SELECT count(*) FROM orders WHERE total = 0"
"""


class Logging(Application):
    def logs(self, since: float) -> list[LogLine]:
        return [LogLine("web-1", "orders were imported", 1.0)]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    application = Logging()
    for module in (backing_up, switching, preserving):
        monkeypatch.setattr(module, "platform_of", lambda target: application)
    monkeypatch.chdir(tmp_path)
    with serving() as routes:
        closing(routes, application)
        (tmp_path / "runbooks.toml").write_text(TEXT.format(url=routes.url) + CHECKS)
        yield World(tmp_path, application, routes)


def look(**parameters: Any) -> tuple[str, DataConcern]:
    concern = DataConcern.open(**parameters)
    said = [str(concern.plan()), concern.gate(), concern.apply(), str(concern.findings()), str(concern.recommend())]
    return "\n".join([*said, concern.close(), concern.carry_out()]), concern


def diagnosed(world: World) -> dict[str, Any]:
    return dict(list(world.journal.events(kind="diagnosed"))[-1].data)


def damage(world: World) -> None:
    world.run("take")
    world.run("verify")
    world.sql("UPDATE orders SET total = -5, created_at = '2026-03-01 12:00:00' WHERE id = 2")


def test_corrupt_rows_are_found_and_the_way_back_is_a_command(world: World) -> None:
    damage(world)
    backup = world.records[0]["id"]
    said, _ = look()
    (cause,) = diagnosed(world)["causes"]
    assert (cause["name"], cause["score"]) == ("corrupt-rows", 0.9)
    assert cause["command"] == (
        f"papermill backup_and_restore.ipynb -p action restore -p environment production -p backup {backup} "
        "-p tables orders"
    )
    assert diagnosed(world)["onset"] == 1772366400.0
    assert "id 2: total: 2 became -5" in said
    assert world.totals == [1, -5]


def test_the_evidence_is_kept_before_it_is_looked_at(world: World) -> None:
    damage(world)
    _, concern = look()
    folder = concern.run.folder / "evidence"
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert sha256((folder / name).read_bytes()).hexdigest() == digest
    assert json.loads((folder / "log.jsonl").read_text())["text"] == "orders were imported"
    assert [record["evidence"] for record in world.records] == [False, True]
    steps = [event.data["step"] for event in world.journal.events(concern.run.id, "step finished")]
    assert steps.index("production.backup.record") < steps.index("look.now")


def test_the_evidence_is_not_what_is_restored(world: World) -> None:
    damage(world)
    look()
    world.run("restore")
    assert world.totals == [1, 2]


def test_what_is_recommended_is_carried_out_where_that_was_asked_for(world: World) -> None:
    damage(world)
    world.sql("INSERT INTO orders (total) VALUES (7)")
    look(action="recommended")
    assert world.totals == [1, 2, 7]
    assert look()[0].count("Nothing is found to be wrong") == 1
    assert diagnosed(world)["causes"] == []


def test_texts_are_not_shown(world: World) -> None:
    world.sql("CREATE TABLE users (id integer PRIMARY KEY, email text)")
    world.sql("INSERT INTO users VALUES (1, 'ada@example.test')")
    damage(world)
    world.sql("UPDATE users SET email = 'eve@example.test'")
    said, concern = look(tables="users")
    assert "email: text of 16 characters became text of 16 characters" in said
    events = json.dumps([event.data for event in world.journal.events(concern.run.id)])
    assert "ada@" not in said + events
    assert "eve@" not in said + events


def test_what_was_so_in_the_backup_already_is_not_recommended(world: World) -> None:
    world.sql("UPDATE orders SET total = -5 WHERE id = 1")
    world.run("take")
    look()
    (cause,) = diagnosed(world)["causes"]
    assert (cause["command"], cause["against"]) == ("", ["negative totals: as many in the backup"])
    assert "look at an older one" in cause["by_hand"]


def test_a_table_that_is_gone_needs_the_whole_database(world: World) -> None:
    damage(world)
    world.sql("DROP TABLE orders")
    look()
    (cause,) = diagnosed(world)["causes"]
    assert "tables" not in cause["next"]["parameters"]
    assert len(diagnosed(world)["unseen"]) == 2


def test_without_a_fault_there_is_no_cause(world: World) -> None:
    world.run("take")
    look()
    assert diagnosed(world)["causes"] == []


def test_without_a_backup_it_looks_all_the_same(world: World) -> None:
    world.sql("UPDATE orders SET total = -5 WHERE id = 1")
    look()
    (cause,) = diagnosed(world)["causes"]
    assert (cause["name"], cause["next"]) == ("corrupt-rows", None)
    assert "there is no backup to compare with" in diagnosed(world)["unseen"]


def test_writes_are_stopped_first_and_that_stays_in_force(world: World) -> None:
    damage(world)
    look(stop_writes=True)
    assert world.application.down == {"web-1", "web-2"}
    assert [item.what for item in in_force(world.journal, WHERE)] == ["maintenance mode"]


def test_a_dry_run_keeps_and_notes_nothing(world: World) -> None:
    damage(world)
    look(dry_run=True)
    assert len(world.records) == 1
    assert list(world.journal.events(kind="diagnosed")) == []


@pytest.mark.parametrize("parameters", [{"since": "yesterday"}, {"action": "mitigate"}])
def test_what_cannot_be_is_refused(world: World, parameters: dict[str, str]) -> None:
    with pytest.raises(ParameterError):
        DataConcern.open(**parameters)  # type: ignore[arg-type]
