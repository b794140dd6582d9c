"""Backup and restore killed at a boundary of their record, and the same command again: it ends right.

RUNBOOK_CRASH_MATRIX=1 tries every boundary instead of a few.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from runbook_lib.actions.data.kept import kept
from tests.actions.test_backup_and_restore import WHERE, World, world
from tests.run.conftest import Crashing

__all__ = ["world"]

pytestmark = pytest.mark.slow


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch, world: World) -> Crashing:
    return Crashing(monkeypatch, world.journal)


def events(world: World, action: str, **parameters: Any) -> int:
    """How many events a whole run of the action writes."""
    before = len(list(world.journal.events()))
    world.run(action, **parameters)
    return len(list(world.journal.events())) - before


def boundaries(count: int) -> list[tuple[int, bool]]:
    found = [(number, after) for number in range(1, count + 1) for after in (False, True)][:-1]
    return found if os.environ.get("RUNBOOK_CRASH_MATRIX") else found[1::5]


def test_a_backup(world: World, crashing: Crashing) -> None:
    count = events(world, "take")
    for taken, (number, after) in enumerate(boundaries(count), 1):
        with crashing.at(number, after):
            world.run("take")
        world.run("take")
        # Killed before its first event there was no run; else the same one went on.
        assert len(world.records) == taken + 1, (number, after)
    assert all(len(record["parts"]) == 2 for record in world.records)


@pytest.mark.parametrize("tables", ["", "orders"])
def test_a_restore(world: World, crashing: Crashing, tables: str) -> None:
    world.run("take")
    count = events(world, "restore", tables=tables)
    world.run("confirm")
    for number, after in boundaries(count):
        world.sql("UPDATE orders SET total = 99 WHERE id = 2")
        with crashing.at(number, after):
            world.run("restore", tables=tables)
        # Until it is switched to, the data is what it was; then it is the backup's: never anything else.
        assert world.totals in ([1, 99], [1, 2]), (number, after)
        world.run("restore", tables=tables)
        assert world.totals == [1, 2], (number, after)
        assert world.application.down == set(), (number, after)
        assert len(kept(world.journal, WHERE)) == 1, (number, after)
        world.run("undo")
        assert world.totals == [1, 99], (number, after)
        world.run("confirm")
        assert world.beside == [], (number, after)
        assert world.sql("SELECT count(*) FROM sqlite_master WHERE type = 'table'") == [(1,)], (number, after)


def test_an_undo(world: World, crashing: Crashing) -> None:
    world.run("take")
    world.sql("UPDATE orders SET total = 99 WHERE id = 2")
    world.run("restore")
    count = events(world, "undo")
    for number, after in boundaries(count):
        expected = [1, 2] if world.totals == [1, 99] else [1, 99]
        with crashing.at(number, after):
            world.run("undo")
        if not after and number == count:
            continue
        world.run("undo")
        assert world.totals == expected, (number, after)
        assert len(kept(world.journal, WHERE)) == 1, (number, after)
        assert world.application.down == set(), (number, after)


def test_what_is_confirmed(world: World, crashing: Crashing) -> None:
    world.run("take")
    world.run("restore")
    count = events(world, "confirm")
    for number, after in boundaries(count):
        world.run("restore")
        with crashing.at(number, after):
            world.run("confirm")
        if kept(world.journal, WHERE):
            world.run("confirm")
        assert (kept(world.journal, WHERE), world.beside, world.totals) == ([], [], [1, 2]), (number, after)
