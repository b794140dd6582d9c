"""Where the values of a rotation are while it is under way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.command import mask
from runbook_lib.errors import StepFailedError
from runbook_lib.rotation.vault import Vault, sweep


def test_another_process_finds_what_was_kept_and_masks_it(tmp_path: Path) -> None:
    Vault(tmp_path, "run-1", "production.DB").keep(new={"password": "kept-s3cr3t"})
    again = Vault(tmp_path, "run-1", "production.DB")
    assert "new" in again
    assert again.values("new") == {"password": "kept-s3cr3t"}
    assert mask("kept-s3cr3t") == "[secret]"


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    Vault(tmp_path, "run-1", "a").keep(new={"value": "x"})
    folder = tmp_path / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in folder.iterdir()] == [0o600]


def test_a_file_that_was_left_half_written_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/.run-1.a.new").write_text('{"new": {"val')
    (tmp_path / "secrets/.run-1.a.new").chmod(0o644)
    vault = Vault(tmp_path, "run-1", "a")
    assert "new" not in vault
    vault.keep(new={"value": "x"})
    assert [file.stat().st_mode & 0o777 for file in (tmp_path / "secrets").iterdir()] == [0o600]


def test_forgotten_is_gone(tmp_path: Path) -> None:
    vault = Vault(tmp_path, "run-1", "a")
    vault.keep(new={"value": "x"})
    vault.forget()
    vault.forget()
    assert list((tmp_path / "secrets").iterdir()) == []
    with pytest.raises(StepFailedError, match="does not have the new value any more"):
        vault.values("new")


def test_what_runs_left_that_are_over_is_swept_away(tmp_path: Path) -> None:
    for run in ("run-1", "run-2"):
        Vault(tmp_path, run, "production.DB.X").keep(new={"value": "x"})
    sweep(tmp_path, {"run-2"})
    assert [file.name for file in (tmp_path / "secrets").iterdir()] == ["run-2.production.DB.X"]


def test_where_nothing_can_be_kept_nothing_is_begun(tmp_path: Path, read_only: Callable[[Path], None]) -> None:
    (tmp_path / "state").mkdir()
    read_only(tmp_path / "state")
    with pytest.raises(StepFailedError, match="the new value cannot be kept"):
        Vault(tmp_path / "state", "run-1", "a").keep(new={"value": "x"})
