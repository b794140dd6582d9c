"""A repository of restic, in a folder, over SFTP and in an S3-compatible store: the same as a folder to its user."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_lib.backups.restoring import restore_database
from runbook_lib.errors import BackupError, CommandError
from tests.backups.shop import MakeShop, Shop
from tests.backups.test_engines import restored
from tests.connectors.sshd import missing as no_ssh
from tests.connectors.sshd import running_server
from tests.real.engine import unavailable
from tests.real.objects import CREDENTIALS, ObjectStore, running_object_store

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture
def shop(shops: MakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    if shutil.which("restic") is None:
        unavailable("restic is not installed; scripts/real-parts installs what is needed")
    monkeypatch.setenv("RESTIC_KEY", "restic-pw-planted")
    monkeypatch.setenv("RESTIC_CACHE_DIR", str(tmp_path / "cache"))
    made = shops("sqlite", restic={"repository": str(tmp_path / "repository"), "password": {"env": "RESTIC_KEY"}})
    made.make()
    return made


def test_a_backup_is_kept_restored_and_removed(shop: Shop) -> None:
    assert shop.repository.backups() == []
    first, second = shop.take("b1"), shop.take("b2")
    assert shop.repository.backups() == [first, second]
    restored(shop)
    shop.repository.remove(first)
    assert shop.repository.backups() == [second]
    with pytest.raises(BackupError, match="is not in"):
        list(shop.repository.fetch(first.database.file))


def test_a_record_that_is_written_again_replaces_the_one_before(shop: Shop) -> None:
    from dataclasses import replace

    from runbook_lib.backups.record import Verified

    backup = shop.take()
    shop.repository.record(replace(backup, verified=Verified(1.0, "run")))
    (found,) = shop.repository.backups()
    assert found.verified == Verified(1.0, "run")


def test_what_is_cut_off_is_no_snapshot(shop: Shop) -> None:
    shop.take()

    def breaking() -> Iterator[bytes]:
        yield os.urandom(3_000_000)
        raise BackupError("the source broke")

    with pytest.raises(BackupError, match="the source broke"):
        shop.repository.store("half", breaking())
    with pytest.raises(BackupError, match="is not in"):
        list(shop.repository.fetch("half"))


def test_a_wrong_password_is_said_and_not_shown(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.take()
    monkeypatch.setenv("RESTIC_KEY", "another-pw-planted")
    with pytest.raises(CommandError, match="wrong password") as caught:
        shop.repository.backups()
    assert "another-pw-planted" not in str(caught.value)


@pytest.mark.parametrize("url", ["rest:http://127.0.0.1:9/", "s3:http://127.0.0.1:9/shop", "sftp:nobody.invalid:/x"])
def test_a_repository_that_nobody_can_reach_is_none_without_backups(
    shops: MakeShop, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTIC_KEY", "restic-pw-planted")
    shop = shops("sqlite", restic={"repository": url, "password": {"env": "RESTIC_KEY"}})
    for look in (shop.repository.backups, shop.repository.unreadable):
        with pytest.raises(CommandError, match=r"connection refused|EOF|file already closed"):
            look()
    with pytest.raises(CommandError, match=r"connection refused|EOF|file already closed"):
        shop.repository.store("x", iter([b"x"]))


def test_over_sftp(shops: MakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if (reason := no_ssh()) or shutil.which("restic") is None:
        unavailable(reason or "restic is not installed")
    import tempfile

    server_program = next(
        (p for p in ("/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server") if Path(p).exists()), ""
    )
    if not server_program:
        unavailable("sftp-server is not installed")
    with tempfile.TemporaryDirectory(prefix="rb-", dir="/tmp") as short, running_server(Path(short)) as server:
        server.reach(monkeypatch)
        monkeypatch.setenv("RESTIC_KEY", "restic-pw-planted")
        monkeypatch.setenv("RESTIC_CACHE_DIR", str(tmp_path / "cache"))
        restic = {
            "repository": f"sftp:web-1:{tmp_path}/far",
            "password": {"env": "RESTIC_KEY"},
            # The command of the far side: the test's server has no subsystem.
            "options": {"sftp.command": f"{short}/bin/ssh web-1 {server_program}"},
        }
        shop = shops("sqlite", restic=restic)
        shop.make()
        backup = shop.take()
        assert shop.repository.backups() == [backup]
        restored(shop)
    assert (tmp_path / "far/config").exists()


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    if shutil.which("restic") is None:
        unavailable("restic is not installed; scripts/real-parts installs what is needed")
    with running_object_store() as running:
        yield running


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> str:
    """A name that a bucket may have."""
    return re.sub("[^a-z0-9]+", "-", request.node.name.lower())[-60:].strip("-")


@pytest.fixture
def far(shops: MakeShop, store: ObjectStore, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose backups are in an S3-compatible store, in a bucket of its own that is not there yet."""
    monkeypatch.setenv("RESTIC_KEY", "restic-pw-planted")
    monkeypatch.setenv("RESTIC_CACHE_DIR", str(tmp_path / "cache"))
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(f"SHOP_{name}", value)
    restic = {
        "repository": f"s3:{store.url}/{bucket}",
        "password": {"env": "RESTIC_KEY"},
        "env": {name: {"env": f"SHOP_{name}"} for name in CREDENTIALS},
    }
    made = shops("sqlite", restic=restic)
    made.make()
    return made


def test_in_an_object_store(far: Shop) -> None:
    assert far.repository.backups() == []
    first, second = far.take("b1"), far.take("b2")
    assert far.repository.backups() == [first, second]
    assert restored(far)
    far.repository.remove(first)
    assert far.repository.backups() == [second]
    with pytest.raises(BackupError, match="is not in"):
        list(far.repository.fetch(first.database.file))
    assert restored(far, "restored_again")


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[: len(content) // 2], lambda content: content[::-1]],
    ids=["truncated", "corrupt"],
)
def test_an_object_that_is_not_what_was_stored_is_not_restored(
    far: Shop, store: ObjectStore, bucket: str, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    backup = far.take()
    shutil.rmtree(tmp_path / "cache")
    assert store.change(bucket, "data/", damage) > 0
    assert far.repository.backups() == []
    (line,) = far.repository.unreadable()
    assert "b1.backup.json cannot be read from" in line
    with pytest.raises(BackupError, match="use another backup"):
        restore_database(far.repository, far.target, backup.database, "beside")
    assert not far.engine.exists("beside")
