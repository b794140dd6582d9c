"""Backup and restore as the notebook calls them, on a real database file and a server that answers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib import config
from runbook_lib.actions.backup_and_restore import BackupAndRestore
from runbook_lib.actions.data import backing_up, switching
from runbook_lib.actions.data.kept import kept
from runbook_lib.actions.release.doors import WHAT
from runbook_lib.backups import rows
from runbook_lib.errors import (
    BackupError,
    ParameterError,
    PlatformError,
    StepFailedError,
    UnsettledStepError,
    VerificationFailedError,
)
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal
from tests.actions.application import Application, closing
from tests.actions.routes import Routes, serving

TEXT = """
[services.shop.environments.production]
platform = "git"
url = "{url}"
git = {{ path = "shop" }}
approval.policy = "none"
checks.within = 0.5
[services.shop.environments.production.laravel]
database = "sqlite"
[services.shop.environments.production.database]
kind = "sqlite"
file = "shop.db"
[services.shop.environments.production.backups]
folder = "backups"
folders = ["storage"]
compression = "gzip"
keep = {{ last = 1, daily = 0, weekly = 0 }}
"""
WHERE = "shop/production"


class World:
    """A shop's database, folder and application. routes: how the application answers."""

    def __init__(self, folder: Path, application: Application, routes: Routes) -> None:
        self.folder, self.application, self.routes = folder, application, routes
        self.journal = Journal(folder / ".runbooks")
        self.sql("CREATE TABLE orders (id integer PRIMARY KEY, total integer, created_at text)")
        self.sql("INSERT INTO orders (total, created_at) VALUES (1, '2026-01-01 10:00:00'), (2, '2026-01-01 10:00:00')")
        (folder / "storage").mkdir()
        (folder / "storage/invoice.pdf").write_text("invoice")

    def sql(self, statement: str) -> list[Any]:
        with sqlite3.connect(self.folder / "shop.db") as database:
            return database.execute(statement).fetchall()

    def run(self, action: Any, **parameters: Any) -> str:
        work = BackupAndRestore.open(action, **parameters)
        said = [str(work.see()), str(work.plan()), str(work.lost()), work.gate(), work.apply(), work.close()]
        return "\n".join(said)

    @property
    def totals(self) -> list[int]:
        return [total for (total,) in self.sql("SELECT total FROM orders ORDER BY id")]

    @property
    def records(self) -> list[dict[str, Any]]:
        files = sorted((self.folder / "backups/shop/production").glob("*.backup.json"))
        return [json.loads(file.read_text()) for file in files]

    @property
    def beside(self) -> list[str]:
        """What lies beside database and folder."""
        return sorted(path.name for path in self.folder.glob("*.*-*")) + sorted(
            path.name for path in self.folder.glob("shop.db.*")
        )


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    application = Application()
    for module in (backing_up, switching):
        monkeypatch.setattr(module, "platform_of", lambda target: application)
    monkeypatch.chdir(tmp_path)
    with serving() as routes:
        closing(routes, application)
        (tmp_path / "runbooks.toml").write_text(TEXT.format(url=routes.url))
        yield World(tmp_path, application, routes)


def test_a_backup_is_taken_and_recorded_with_what_is_live(world: World) -> None:
    said = world.run("take")
    (record,) = world.records
    assert record["release"] == {"web-1": "v3 (333333333333)", "web-2": "v3 (333333333333)"}
    database, storage = record["parts"]
    assert database["tables"]["orders"]["rows"] == 2
    assert storage["tables"]["files"] == {"rows": 1, "checksum": "7"}
    assert "action verify" in said
    assert "it is not encrypted" in said


def test_it_is_verified_by_restoring_it_and_nothing_stays_beside(world: World) -> None:
    world.run("take")
    before = sorted(world.folder.iterdir())
    world.run("verify")
    assert world.records[0]["verified"]["tables"]["database"]["orders"]["rows"] == 2
    assert sorted(world.folder.iterdir()) == before
    assert "run " in str(BackupAndRestore.open("list").see())


def test_maintenance_mode_that_was_begun_by_hand_stays_after_a_restore(world: World) -> None:
    world.run("take")
    world.sql("DELETE FROM orders WHERE id = 1")
    world.application.down |= set(world.application.hosts)
    said = world.run("restore")
    assert world.totals == [1, 2]
    assert "maintenance mode is on already" in said
    assert world.application.ran == []
    assert world.application.down == set(world.application.hosts)


def test_what_is_restored_serves_and_what_was_before_stays_until_confirmed(world: World) -> None:
    world.run("take")
    world.sql("DELETE FROM orders WHERE id = 1")
    world.sql("INSERT INTO orders (total, created_at) VALUES (3, '2036-01-01 10:00:00')")
    said = world.run("restore")
    assert world.totals == [1, 2]
    assert "orders  2          2         1" in said
    assert world.application.names == ["down", "down", "up", "up"]
    assert len(kept(world.journal, WHERE)) == 1
    world.run("confirm")
    assert (kept(world.journal, WHERE), world.beside) == ([], [])
    assert world.totals == [1, 2]


def test_writes_that_are_not_stopped_keep_it_from_switching(world: World) -> None:
    world.run("take")
    world.sql("DELETE FROM orders WHERE id = 1")
    world.application.leaks = True
    with pytest.raises(StepFailedError, match="maintenance mode does not close the application"):
        world.run("restore")
    assert (world.totals, world.application.down, world.beside) == ([2], set(), [])
    assert in_force(world.journal, WHERE) == []


def test_while_writes_are_stopped_that_is_in_force_and_then_it_is_lifted(world: World) -> None:
    world.run("take")
    seen = []
    world.application.during = lambda name: seen.append((name, [item.what for item in in_force(world.journal, WHERE)]))
    world.run("restore")
    assert seen == [("down", [WHAT])] * 2 + [("up", [WHAT])] * 2
    assert in_force(world.journal, WHERE) == []


def test_a_restore_is_undone_and_that_again(world: World) -> None:
    world.run("take")
    world.sql("DELETE FROM orders")
    world.run("restore")
    world.run("undo")
    assert world.totals == []
    world.run("undo")
    assert world.totals == [1, 2]
    assert len(kept(world.journal, WHERE)) == 1


def test_single_tables_keep_what_was_added(world: World) -> None:
    world.run("take")
    world.sql("UPDATE orders SET total = 99")
    world.sql("INSERT INTO orders (total) VALUES (3)")
    world.run("restore", tables="orders")
    assert world.totals == [1, 2, 3]
    assert len(world.sql("SELECT * FROM sqlite_master WHERE name LIKE 'orders_before_%'")) == 1
    world.run("undo")
    assert world.totals == [99, 99, 3]
    world.run("confirm")
    assert world.sql("SELECT name FROM sqlite_master WHERE type = 'table'") == [("orders",)]


def test_a_folder_is_restored_and_undone(world: World) -> None:
    world.run("take")
    file = world.folder / "storage/invoice.pdf"
    file.write_text("damaged")
    world.run("restore", part="storage")
    assert file.read_text() == "invoice"
    world.run("undo")
    assert file.read_text() == "damaged"
    world.run("confirm")
    assert world.beside == []


def test_a_folder_that_is_a_link_stays_one(world: World) -> None:
    link, real = world.folder / "storage", world.folder / "disk"
    link.rename(real)
    link.symlink_to(real)
    world.run("take")
    (link / "invoice.pdf").write_text("damaged")
    world.run("restore", part="storage")
    assert (link.is_symlink(), (real / "invoice.pdf").read_text()) == (True, "invoice")
    world.run("undo")
    assert (link / "invoice.pdf").read_text() == "damaged"
    world.run("confirm")
    assert sorted(path.name for path in world.folder.iterdir() if path.name.startswith(("storage", "disk"))) == [
        "disk",
        "storage",
    ]


def test_long_names_of_tables_that_begin_alike_are_kept_apart(world: World) -> None:
    one, two = "a" * 60 + "_one", "a" * 60 + "_two"
    for name in (one, two):
        world.sql(f"CREATE TABLE {name} (id integer primary key, v text)")
        world.sql(f"INSERT INTO {name} VALUES (1, 'then')")
    world.run("take")
    for name in (one, two):
        world.sql(f"UPDATE {name} SET v = '{name[-3:]}'")
    world.run("restore", tables=f"{one},{two}")
    assert [world.sql(f"SELECT v FROM {name}") for name in (one, two)] == [[("then",)]] * 2
    world.run("undo")
    assert [world.sql(f"SELECT v FROM {name}") for name in (one, two)] == [[("one",)], [("two",)]]


def test_rows_that_do_not_come_back_as_they_were_stay_in_their_copy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run("take")
    world.sql("UPDATE orders SET total = 99")
    world.run("restore", tables="orders")
    real = rows.put_back

    def touched(pair: rows.Pair, *, remove: bool) -> None:
        real(pair, remove=remove)
        pair.ask(f"UPDATE {pair.now} SET total = 7 WHERE id = 2")

    monkeypatch.setattr(rows, "put_back", touched)
    with pytest.raises(UnsettledStepError, match="orders would not be as they were: 1 changed, 0 deleted, 0 added"):
        world.run("undo")
    ((copy,),) = world.sql("SELECT name FROM sqlite_master WHERE name LIKE 'orders_before_%'")
    assert world.sql(f"SELECT total FROM {copy}") == [(99,), (99,)]
    monkeypatch.undo()


def test_a_table_of_other_columns_is_refused_while_the_application_serves(world: World) -> None:
    world.run("take")
    world.sql("ALTER TABLE orders ADD COLUMN later text")
    with pytest.raises(StepFailedError, match="orders has other columns than in the backup: later"):
        world.run("restore", tables="orders")
    assert world.application.ran == []


@pytest.mark.parametrize("left", ["", "SQLite format 3\0 and what was no longer written"])
def test_a_database_that_is_gone_or_damaged_is_restored_into_an_empty_one(world: World, left: str) -> None:
    world.run("take")
    file = world.folder / "shop.db"
    file.unlink()
    if left:
        file.write_text(left)
    with pytest.raises(PlatformError, match="make an empty one of that name, and restore into that"):
        world.run("restore")
    file.unlink(missing_ok=True)
    file.touch()
    world.run("restore")
    assert world.totals == [1, 2]


def test_migrations_that_ran_since_are_said(world: World) -> None:
    world.sql("CREATE TABLE migrations (id integer primary key, migration text, batch integer)")
    world.sql("INSERT INTO migrations (migration, batch) VALUES ('2026_01_01_orders', 1)")
    world.run("take")
    assert "from before" not in world.run("restore", dry_run=True)
    world.sql("INSERT INTO migrations (migration, batch) VALUES ('2026_02_02_totals', 2)")
    said = world.run("restore", dry_run=True)
    assert "the backup is from before 1 migration (2026_02_02_totals), and the code that is live may need" in said
    assert "from before 1" not in world.run("restore", tables="orders", dry_run=True)


def test_an_application_that_fails_with_it_gets_its_data_back(world: World) -> None:
    world.run("take")
    world.sql("INSERT INTO orders (total) VALUES (3)")
    world.application.during = lambda name: world.routes.statuses.update({"/ready": 500})
    with pytest.raises(VerificationFailedError, match="the data of before is back"):
        world.run("restore")
    assert (world.totals, world.beside, kept(world.journal, WHERE)) == ([1, 2, 3], [], [])
    assert world.application.down == set()


def test_an_application_that_failed_before_is_no_reason_to_go_back(world: World) -> None:
    world.run("take")
    world.sql("INSERT INTO orders (total) VALUES (3)")
    world.routes.statuses["/ready"] = 500
    world.run("restore")
    assert world.totals == [1, 2]


def test_a_switch_that_fails_opens_the_application_again(world: World) -> None:
    world.run("take")
    world.application.failing = {"down"}
    with pytest.raises(StepFailedError, match="the data of before is back"):
        world.run("restore")
    assert (world.totals, world.beside) == ([1, 2], [])


def test_a_damaged_backup_is_not_switched_to(world: World) -> None:
    world.run("take")
    file = next((world.folder / "backups/shop/production").glob("*.database.*.gz"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises((StepFailedError, BackupError)):
        world.run("restore")
    assert (world.totals, world.application.ran, world.beside) == ([1, 2], [], [])


def test_a_dry_run_changes_nothing(world: World) -> None:
    world.run("take")
    before = sorted(path for path in world.folder.rglob("*") if ".runbooks" not in path.parts)
    for action in ("take", "verify", "restore", "prune"):
        world.run(action, dry_run=True)
    assert sorted(path for path in world.folder.rglob("*") if ".runbooks" not in path.parts) == before
    assert world.application.ran == []


def test_old_backups_go_but_never_the_last_verified_one(world: World) -> None:
    world.run("take")
    world.run("verify")
    for _ in range(3):
        world.run("take")
    verified = next(record["id"] for record in world.records if record["verified"])
    world.run("prune")
    assert verified in [record["id"] for record in world.records]
    assert len(world.records) == 2
    files = [path for path in (world.folder / "backups/shop/production").iterdir() if path.suffix == ".gz"]
    assert len(files) == 4


def test_before_migrations_it_is_taken_and_proven(world: World) -> None:
    target = config.load(world.folder / "runbooks.toml").target()
    steps = list(backing_up.before_migrations(target, "production", "run-1"))
    said = [step.do() for step in steps]
    assert said[-1] == "2 rows as recorded"
    assert all(step.done() for step in steps)
    (record,) = world.records
    assert (record["id"], record["verified"]["run"]) == ("run-1", "run-1")
    assert world.beside == []


def test_there_is_nothing_to_confirm(world: World) -> None:
    with pytest.raises(BackupError, match="nothing was restored"):
        world.run("confirm")


def test_without_a_backup_it_says_how_to_take_one(world: World) -> None:
    with pytest.raises(BackupError, match="action take"):
        world.run("restore")


def test_an_unknown_action_is_refused(world: World) -> None:
    with pytest.raises(ParameterError, match="restore"):
        BackupAndRestore.open("restor")  # type: ignore[arg-type]
