"""Recovery to a moment between two backups, on real servers that archive, as the notebook calls it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from runbook_lib.actions.backup_and_restore import BackupAndRestore
from runbook_lib.actions.data import backing_up, switching
from runbook_lib.backups import scratch
from runbook_lib.backups.place import repository_of
from runbook_lib.errors import (
    BackupError,
    CommandError,
    ConfigurationError,
    ParameterError,
    PlatformError,
    StepFailedError,
)
from runbook_lib.run import live
from runbook_lib.run import run as runs
from runbook_lib.run.journal import Journal
from tests.actions.application import Application
from tests.actions.routes import serving
from tests.real.databases import Server

pytestmark = [pytest.mark.real, pytest.mark.slow]

TEXT = """
[services.shop.environments.production]
platform = "git"
url = "{url}"
git = {{ path = "shop" }}
approval.policy = "none"
checks.within = 0.5
[services.shop.environments.production.database]
kind = "{kind}"
url = {{ env = "SHOP_DATABASE_URL" }}
[services.shop.environments.production.backups]
folder = "backups"
compression = "gzip"
stop_writes = "nothing"
[services.shop.environments.production.backups.recovery]
work = "{work}"
"""


class World:
    """A shop on a server that archives. work: where servers beside have their data."""

    def __init__(self, server: Server, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server, self.database, self.folder = server, server.fresh(), folder
        self.work = server.folder / f"work-{self.database.name}"
        self.work.mkdir(mode=0o755)
        # The account of a server beside passes through it.
        server.folder.chmod(0o711)
        where = f"{self.database.user}@127.0.0.1:{self.database.port}/{quote(self.database.name)}"
        monkeypatch.setenv("SHOP_DATABASE_URL", f"{ {'pgsql': 'postgresql'}.get(self.kind, 'mysql') }://{where}")
        text = TEXT.format(url=url, kind=self.kind, work=self.work)
        if self.kind == "pgsql":
            text += f'restore_command = "cp {server.folder}/wal/%f %p"\n'
        (folder / "runbooks.toml").write_text(text)
        self.sql("CREATE TABLE orders (id integer PRIMARY KEY, total integer, created_at timestamp NULL)")
        self.sql("INSERT INTO orders (id, total) VALUES (1, 1), (2, 2)")

    @property
    def kind(self) -> str:
        return self.database.driver

    def sql(self, *statements: str) -> list[Any]:
        return self.database.run(*statements)

    @property
    def totals(self) -> list[int]:
        return [total for (total,) in self.sql("SELECT total FROM orders ORDER BY id")]

    def moment(self) -> str:
        """Now, after everything that was written and before everything that will be."""
        if self.kind == "pgsql":
            return datetime.now(UTC).isoformat()
        # MariaDB's log knows whole seconds, and stops before the one that is named.
        time.sleep(1.1)
        now = datetime.now(UTC)
        time.sleep(1.1)
        return now.isoformat()

    def run(self, action: Any, **parameters: Any) -> str:
        work = BackupAndRestore.open(action, **parameters)
        said = [str(work.see()), str(work.plan()), str(work.lost()), work.gate(), work.apply(), work.close()]
        return "\n".join(said)

    @property
    def target(self) -> Any:
        from runbook_lib import config

        return config.load(self.folder / "runbooks.toml").target()

    @property
    def backups(self) -> list[Any]:
        return repository_of(self.target).backups()

    def recovered(self) -> str:
        """The id of the backup that the last recovery made."""
        return max((one for one in self.backups if one.recovered), key=lambda one: one.ended).id

    @property
    def clean(self) -> bool:
        return list(self.work.iterdir()) == []

    @property
    def servers(self) -> list[str]:
        """Database servers that run beside."""
        names = []
        for pid in (pid for folder in self.work.iterdir() for pid in scratch._at_work(folder)):
            with suppress(OSError):  # it has ended meanwhile
                names.append(Path(f"/proc/{pid}/comm").read_text().strip())
        return [name for name in names if name in ("postgres", "mariadbd")]

    def configure(self, key: str, value: str) -> None:
        """Set a key of the table backups.recovery, which is the last one."""
        file = self.folder / "runbooks.toml"
        kept = [line for line in file.read_text().splitlines() if not line.startswith(f"{key} =")]
        file.write_text("\n".join([*kept, f'{key} = "{value}"']) + "\n")

    @contextmanager
    def stuck(self, to: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process of its own that recovers, once its server beside replays and waits for more of the log."""
        here = self.work.parent / f"waiting-{self.database.name}"
        text = (self.folder / "runbooks.toml").read_text()
        if self.kind == "pgsql":
            self.configure("restore_command", f"touch {here}; sleep 60; exit 255; : %f %p")
        else:
            self.configure("programs", str(self.wrapped(f"touch {here}")))
        words = "from runbook_lib.actions.backup_and_restore import BackupAndRestore as B;"
        words += f"w = B.open('recover', to={to!r}); w.see(); w.plan(); w.gate(); w.apply()"
        process = subprocess.Popen([sys.executable, "-c", words], cwd=self.folder)
        try:
            while not here.exists():
                assert process.poll() is None
                time.sleep(0.05)
            yield process
        finally:
            process.kill()
            process.wait()
            (self.folder / "runbooks.toml").write_text(text)

    def wrapped(self, first: str) -> Path:
        """A folder with MariaDB's programs; the server does something first."""
        folder = self.work.parent / f"programs-{self.database.name}"
        folder.mkdir()
        for name, before in (
            ("mariadbd", f'case "$*" in *--version*) ;; *) {first};; esac'),
            ("mariadb-install-db", ":"),
        ):
            real = shutil.which(name, path="/usr/sbin:/usr/bin")
            (folder / name).write_text(f'#!/bin/sh\n{before}\nexec {real} "$@"\n')
            (folder / name).chmod(0o755)
        here = self.work.parent
        here.chmod(0o777)
        return folder

    # -- MariaDB ---------------------------------------------------------------------------------------------------

    def purge(self, newest: str) -> None:
        """Have the server forget its binary logs before this one, which it only does once nobody reads them."""
        readers = "SELECT id FROM information_schema.processlist WHERE command = 'Binlog Dump'"
        while self.sql("SHOW BINARY LOGS")[0][0] != newest:
            for (reader,) in self.sql(readers):
                self.sql(f"KILL {reader}")
            self.sql(f"PURGE BINARY LOGS TO '{newest}'")

    # -- PostgreSQL ------------------------------------------------------------------------------------------------

    def newest_segment(self) -> Path:
        return sorted(path for path in (self.server.folder / "wal").iterdir() if len(path.name) == 24)[-1]

    def alter(self, *statements: str) -> None:
        """Change settings of the server, which no transaction may do."""
        with self.database.connect() as connection:
            connection.autocommit = True
            for statement in (*statements, "SELECT pg_reload_conf()"):
                connection.execute(statement)

    @contextmanager
    def archive_failing(self) -> Iterator[None]:
        wal = self.server.folder / "wal"
        wal.chmod(0o555)
        try:
            yield
        finally:
            wal.chmod(0o755)
            # The archiver tries again when there is one more to archive.
            while self.sql("SELECT last_failed_time > last_archived_time FROM pg_stat_archiver") == [(True,)]:
                self.sql("SELECT pg_current_xact_id(), pg_switch_wal()")
                time.sleep(0.1)


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of an application that answers; the runbooks are called in its folder."""
    application = Application()
    for module in (backing_up, switching):
        monkeypatch.setattr(module, "platform_of", lambda target: application)
    monkeypatch.chdir(tmp_path)
    with serving() as routes:
        yield routes.url


@pytest.fixture(params=["archiving_postgresql", "logging_mariadb"])
def world(request: pytest.FixtureRequest, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(request.getfixturevalue(request.param), tmp_path, url, monkeypatch)


@pytest.fixture
def logged(logging_mariadb: Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(logging_mariadb, tmp_path, url, monkeypatch)


@pytest.fixture
def archived(archiving_postgresql: Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(archiving_postgresql, tmp_path, url, monkeypatch)


def test_rows_that_were_deleted_are_back_with_what_was_written_since_the_backup(world: World) -> None:
    world.run("take")
    world.sql("INSERT INTO orders (id, total) VALUES (3, 3)", "UPDATE orders SET total = 10 WHERE id = 1")
    before = world.moment()
    world.sql("DELETE FROM orders", "INSERT INTO orders (id, total, created_at) VALUES (9, 9, '2036-01-01 10:00:00')")
    said = world.run("recover", to=before)
    assert {"pgsql": "the last change in it is of", "mysql": "1 binary log replayed from"}[world.kind] in said
    assert (world.totals, world.clean) == ([9], True)
    said = world.run("restore", backup=world.recovered())
    assert world.totals == [10, 2, 3]
    assert "orders  3          1         1" in said
    world.run("undo")
    assert world.totals == [9]


def test_single_tables_of_a_moment_keep_what_was_added(world: World) -> None:
    world.run("take")
    world.sql("UPDATE orders SET total = 20 WHERE id = 2")
    before = world.moment()
    world.sql("UPDATE orders SET total = 0", "INSERT INTO orders (id, total) VALUES (9, 9)")
    world.run("recover", to=before)
    world.run("restore", backup=world.recovered(), tables="orders")
    assert world.totals == [1, 20, 9]


def test_a_moment_at_which_nothing_was_written_any_more(world: World) -> None:
    world.run("take")
    world.sql("DELETE FROM orders WHERE id = 1")
    world.run("recover", to=world.moment())
    assert world.backups[-1].database.rows == 1


def test_the_newest_backup_before_it_is_begun_with(world: World) -> None:
    world.run("take")
    before = world.moment()
    world.sql("DELETE FROM orders WHERE id = 1")
    world.run("take")
    first, second = (one.id for one in world.backups)
    after = world.moment()
    assert f"from {first}" in world.run("recover", to=before)
    assert f"from {second}" in world.run("recover", to=after)
    assert [one.database.rows for one in world.backups if one.recovered] == [2, 1]


def test_a_recovered_backup_is_only_restored_by_its_name(world: World) -> None:
    world.run("take")
    taken = world.backups[0].id
    world.sql("DELETE FROM orders WHERE id = 1")
    world.run("recover", to=world.moment())
    assert f"Verify backup {taken}" in world.run("verify")
    assert world.backups[0].verified
    assert world.clean


def test_moments_that_cannot_be_reached(world: World) -> None:
    early = world.moment()
    with pytest.raises(BackupError, match="no backup here is one from which"):
        world.run("recover", to=early)
    world.run("take")
    with pytest.raises(BackupError, match="before the earliest moment that can be reached"):
        world.run("recover", to=early)
    with pytest.raises(BackupError, match="has not come yet"):
        world.run("recover", to="2096-01-01T10:00")
    assert world.clean


def test_what_is_no_moment(world: World) -> None:
    with pytest.raises(ParameterError, match="'yesterday' is no time"):
        world.run("recover", to="yesterday")
    with pytest.raises(ParameterError, match="needs the moment"):
        world.run("recover")
    with pytest.raises(ParameterError, match="takes no moment"):
        world.run("restore", to="2026-01-01T10:00")


def test_a_dry_run_makes_nothing(world: World) -> None:
    world.run("take")
    world.run("recover", to=world.moment(), dry_run=True)
    assert (len(world.backups), world.clean) == (1, True)


def test_what_can_be_reached_is_said(world: World) -> None:
    assert "none yet" in world.run("time")
    world.run("take")
    said = world.run("time")
    (told,) = [live.line(event) or "" for event in Journal(world.target.state).events(kind="moments")][-1:]
    assert f"on: backup {world.backups[0].id}" in told
    assert f"on: backup {world.backups[0].id}" in said
    assert "-p action recover -p to" in said


def test_killed_in_the_middle_the_same_command_ends_right(world: World) -> None:
    world.run("take")
    before = world.moment()
    world.sql("DELETE FROM orders")
    with world.stuck(before) as process:
        process.kill()
        process.wait()
    while world.servers:
        time.sleep(0.05)
    assert not world.clean
    assert "left by a run that was killed" in str(BackupAndRestore.open("list").see())
    for run in runs.open_runs():
        run._let_go()
    world.run("recover", to=before)
    assert [one.database.rows for one in world.backups if one.recovered] == [2]
    assert world.clean


def test_what_a_killed_run_left_is_removed_by_the_next_one(world: World) -> None:
    world.run("take")
    folder = world.work / f"{scratch.PREFIX}0badc0de"
    (folder / "data").mkdir(parents=True)
    assert f"remove {folder}" in world.run("recover", to=world.moment())
    assert world.clean


def test_without_room_it_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run("take")
    full = shutil.disk_usage(world.work)._replace(free=1000)
    with monkeypatch.context() as patch:
        patch.setattr(scratch.shutil, "disk_usage", lambda folder: full)
        with pytest.raises(BackupError, match="1,000 bytes free"):
            world.run("recover", to=world.moment())


def test_programs_that_are_not_there_are_named_with_their_package(world: World) -> None:
    world.run("take")
    world.configure("programs", str(world.folder))
    with pytest.raises(CommandError, match=f"is not in {world.folder}") as caught:
        world.run("recover", to=world.moment())
    assert "apt install" in caught.value.next_step


class TestMariadb:
    """What only its binary logs can lack, or hold."""

    def test_changes_logged_as_rows_are_replayed_and_those_of_other_databases_are_not(self, logged: World) -> None:
        logged.run("take")
        other = logged.server.fresh()
        logged.sql(
            "SET SESSION binlog_format = 'ROW'",
            "UPDATE orders SET total = 10 WHERE id = 1",
            f"USE {other.name}",
            "CREATE TABLE orders (id integer)",
            "INSERT INTO orders VALUES (7)",
            f"INSERT INTO {logged.database.name}.orders (id, total) VALUES (3, 3)",
        )
        before = logged.moment()
        logged.sql("FLUSH BINARY LOGS", "DELETE FROM orders")
        logged.run("recover", to=before)
        logged.run("restore", backup=logged.recovered())
        assert logged.totals == [10, 2, 3]

    def test_a_statement_from_another_database_is_refused(self, logged: World) -> None:
        logged.run("take")
        other = logged.server.fresh()
        early = logged.moment()
        logged.sql(f"USE {other.name}", f"DELETE FROM `{logged.database.name}` . orders WHERE id = 1")
        with pytest.raises(StepFailedError, match=f"a statement from the database {other.name} that changes"):
            logged.run("recover", to=logged.moment())
        assert logged.clean
        logged.run("recover", to=early)

    def test_a_statement_that_changes_another_database_is_no_reason_to_guess(self, logged: World) -> None:
        logged.run("take")
        other = logged.server.fresh()
        logged.sql(f"CREATE TABLE {other.name}.notes (id integer)")
        with pytest.raises(StepFailedError, match=f"cannot be replayed.*Unknown database '{other.name}'"):
            logged.run("recover", to=logged.moment())
        assert (logged.clean, len(logged.backups)) == (True, 1)

    def test_logs_that_are_gone_are_named(self, logged: World) -> None:
        logged.run("take")
        ((file, *_),) = logged.sql("SHOW MASTER STATUS")
        logged.sql("FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
        ((newest, *_),) = logged.sql("SHOW MASTER STATUS")
        logged.purge(newest)
        with pytest.raises(BackupError, match=f"the binary log {file}, which goes on from the backup, is gone"):
            logged.run("recover", to=logged.moment())

    def test_users_of_views_and_triggers_need_not_be_known_beside(self, logged: World) -> None:
        logged.sql(
            "CREATE USER IF NOT EXISTS 'shop'@'%'",
            f"GRANT ALL ON {logged.database.name}.* TO 'shop'@'%'",
            "CREATE DEFINER = 'shop'@'%' VIEW early AS SELECT * FROM orders WHERE id = 1",
        )
        logged.run("take")
        logged.sql("CREATE DEFINER = 'shop'@'%' VIEW late AS SELECT * FROM orders WHERE id = 2")
        logged.run("recover", to=logged.moment())
        logged.run("restore", backup=logged.recovered())
        assert logged.sql("SELECT total FROM late") == [(2,)]

    def test_who_reads_the_logs_is_another_user_with_a_password(
        self, logged: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        logged.sql(
            "CREATE OR REPLACE USER 'reader'@'%' IDENTIFIED BY 'b1nl0g reader'",
            "GRANT REPLICATION SLAVE, BINLOG MONITOR, SELECT ON *.* TO 'reader'@'%'",
        )
        where = f"127.0.0.1:{logged.database.port}/{logged.database.name}"
        monkeypatch.setenv("READER", f"mysql://reader:b1nl0g%20reader@{where}")
        with (logged.folder / "runbooks.toml").open("a") as file:
            file.write('url = { env = "READER" }\n')
        logged.run("take")
        logged.sql("DELETE FROM orders WHERE id = 1")
        logged.run("recover", to=logged.moment())
        assert logged.backups[-1].database.rows == 1

    def test_a_user_who_may_not_see_the_log_is_told(self, logged: World, monkeypatch: pytest.MonkeyPatch) -> None:
        logged.sql("CREATE OR REPLACE USER 'clerk'@'%'", "GRANT ALL ON `test\\_%`.* TO 'clerk'@'%'")
        where = f"127.0.0.1:{logged.database.port}/{logged.database.name}"
        monkeypatch.setenv("SHOP_DATABASE_URL", f"mysql://clerk@{where}")
        logged.run("take")
        assert "GRANT BINLOG MONITOR" in logged.run("time")

    def test_without_a_binary_log_there_is_nothing_to_begin_with(
        self, mariadb: Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = World(mariadb, tmp_path, url, monkeypatch)
        world.run("take")
        with pytest.raises(BackupError, match="no backup here is one from which"):
            world.run("recover", to=world.moment())
        assert "log_bin is OFF" in world.run("time")


class TestPostgresql:
    """What only its archive can lack."""

    def test_a_missing_segment_is_named(self, archived: World) -> None:
        archived.run("take")
        archived.sql("INSERT INTO orders (id, total) VALUES (3, 3)", "SELECT pg_switch_wal()")
        archived.sql("INSERT INTO orders (id, total) VALUES (4, 4)", "SELECT pg_switch_wal()")
        before = archived.moment()
        archived.sql("DELETE FROM orders")
        missing = archived.newest_segment()
        missing.rename(archived.folder / missing.name)
        with pytest.raises(StepFailedError, match=f"the WAL segment {missing.name} cannot be fetched"):
            archived.run("recover", to=before)
        assert archived.clean
        assert len(archived.backups) == 1

    def test_a_server_that_does_not_archive_any_more(self, archived: World) -> None:
        archived.run("take")
        before = archived.moment()
        archived.sql("DELETE FROM orders")
        with archived.archive_failing():
            with pytest.raises(StepFailedError, match="the archive ends with"):
                archived.run("recover", to=before)
            with pytest.raises(PlatformError, match="archive_command fails"):
                archived.run("take")
        assert archived.clean

    def test_a_base_backup_that_was_changed_is_not_started(self, archived: World) -> None:
        archived.run("take")
        file = next((archived.folder / "backups/shop/production").glob("*.base.base.gz"))
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(bytes(content))
        with pytest.raises(StepFailedError):
            archived.run("recover", to=archived.moment())
        assert archived.clean

    def test_a_base_backup_is_not_restored_by_itself(self, archived: World) -> None:
        archived.run("take")
        with pytest.raises(BackupError, match="a recovery to a moment begins with it"):
            archived.run("restore", part="base")

    def test_settings_of_the_live_server_do_not_reach_the_one_beside(self, archived: World) -> None:
        archived.alter("ALTER SYSTEM SET work_mem = '7MB'", "ALTER SYSTEM SET restore_command = 'false'")
        try:
            archived.run("take")
            archived.run("recover", to=archived.moment())
        finally:
            archived.alter("ALTER SYSTEM RESET ALL")
        assert len(archived.backups) == 2

    def test_without_a_restore_command_it_says_so(self, archived: World) -> None:
        file = archived.folder / "runbooks.toml"
        text = file.read_text()
        file.write_text(text.partition("restore_command")[0])
        with pytest.raises(ConfigurationError, match="restore_command is PostgreSQL's: it is missing"):
            archived.run("take")
        file.write_text(text.partition("[services.shop.environments.production.backups.recovery]")[0])
        archived.run("take")
        with pytest.raises(ConfigurationError, match=r"no backups.recovery.restore_command"):
            archived.run("recover", to=archived.moment())

    def test_a_user_who_may_not_take_base_backups_is_told_before_anything_is_taken(
        self, archived: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archived.alter("DROP ROLE IF EXISTS clerk", "CREATE ROLE clerk LOGIN")
        monkeypatch.setenv("CLERK", f"postgresql://clerk@127.0.0.1:{archived.database.port}/{archived.database.name}")
        with (archived.folder / "runbooks.toml").open("a") as file:
            file.write('url = { env = "CLERK" }\n')
        with pytest.raises(PlatformError, match="may not take base backups"):
            archived.run("take")

    def test_a_server_that_does_not_archive_at_all(
        self, postgresql: Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = World(postgresql, tmp_path, url, monkeypatch)
        assert "archive_mode is off" in world.run("time")
        with pytest.raises(PlatformError, match="archive_mode is off: a base backup leads nowhere"):
            world.run("take")

    def test_programs_of_another_version_are_refused(self, archived: World) -> None:
        archived.run("take")
        folder = archived.work.parent / f"programs-{archived.database.name}"
        folder.mkdir()
        (folder / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 9.6.24'\n")
        (folder / "postgres").chmod(0o755)
        archived.configure("programs", str(folder))
        with pytest.raises(BackupError, match=r"is of version 9\.6\.24"):
            archived.run("recover", to=archived.moment())
