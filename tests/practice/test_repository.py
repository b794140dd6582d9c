"""The shop's Git repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from git import Repo

from runbook_lib.errors import PracticeError
from runbook_lib.practice import repository

COMMITS = {
    "v1.4.0": "b00c8d1",
    "v1.4.1": "349db98",
    "v1.4.2": "99fb1c0",
    "v1.5.0": "8ee977f",
}


def built(folder: Path) -> Repo:
    repository.build(folder / "repository")
    return Repo(folder / "repository")


def test_tags_have_the_same_commits_on_every_machine(tmp_path: Path) -> None:
    repo = built(tmp_path)
    assert {tag.name: tag.commit.hexsha[:7] for tag in repo.tags} == COMMITS


def test_every_release_says_its_own_version(tmp_path: Path) -> None:
    repo = built(tmp_path)
    assert {tag.name: repo.git.show(f"{tag.name}:VERSION") for tag in repo.tags} == {tag: tag for tag in COMMITS}


def test_commits_tell_what_they_changed(tmp_path: Path) -> None:
    repo = built(tmp_path)
    changed = repo.git.diff("--name-only", "v1.4.2", "v1.5.0").splitlines()
    assert changed == [
        "VERSION",
        "database/migrations/2026_02_16_110000_create_price_tiers_table.php",
        "database/migrations/2026_02_16_110000_create_price_tiers_table.sql",
        "database/migrations/2026_02_16_113000_add_discount_to_orders_table.php",
        "database/migrations/2026_02_16_113000_add_discount_to_orders_table.sql",
        "orders.py",
        "pricing.py",
    ]
    assert repo.commit("v1.5.0").message.startswith("Volume prices\n")
    assert repo.commit("v1.5.0").author.email == "pricing@shop.example"


def test_working_tree_is_clean_on_main(tmp_path: Path) -> None:
    repo = built(tmp_path)
    assert repo.active_branch.name == "main"
    assert not repo.is_dirty(untracked_files=True)


def test_one_more_release_comes_on_demand_and_the_same_again(tmp_path: Path) -> None:
    repo = built(tmp_path)
    repository.add_worse(tmp_path / "repository")
    repository.add_worse(tmp_path / "repository")
    assert {tag.name: tag.commit.hexsha[:7] for tag in repo.tags} == {**COMMITS, "v1.5.1": "f45f0bf"}
    assert repo.git.diff("--name-only", "v1.5.0", "v1.5.1").splitlines() == [
        "VERSION",
        "catalogue.py",
        "database/migrations/2026_02_18_090000_rename_name_to_title_in_products_table.php",
        "database/migrations/2026_02_18_090000_rename_name_to_title_in_products_table.sql",
    ]
    assert repo.head.commit == repo.tag("v1.5.1").commit
    assert not repo.is_dirty(untracked_files=True)


def test_artisan_can_be_called(tmp_path: Path) -> None:
    built(tmp_path)
    assert os.access(tmp_path / "repository" / "artisan", os.X_OK)


def test_the_users_git_configuration_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[commit]\n gpgsign = true\n[core]\n autocrlf = true\n hooksPath = /nowhere\n[init]\n defaultBranch = odd\n"
    )
    monkeypatch.setenv("HOME", str(home))
    assert built(tmp_path).commit("v1.5.0").hexsha.startswith(COMMITS["v1.5.0"])


def test_works_without_home_and_inside_a_hook_of_another_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as outer:
        outer.delenv("HOME", raising=False)
        outer.setenv("GIT_DIR", "/nonexistent")
        outer.setenv("GIT_INDEX_FILE", ".git/index")
        repository.build(tmp_path / "repository")
    assert Repo(tmp_path / "repository").commit("v1.5.0").hexsha.startswith(COMMITS["v1.5.0"])


def test_first_release_is_laid_as_a_worktree_behind_current(tmp_path: Path) -> None:
    built(tmp_path)
    site = tmp_path / "site"
    site.mkdir()
    repository.lay_first(tmp_path / "repository", site)
    assert os.readlink(site / "current") == "releases/v1.4.1"
    head = subprocess.run(["git", "-C", site / "current", "rev-parse", "HEAD"], capture_output=True, text=True)
    assert head.stdout.startswith(COMMITS["v1.4.1"])


def test_without_git_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PracticeError, match="there is no git") as caught:
        repository.build(tmp_path / "repository")
    assert "install git" in caught.value.next_step
