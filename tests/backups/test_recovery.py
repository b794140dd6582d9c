"""What is decided about a recovery before any server is there, and which statements of a log cannot be replayed."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.backups import scratch
from runbook_lib.backups.mariadb_recovery import refuse_elsewhere
from runbook_lib.backups.postgresql_recovery import _after
from runbook_lib.backups.recovery import recovery_of
from runbook_lib.errors import BackupError, ConfigurationError
from tests.backups.shop import Shop
from tests.real.engine import unavailable

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("segment", "size", "following"),
    [
        ("000000010000000000000007", 16, "000000010000000000000008"),
        ("0000000100000000000000FF", 16, "000000010000000100000000"),
        ("000000020000000A00000003", 1024, "000000020000000B00000000"),
    ],
)
def test_the_segment_after_one(segment: str, size: int, following: str) -> None:
    assert _after(segment, size * MEGABYTE) == following


USE = b"use `%s`/*!*/;\n"


@pytest.mark.parametrize(
    "statement",
    [b"DROP TABLE shop.orders", b"DELETE FROM `shop` . orders", b"RENAME TABLE a TO SHOP.a", b"x, `shop`.`a`"],
)
def test_a_statement_from_elsewhere_that_names_the_database(statement: bytes) -> None:
    text = USE % b"other" + statement + b"\n/*!*/;\n"
    with pytest.raises(BackupError, match="from the database other"):
        refuse_elsewhere([text[:12], text[12:]], "shop")


@pytest.mark.parametrize(
    "text",
    [
        USE % b"shop" + b"DELETE FROM shop.orders\n",
        USE % b"other" + b"DELETE FROM workshop.orders; DELETE FROM shops.orders; SELECT `my shop`.a, my$shop.b\n",
        USE % b"other" + b"#Q> DELETE FROM shop.orders\n",
        USE % b"other" + b"DELETE FROM orders\n" + USE % b"shop" + b"DELETE FROM shop.orders\n",
    ],
)
def test_what_can_be_replayed(text: bytes) -> None:
    refuse_elsewhere([text], "shop")


def test_sqlite_says_what_to_do_instead(small: Shop) -> None:
    with pytest.raises(ConfigurationError, match="SQLite keeps no log") as caught:
        recovery_of(small.target)
    assert "action restore" in caught.value.next_step


# -- the folder of a server beside -----------------------------------------------------------------------------------


@pytest.fixture
def account() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def work() -> Iterator[Path]:
    # Pytest's own folders may be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="rb-work-") as folder:
        yield Path(folder)


def test_while_it_is_used_it_is_not_left_and_afterwards_nothing_of_it_stays(work: Path, account: str) -> None:
    with scratch.scratch(work, "1a2b", account) as beside:
        beside.write(beside.folder / "config_file", "text")
        assert scratch.left(work) == []
        with pytest.raises(BackupError, match="another process is at work"):
            scratch.remove(beside.folder)
    assert list(work.iterdir()) == []


def test_an_account_that_may_not_enter_is_named(work: Path) -> None:
    if os.geteuid() != 0:
        unavailable("only root becomes another account")
    work.chmod(0o700)
    with pytest.raises(ConfigurationError, match="nobody may not enter"), scratch.scratch(work, "1a2b", "nobody"):
        pass
    with pytest.raises(ConfigurationError, match="no account 'n0b0dy'"), scratch.scratch(work, "1a2b", "n0b0dy"):
        pass
    assert list(work.iterdir()) == []


def test_what_runs_in_a_folder_that_was_left_is_ended(work: Path) -> None:
    folder = work / f"{scratch.PREFIX}1a2b"
    (folder / "data").mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"], cwd=folder / "data") as process:
        assert scratch.left(work) == [folder]
        scratch.remove(folder)
    assert process.returncode == -signal.SIGKILL
    assert not folder.exists()


def test_a_link_in_its_place_is_not_followed(work: Path, account: str) -> None:
    (work / "precious").mkdir()
    (work / f"{scratch.PREFIX}1a2b").symlink_to(work / "precious")
    with pytest.raises(BackupError, match="not of the runbooks"), scratch.scratch(work, "1a2b", account):
        pass
    assert (work / "precious").exists()


def test_a_path_that_is_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="too long for a socket"):
        scratch.place(tmp_path / ("x" * 80), "1a2b")
