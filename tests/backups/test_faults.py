"""What goes wrong: nothing that is not whole is listed, nothing half is left, the reason is named."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from runbook_lib.backups.counting import counted
from runbook_lib.backups.record import written
from runbook_lib.backups.repository import Folder
from runbook_lib.backups.restoring import check_database, refuse, restore_database
from runbook_lib.errors import BackupError, CommandError, PlatformError, RunbookError
from tests.backups.shop import SCHEMES, VARIABLE, MakeShop, Shop
from tests.backups.test_engines import restored
from tests.real.databases import Database
from tests.real.engine import unavailable


def files(shop: Shop) -> list[Path]:
    return sorted((shop.folder / "backups/shop/production").glob("*"))


def data(shop: Shop) -> Path:
    return next(path for path in files(shop) if ".database." in path.name)


# -- taking ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for 256 KiB."""
    if os.geteuid() != 0:
        unavailable("mounting needs root")
    folder = tmp_path / "full"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("driver", ["pgsql", "mysql"])
def test_a_full_disk_leaves_no_backup_and_the_room_is_free_again(driver: Any, shops: MakeShop, full: Path) -> None:
    shop = shops(driver, at=full)
    shop.make()
    noise = "md5(random()::text)" if driver == "pgsql" else "md5(rand())"
    series = "generate_series(1, 30000)" if driver == "pgsql" else "seq_1_to_30000"
    shop.sql(f"CREATE TABLE noise AS SELECT {noise} AS a, {noise} AS b FROM {series} AS t")
    with pytest.raises(BackupError, match="No space left"):
        shop.take()
    assert shop.repository.backups() == []
    assert [path for path in full.rglob("*") if path.is_file()] == []


def test_a_dump_that_breaks_off_leaves_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    if shop.engine.kind == "sqlite":
        Path(shop.database.name).write_bytes(b"SQLite format 3\x00" + b"damaged" * 500)
        expected: type[RunbookError] = PlatformError
    else:
        tool = shop.folder / "bin" / ("pg_dump" if shop.engine.kind == "pgsql" else "mariadb-dump")
        tool.parent.mkdir()
        tool.write_text(
            "#!/bin/sh\ncase $1 in --version) exec true;; esac\necho half; echo lost the server >&2; exit 1\n"
        )
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
        expected = CommandError
    with pytest.raises(expected, match=r"lost the server|malformed|not a database"):
        shop.take()
    assert files(shop) == []


def test_wrong_credentials_are_said_without_showing_them(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    if shop.engine.kind == "sqlite":
        Path(shop.database.name).unlink()
    else:
        where = f"127.0.0.1:{shop.database.port}/{shop.database.name}"
        monkeypatch.setenv(VARIABLE, f"{SCHEMES[shop.database.driver]}://nobody_here:s3cret-pw@{where}")
    with pytest.raises(PlatformError) as caught:
        shop.take()
    assert "s3cret-pw" not in str(caught.value)
    assert files(shop) == []


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("driver", ["pgsql", "mysql"])
def test_no_password_is_in_a_process_list_or_a_file(
    driver: Any, shops: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shops(driver)
    shop.make()
    password = "pw-7f3a91-planted"
    statement = "CREATE ROLE taker SUPERUSER LOGIN PASSWORD '{}'" if driver == "pgsql" else (
        "CREATE USER IF NOT EXISTS taker@'127.0.0.1' IDENTIFIED BY '{}'"
    )  # fmt: skip
    shop.sql(statement.format(password))
    if driver == "mysql":
        shop.sql("GRANT ALL ON *.* TO taker@'127.0.0.1'")
    where = f"127.0.0.1:{shop.database.port}/{shop.database.name}"
    monkeypatch.setenv(VARIABLE, f"{SCHEMES[driver]}://taker:{password}@{where}")
    seen: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.append(entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
                except OSError:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for number in range(3):
            shop.take(f"b{number}")
            restored(shop)
    finally:
        over.set()
        watcher.join()
    assert any("taker" in line or "pg_dump" in line for line in seen)
    assert not [line for line in seen if password in line]
    assert not [path for path in shop.folder.rglob("*") if path.is_file() and password.encode() in path.read_bytes()]


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("driver", ["pgsql", "mysql"])
@pytest.mark.parametrize("name", ["we ird'n\"ame=x y", "-dash%s", "żółć `b`"])
def test_odd_names_of_databases(driver: Any, name: str, shops: MakeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = shops(driver)
    with plain.engine.session() as ask:
        ask(f"CREATE DATABASE {ask.quoted(name)}" + (" CHARACTER SET utf8mb4" if driver == "mysql" else ""))
    where = f"{plain.database.user}@127.0.0.1:{plain.database.port}"
    monkeypatch.setenv(VARIABLE, f"{SCHEMES[driver]}://{where}/{quote(name, safe='')}")
    shop = replace(plain, database=Database(driver, name, plain.database.port, plain.database.user))
    try:
        shop.make(3)
        shop.take()
        new, old = restored(shop), shop.engine.beside("before_1a2b")
        shop.engine.switch(new, old)
        assert shop.sql("SELECT count(*) FROM orders") == [(3,)]
        shop.engine.drop(old)
    finally:
        plain.engine.drop(name)


def test_an_empty_database(shops: MakeShop, request: pytest.FixtureRequest) -> None:
    shop = shops("sqlite")
    backup = shop.take()
    assert backup.database.tables == {}
    restored(shop)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("driver", ["pgsql", "mysql"])
def test_an_empty_database_of_a_server(driver: Any, shops: MakeShop) -> None:
    shop = shops(driver)
    assert shop.take().database.tables == {}
    new, old = restored(shop), shop.engine.beside("before_1a2b")
    shop.engine.switch(new, old)
    assert shop.engine.switched(new, old)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("driver", ["pgsql", "mysql"])
def test_rows_that_come_while_it_is_taken_are_in_neither_or_both(driver: Any, shops: MakeShop) -> None:
    """The count is of the dump's own snapshot, however much is written meanwhile."""
    shop = shops(driver)
    shop.make(2000)
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            shop.sql("INSERT INTO orders (customer_id, total) VALUES (1, 5)")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backups = [shop.take(f"b{number}") for number in range(4)]
    finally:
        over.set()
        writer.join()
    assert all(backup.database.exact for backup in backups)
    assert len({backup.database.tables["orders"].rows for backup in backups}) > 1
    for backup in backups:
        name = shop.engine.beside("restored_1a2b")
        restore_database(shop.repository, shop.target, backup.database, name)
        check_database(shop.engine, name, backup)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("driver", ["pgsql", "mysql"])
def test_a_table_cannot_vanish_meanwhile(driver: Any, shops: MakeShop) -> None:
    """Who drops it waits until the backup is over."""
    shop = shops(driver)
    shop.make()
    other = threading.Thread(target=lambda: shop.sql("DROP TABLE orders CASCADE"), daemon=True)
    with shop.engine.dumping() as dump:
        pieces = iter(dump.pieces)
        first = next(pieces)
        assert dump.count()["orders"].rows == 50
        other.start()
        other.join(0.5)
        assert other.is_alive()
        content = first + b"".join(pieces)
    other.join(30)
    assert not other.is_alive()
    shop.engine.fill(shop.engine.beside("restored_1a2b"), [content])
    with shop.engine.session(shop.engine.beside("restored_1a2b")) as ask:
        assert counted(ask)["orders"].rows == 50


# -- restoring ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["cut off", "changed", "gone"])
def test_a_damaged_backup_is_never_a_database(shop: Shop, damage: str) -> None:
    backup = shop.take()
    content = data(shop).read_bytes()
    half = len(content) // 2
    if damage == "gone":
        data(shop).unlink()
    else:
        data(shop).write_bytes(content[:half] if damage == "cut off" else content[:half] + b"?" + content[half + 1 :])
    name = shop.engine.beside("restored_1a2b")
    with pytest.raises((BackupError, CommandError)):
        restore_database(shop.repository, shop.target, backup.database, name)
    assert not shop.engine.exists(name)
    if damage != "changed":
        assert shop.repository.backups() == []
        assert "missing or cut off" in shop.repository.unreadable()[0]


def test_a_restored_table_with_other_rows_is_found(shop: Shop) -> None:
    backup = shop.take()
    name = restored(shop)
    with shop.engine.session(name) as ask:
        ask("UPDATE orders SET total = total + 1 WHERE id = 7" if shop.engine.kind != "pgsql" else
            "UPDATE public.orders SET total = total + 1 WHERE id = 7")  # fmt: skip
    with pytest.raises(BackupError, match="orders has 50 rows as recorded, but not the same ones"):
        check_database(shop.engine, name, backup)


def test_what_does_not_belong_here_is_refused(shop: Shop) -> None:
    backup = shop.take()
    part = backup.database
    newer = {"PostgreSQL": "PostgreSQL 99.1", "MariaDB": "MariaDB 99.1.2-x", "SQLite": "SQLite 99.1.2"}[
        part.server.split()[0]
    ]
    cases = [
        (replace(backup, environment="shop/staging"), "is of shop/staging"),
        (replace(backup, parts=[replace(part, server=newer)]), "was taken from"),
        (replace(backup, parts=[replace(part, kind="oracle")]), "is of oracle"),
    ]
    for wrong, match in cases:
        with pytest.raises(BackupError, match=match):
            refuse(shop.target, wrong)
    refuse(shop.target, backup)


@pytest.mark.real
@pytest.mark.slow
def test_whoever_is_connected_is_disconnected_and_finds_the_other_database(shops: MakeShop) -> None:
    shop = shops("pgsql")
    shop.make()
    shop.take()
    new, old = restored(shop), shop.engine.beside("before_1a2b")
    held = [shop.database.connect() for _ in range(5)]
    held[0].execute("UPDATE orders SET total = 0")
    shop.engine.switch(new, old)
    with pytest.raises(Exception, match="terminat"):
        held[0].execute("SELECT 1")
    assert shop.sql("SELECT count(*) FROM orders WHERE total = 0") == [(1,)]
    for connection in held:
        connection.close()


@pytest.mark.real
@pytest.mark.slow
def test_who_keeps_a_table_locked_does_not_stop_the_switch(shops: MakeShop) -> None:
    shop = shops("mysql")
    shop.make()
    shop.take()
    new, old = restored(shop), shop.engine.beside("before_1a2b")
    holder = shop.database.connect()
    holder.cursor().execute("UPDATE orders SET total = 0")
    shop.engine.switch(new, old)
    assert shop.sql("SELECT count(*) FROM orders WHERE total = 0") == [(1,)]


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("driver", ["pgsql", "mysql"])
def test_a_database_that_was_dropped_is_restored_into_an_empty_one(driver: Any, shops: MakeShop) -> None:
    shop = shops(driver)
    shop.make()
    shop.take()
    name = shop.engine.name
    elsewhere = replace(shop.database, name="postgres" if driver == "pgsql" else "mysql").connect()
    elsewhere.autocommit = True
    with elsewhere.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")
        with pytest.raises(PlatformError, match="make an empty one of that name, and restore into that"):
            refuse(shop.target, shop.repository.backups()[-1])
        cursor.execute(f"CREATE DATABASE {name}")
    elsewhere.close()
    shop.engine.switch(restored(shop), shop.engine.beside("before_1a2b"))
    assert shop.sql("SELECT count(*) FROM orders") == [(50,)]


# -- the record --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json", '{"format": 9}', '{"format": 1, "id": 5}'])
def test_a_record_that_is_none_is_said_and_not_listed(small: Shop, text: str) -> None:
    small.take()
    (small.folder / "backups/shop/production/x.backup.json").write_text(text)
    assert len(small.repository.backups()) == 1
    assert small.repository.unreadable()[0].startswith("x.backup.json: ")


def test_a_folder_that_cannot_be_read_is_none_without_backups(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for look in (Folder(tmp_path / "file").backups, Folder(tmp_path / "file/production").unreadable):
        with pytest.raises(BackupError, match="cannot be read: Not a directory"):
            look()
    assert Folder(tmp_path / "not made yet").backups() == []


def test_a_record_that_points_elsewhere_is_not_followed(small: Shop) -> None:
    backup = small.take()
    wrong = replace(backup, parts=[replace(backup.database, file="../../../etc/passwd")])
    (small.folder / "backups/shop/production/b1.backup.json").write_text(written(wrong))
    assert small.repository.backups() == []


def test_what_is_unfinished_is_not_listed(small: Shop, tmp_path: Path) -> None:
    repository = Folder(tmp_path / "elsewhere")

    def breaking() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repository.store("x", breaking())
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_backups_are_for_their_owner_only(small: Shop) -> None:
    small.take()
    assert {path.stat().st_mode & 0o077 for path in files(small)} == {0}


# -- encryption --------------------------------------------------------------------------------------------------------


@pytest.fixture
def key(tmp_path: Path) -> tuple[str, str]:
    """A public and a private key of age."""
    if shutil.which("age-keygen") is None:
        unavailable("age is not installed; scripts/real-parts installs what is needed")
    text = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True).stdout
    private = next(line for line in text.splitlines() if line.startswith("AGE-SECRET-KEY"))
    public = next(line.split()[-1] for line in text.splitlines() if line.startswith("# public"))
    return public, private


@pytest.mark.real
def test_an_encrypted_backup_is_read_with_its_key_only(
    key: tuple[str, str], shops: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUP_KEY", key[1])
    shop = shops("sqlite", encryption={"recipients": [key[0]], "identity": {"env": "BACKUP_KEY"}})
    shop.make()
    shop.take()
    assert data(shop).read_bytes().startswith(b"age-encryption.org/")
    restored(shop)
    other = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    for wrong, match in ((other, "age ended with 1"), ("AGE", "no private key of age")):
        monkeypatch.setenv("BACKUP_KEY", wrong)
        with pytest.raises(RunbookError, match=match) as caught:
            restored(shop, "other_1a2b")
        assert key[1] not in str(caught.value)


@pytest.mark.real
def test_without_a_key_it_can_be_taken_but_not_read(key: tuple[str, str], shops: MakeShop) -> None:
    shop = shops("sqlite", encryption={"recipients": [key[0]]})
    shop.make()
    shop.take()
    with pytest.raises(BackupError, match="no key to read it"):
        restored(shop)
