"""Databases in trouble: named, nothing changed, nothing lost. And what waits outside of the database: jobs, workers."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.notebooks.laravel_shop import Application

pytestmark = [pytest.mark.real, pytest.mark.slow]

WHY = ("migrations_reason", "v1.1 reads the old name")
HALF = "2026_03_01_000000_half"
HALFWAY = """<?php

use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Database\\Schema\\Blueprint;
use Illuminate\\Support\\Facades\\DB;
use Illuminate\\Support\\Facades\\Schema;

return new class extends Migration
{
    public function up()
    {
        Schema::table('products', function (Blueprint $table) {
            $table->dropColumn('weight');
        });
        DB::statement('SELECT broken FROM nowhere');
    }
};
"""


def on(*drivers: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("application", drivers, indirect=True)


# -- the database -----------------------------------------------------------------------------------------------------


@pytest.fixture
def halfway(application: Application) -> Application:
    """Live on a release whose migration failed in its middle."""
    application.deploy("v1.1.0")
    git = ["git", "-c", "user.name=shop", "-c", "user.email=shop@shop.example"]
    (application.folder / f"database/migrations/{HALF}.php").write_text(HALFWAY)
    for words in (["add", "--all", "database"], ["commit", "--quiet", "--message", "half"], ["tag", "v1.5.0"]):
        subprocess.run([*git, *words], cwd=application.folder, check=True)
    with pytest.raises(subprocess.CalledProcessError):
        application.artisan("migrate", "--force")
    return application


@on("mysql")
def test_a_migration_that_stopped_halfway_and_left_no_row_is_named(halfway: Application) -> None:
    done = halfway.project.rollback("tag", "v1.1.0")
    assert done.returncode == 1
    assert f"{HALF} did not end: what it changed until then stays" in done.stderr
    assert halfway.project.last_run()["status"] == "refused"


@on("pgsql")
def test_where_a_migration_happens_as_a_whole_or_not_at_all_nothing_is_in_doubt(halfway: Application) -> None:
    done = halfway.project.rollback("tag", "v1.1.0")
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def reading(shop: Application) -> Iterator[None]:
    """Somebody's long transaction, which has read the table that is to be changed."""
    connection = shop.database.connect()
    connection.cursor().execute("SELECT COUNT(*) FROM customers")
    yield
    connection.rollback()
    connection.close()


@pytest.mark.parametrize(
    ("application", "decision"), [("mysql", "down"), ("mysql", "shim"), ("pgsql", "down"), ("pgsql", "shim")],
    indirect=["application"],
)  # fmt: skip
def test_a_lock_that_somebody_holds_is_not_waited_for_long_and_nothing_is_changed(
    renamed: Application, decision: str
) -> None:
    with reading(renamed):
        done = renamed.project.rollback("tag", "v1.1.0", "migrations", decision, *WHY)
    assert done.returncode == 1
    assert "lock" in (done.stdout + done.stderr).lower()
    assert renamed.get("/version")[1] == "v1.2.0"
    assert "ADA" in renamed.get("/customers")[1]
    assert "in force" not in renamed.project.run("runbook", "history").stdout


@on("pgsql", "mysql")
def test_a_database_that_refuses_is_named_whatever_was_decided(renamed: Application) -> None:
    file = renamed.project.root / "runbooks.toml"
    good = file.read_text()
    file.write_text(good.replace(f'DB_PORT = "{renamed.database.port}"', 'DB_PORT = "1"'))
    for decision in ("down", "shim"):
        done = renamed.project.rollback("tag", "v1.1.0", "migrations", decision, *WHY)
        assert done.returncode == 1
        assert "Connection refused" in done.stderr
    assert renamed.get("/version")[1] == "v1.2.0"
    assert "ADA" in renamed.get("/customers")[1]


# -- queued jobs ------------------------------------------------------------------------------------------------------

SEND = "App\\Jobs\\SendInvoice"


@pytest.fixture
def queued(application: Application) -> Application:
    """Live on v1.1.0, which has queued jobs that v1.0.0 knows and two that it does not."""
    application.deploy("v1.1.0")
    queues = '[services.shop.environments.production.queues]\nstore = "database"\n'
    database = (
        f'[services.shop.environments.production.database]\nkind = "sqlite"\nfile = "{application.database.name}"\n'
    )
    application.configure(application.url, more=queues + database)
    application.post("/orders/O-1/place", {})
    return application


def waiting(shop: Application) -> int:
    connection = shop.database.connect()
    rows = connection.execute("SELECT COUNT(*) FROM jobs").fetchone()
    connection.close()
    return int(rows[0])


@on("sqlite")
def test_jobs_that_the_target_lacks_are_counted_and_left_unless_somebody_decides(queued: Application) -> None:
    done = queued.project.rollback("tag", "v1.0.0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "that v1.0.0 (" in done.stdout
    assert f"cannot run: {SEND} 2; they are left" in done.stdout
    assert waiting(queued) == 3


@on("sqlite")
def test_jobs_are_set_aside_and_put_back_once_a_release_is_live_that_has_them(queued: Application) -> None:
    done = queued.project.rollback("tag", "v1.0.0", "jobs", "aside")
    assert done.returncode == 0, done.stdout + done.stderr
    assert waiting(queued) == 1
    history = queued.project.run("runbook", "history").stdout
    mark = history.partition("runbook jobs put-back ")[2].split()[0]
    early = queued.project.run("runbook", "jobs", "put-back", mark)
    assert early.returncode == 1
    assert f"has no {SEND}" in early.stderr
    queued.deploy("v1.1.0")
    back = queued.project.run("runbook", "jobs", "put-back", mark)
    assert back.returncode == 0, back.stdout + back.stderr
    assert waiting(queued) == 3
    assert "in force" not in queued.project.run("runbook", "history").stdout


@on("sqlite")
def test_jobs_that_were_set_aside_are_back_when_the_target_is_left_again(queued: Application) -> None:
    queued.break_checks()
    assert queued.project.rollback("tag", "v1.0.0", "jobs", "aside").returncode == 1
    assert waiting(queued) == 3
    assert "in force" not in queued.project.run("runbook", "history").stdout


# -- workers ----------------------------------------------------------------------------------------------------------


@contextmanager
def working(shop: Application) -> Iterator[None]:
    argv = ["php", "artisan", "queue:work", "--sleep=1"]
    process = subprocess.Popen(argv, cwd=shop.folder, env={**os.environ, **shop.env}, stdout=subprocess.DEVNULL)
    time.sleep(1)
    yield
    process.kill()
    process.wait()


@on("sqlite")
@pytest.mark.parametrize(("old_workers", "code", "serves"), [("fail", 1, "v1.1.0"), ("warn", 0, "v1.0.0")])
def test_a_worker_that_was_not_restarted_is_told(
    application: Application, old_workers: str, code: int, serves: str
) -> None:
    application.deploy("v1.1.0")
    more = f'after_switch = ["config:clear"]\nworkers_within = 1\nold_workers = "{old_workers}"\n'
    application.configure(application.url, more=more)
    with working(application):
        done = application.project.rollback("tag", "v1.0.0")
    assert done.returncode == code, done.stdout + done.stderr
    assert "1 of 1 workers on local run the code of before" in done.stdout
    assert application.get("/version")[1] == serves


@on("sqlite")
def test_a_worker_that_ended_after_its_job_is_not_waited_for(application: Application) -> None:
    application.deploy("v1.1.0")
    with working(application):
        done = application.project.rollback("tag", "v1.0.0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no worker is seen on local" in done.stdout
