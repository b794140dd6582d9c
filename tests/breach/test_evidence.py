"""Evidence: as it is, readable for its owner only, with checksums that can be checked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from runbook_lib.breach.evidence import SUMS, Item, items_of, preserve
from runbook_lib.breach.evidence import _packed as packed
from runbook_lib.command import Secret
from runbook_lib.connectors.local import LocalConnector
from runbook_lib.errors import JournalError
from runbook_lib.platforms import platform_of
from tests.breach.shop import shop


def item(tmp_path: Path, name: str, *words: str) -> Item:
    return Item(name, LocalConnector(tmp_path / "state"), packed(words, str(tmp_path)))


def test_it_is_kept_byte_for_byte_with_its_sum(tmp_path: Path) -> None:
    Secret("s3cr3t-value")
    content = b"s3cr3t-value \xff\xfe\r\n" * 1000
    (tmp_path / "log").write_bytes(content)
    kept = preserve([item(tmp_path, "web-1/log", "cat", "log")], tmp_path / "evidence")
    file = tmp_path / "evidence" / kept[0].file
    assert file.read_bytes() == content
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    done = subprocess.run(["sha256sum", "--check", SUMS], cwd=tmp_path / "evidence", capture_output=True, check=False)
    assert done.returncode == 0


def test_what_cannot_be_had_is_said_and_stops_nothing(tmp_path: Path) -> None:
    items = [item(tmp_path, "a", "no-such-program"), item(tmp_path, "b", "echo", "here")]
    kept = preserve(items, tmp_path / "evidence")
    assert [(one.file, one.remark) for one in kept] == [("", "there is no such program here"), ("b.txt", "")]


def test_a_name_cannot_lead_elsewhere(tmp_path: Path) -> None:
    kept = preserve([item(tmp_path, "a b;$(x)", "echo", "x")], tmp_path / "evidence")
    assert kept[0].file == "a-b---x-.txt"


def test_without_room_it_stops_before_anything_is_changed(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("in the way")
    with pytest.raises(JournalError, match="the evidence cannot be kept"):
        preserve([], tmp_path / "evidence")


def test_what_a_checkout_has(tmp_path: Path) -> None:
    target = shop(tmp_path)
    (tmp_path / "app/public/shell.php").write_text("<?php system($_GET['c']);\n")
    (tmp_path / "app/index.php").write_text("changed\n")
    kept = preserve(items_of(target, platform_of(target), ["local"]), tmp_path / "evidence")
    texts = {one.name: (tmp_path / "evidence" / one.file).read_text(errors="replace") for one in kept if one.file}
    assert {"local/processes", "local/checkout", "local/changed-files", "local/log-1"} <= set(texts)
    assert "?? public/shell.php" in texts["local/checkout"]
    assert "+changed" in texts["local/checkout"]
    assert "./public/shell.php" in texts["local/changed-files"]
    assert texts["local/log-1"] == "a line\n"
