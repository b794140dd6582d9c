"""Finding what a runbook works on."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib import practice
from runbook_lib.actions.opening import configuration
from runbook_lib.config import state_folder
from runbook_lib.errors import ConfigurationError

TEXT = """
[journal]
folder = "record"
[services.shop.environments.production]
platform = "git"
url = "http://shop.example"
git = { path = "shop" }
"""


def test_the_nearest_configuration_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep/down").mkdir(parents=True)
    (tmp_path / "runbooks.toml").write_text(TEXT)
    monkeypatch.chdir(tmp_path / "deep/down")
    assert configuration().file == tmp_path / "runbooks.toml"
    assert state_folder() == tmp_path / "record"


def test_a_configuration_that_cannot_be_used_does_not_start_the_practice_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runbooks.toml").write_text("rubbish")
    monkeypatch.setattr(practice, "ensure", lambda *_, **__: pytest.fail("it was started"))
    for look in (configuration, state_folder):
        with pytest.raises(ConfigurationError, match="is not valid TOML"):
            look(tmp_path)


def test_without_configuration_the_practice_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "practice.toml").write_text(TEXT)
    monkeypatch.setattr(practice, "ensure", lambda start, say: tmp_path / "practice.toml")
    assert configuration(tmp_path).file == tmp_path / "practice.toml"


def test_looking_at_the_journal_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(practice, "ensure", lambda *_, **__: pytest.fail("it was started"))
    (tmp_path / ".git").mkdir()
    assert state_folder(tmp_path) == tmp_path / ".runbooks"
    assert not (tmp_path / ".runbooks").exists()
