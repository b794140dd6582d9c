"""Each way with the database, killed at every step on every database and continued by the same command.

RUNBOOK_CRASH_MATRIX=1 tries every step instead of a few.
"""

from __future__ import annotations

import os
from itertools import product

import pytest

from tests.notebooks.dying import killed_at, started_after_it_finished
from tests.notebooks.laravel_shop import Application

pytestmark = [pytest.mark.real, pytest.mark.slow]

_WHY = ("migrations_reason", "v1.1 reads the old name")
COMMANDS = {
    "ahead": ("tag", "v1.1.0", "migrations", "ahead", "migrations_reason", "nothing reads it"),
    "shim": ("tag", "v1.1.0", "migrations", "shim", *_WHY),
    "down": ("tag", "v1.1.0", "migrations", "down", *_WHY),
}
_CLOSED = (".close.note", ".close.local.maintenance", ".close.proof")
_SWITCHED = (".local.checkout", ".local.switched", ".local.config-clear", ".local.route-clear", ".local.view-clear",
             ".local.event-clear", ".local.queue-restart")  # fmt: skip
_OPENED = (".open.local.maintenance", ".open.lifted")
STEPS = {
    "ahead": _SWITCHED,
    "shim": (*_CLOSED, ".local.shim-1", ".local.shims.compare", *_SWITCHED, *_OPENED),
    "down": (*_CLOSED, ".local.backup", ".local.backup-check", ".local.migrate-rollback", ".local.compare", *_SWITCHED,
             *_OPENED),
}  # fmt: skip
MOMENTS = ("begun", "done", "written")
ALL = [
    (driver, decision, step, moment)
    for driver in ("sqlite", "pgsql", "mysql")
    for decision, steps in STEPS.items()
    for step, moment in product(steps, MOMENTS)
]
FEW = [
    ("mysql", "down", ".local.migrate-rollback", "begun"),
    ("pgsql", "down", ".local.migrate-rollback", "done"),
    ("mysql", "shim", ".local.shim-1", "done"),
    ("pgsql", "shim", ".local.shim-1", "begun"),
    ("sqlite", "shim", ".local.checkout", "written"),
    ("sqlite", "ahead", ".local.checkout", "begun"),
]


@pytest.fixture
def shop(application: Application, decision: str) -> Application:
    """Live on a release that renamed a column; for `ahead`, on one that added a table and cannot take it back."""
    application.post("/customers", {"name": "Ada", "email": "ada@shop.example"})
    without = {"ahead": "2026_02_20_000000_rename_customer_name"}.get(decision, "2026_02_20_000001_add_stock_levels")
    application.tag_without("v1.3.0", without)
    application.deploy("v1.3.0")
    return application


@pytest.mark.parametrize(
    ("application", "decision", "step", "moment"),
    ALL if os.environ.get("RUNBOOK_CRASH_MATRIX") else FEW,
    indirect=["application"],
)
def test_killed_the_same_command_goes_on_and_ends_right(
    application: Application, shop: Application, decision: str, step: str, moment: str
) -> None:
    words = COMMANDS[decision]
    pairs = [word for pair in zip(words[::2], words[1::2], strict=True) for word in ("-p", *pair)]
    killed_at(shop.project, step, moment, "rollback.ipynb", *pairs)
    if step in _CLOSED[1:] or (decision == "down" and step.startswith(".local.")):
        # Whoever looks sees in red that the doors are closed.
        assert "maintenance mode is in force" in shop.project.run("runbook", "history").stdout
    done = shop.project.rollback(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    record = shop.project.record()
    assert {one["step"].removeprefix("production") for one in record["steps"]} == set(STEPS[decision])
    assert started_after_it_finished(record["events"]) == []
    assert shop.get("/version")[1] == "v1.1.0"
    assert "ADA" in shop.get("/customers")[1]
    history = shop.project.run("runbook", "history").stdout
    assert "maintenance mode is in force" not in history
    assert ("-p shims undo" in history) == (decision == "shim")
    rows = shop.artisan("migrate:status")
    assert "rename_customer_name" not in rows
