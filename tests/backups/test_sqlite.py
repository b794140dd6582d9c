"""SQLite: a switch while others write loses nothing and waits for nobody for ever."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.backups.sqlite import Sqlite
from runbook_lib.errors import PlatformError
from tests.backups.shop import Shop
from tests.backups.test_engines import restored

OLD = "shop.before_1a2b"


@pytest.fixture(params=["wal", "delete"])
def engine(request: pytest.FixtureRequest, small: Shop) -> tuple[Sqlite, str]:
    """One that waits for a lock for a moment only, and what was restored beside."""
    small.sql(f"PRAGMA journal_mode = {request.param}")
    small.take()
    made = small.engine
    assert isinstance(made, Sqlite)
    return replace(made, timeout=0.2), restored(small)


def orders(file: Path) -> list[Any]:
    with closing(sqlite3.connect(file)) as database:
        return database.execute("SELECT count(*), max(total) FROM orders").fetchall()


def test_who_is_writing_keeps_it_from_switching(engine: tuple[Sqlite, str]) -> None:
    live, new = engine
    with closing(sqlite3.connect(live.file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO orders (total) VALUES (77777)")
        with pytest.raises(PlatformError, match="locked"):
            live.switch(new, OLD)
        writer.execute("COMMIT")
        assert orders(live.file) == [(51, 77777)]
        live.switch(new, OLD)
        # Who had it open sees what is there now.
        assert writer.execute("SELECT count(*) FROM orders").fetchall() == [(50,)]
    assert orders(live.file.with_name(OLD)) == [(51, 77777)]
    live.switch(OLD, new)
    assert orders(live.file) == [(51, 77777)]


@pytest.mark.parametrize("commits", [True, False])
def test_who_writes_between_keeping_and_switching_is_seen(
    engine: tuple[Sqlite, str], monkeypatch: pytest.MonkeyPatch, commits: bool
) -> None:
    live, new = engine
    into = Sqlite._into
    with closing(sqlite3.connect(live.file, isolation_level=None)) as writer:

        def overtaken(self: Sqlite, *words: Any) -> None:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("INSERT INTO orders (total) VALUES (77777)")
            if commits:
                writer.execute("COMMIT")
            into(self, *words)

        monkeypatch.setattr(Sqlite, "_into", overtaken)
        with pytest.raises(PlatformError, match="in the very moment" if commits else "locked"):
            live.switch(new, OLD)
        assert live.exists(new)
        if not commits:
            writer.execute("COMMIT")
            assert orders(live.file) == [(51, 77777)]
