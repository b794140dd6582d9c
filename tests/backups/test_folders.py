"""Folders: whatever lies in them comes back, or the backup says what it could not have."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.backups.folders import Files, counted, remove
from runbook_lib.errors import CommandError, PlatformError
from tests.real.engine import unavailable

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users reach."""
    made = Path(tempfile.mkdtemp(prefix="rb-folder-", dir="/tmp"))
    made.chmod(0o755)
    (made / "storage").mkdir()
    yield made / "storage"
    shutil.rmtree(made)


def archived(folder: Path) -> tuple[bytes, dict[str, object]]:
    """The archive, and what its listing says is in it."""
    with Files(folder).dumping() as dump:
        return b"".join(dump.pieces), dict(dump.count())


def test_odd_files_come_back(folder: Path) -> None:
    names = ["-rf", "two\nlines", "Łódź 'a' \"b\" \\", "n" * 255, os.fsdecode(b"\xff\xfe.pdf"), " lead", "*", "a/b/.c"]
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name.replace("\n", "") if name.isascii() else "x")
    os.link(folder / "*", folder / "second")
    (folder / "link").symlink_to("../elsewhere")
    (folder / "empty").mkdir(mode=0o750)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "sock"))
        data, recorded = archived(folder)
    assert recorded == counted(folder)
    beside = folder.with_name("beside")
    Files(folder).fill(beside, [data])
    assert counted(beside) == recorded
    assert sorted(os.listdir(beside)) == sorted(name for name in os.listdir(folder) if name != "sock")
    assert (beside / "link").readlink() == Path("../elsewhere")
    assert (beside / "second").stat().st_nlink == 2
    assert (beside / "empty").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("hidden", ["file", "folder"])
def test_what_cannot_be_read_is_not_left_out_in_silence(folder: Path, hidden: str) -> None:
    if os.geteuid() != 0:
        unavailable("becoming another user needs root")
    (folder / "seen").write_text("x")
    path = folder / "secret invoice"
    if hidden == "file":
        path.write_text("x")
    else:
        path.mkdir()
    path.chmod(0)
    os.seteuid(NOBODY)
    try:
        with pytest.raises(CommandError, match=r"secret invoice: Cannot open: Permission denied"):
            archived(folder)
    finally:
        os.seteuid(0)


def test_a_file_that_changes_while_it_is_read_stops_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = folder.with_name("bin")
    tools.mkdir()
    (tools / "tar").write_text(f'#!/bin/sh\n{shutil.which("tar")} "$@" && exit 1\n')
    (tools / "tar").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    (folder / "log").write_text("x")
    assert archived(folder)[1] == counted(folder)


def test_a_mount_point_is_refused_before_anything() -> None:
    with pytest.raises(PlatformError, match="/proc is a mount point"):
        Files(Path("/proc")).refuse_switch()


def test_what_is_removed_is_gone_or_it_is_said(folder: Path) -> None:
    if os.geteuid() != 0:
        unavailable("becoming another user needs root")
    remove(folder.with_name("nothing"))
    (folder / "file").write_text("x")
    os.seteuid(NOBODY)
    try:
        with pytest.raises(PlatformError, match="cannot be removed: Permission denied"):
            remove(folder)
    finally:
        os.seteuid(0)
    remove(folder)
    assert not folder.exists()
    folder.mkdir()
