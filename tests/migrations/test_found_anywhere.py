"""A migration whose file only an earlier or later commit has."""

from __future__ import annotations

import subprocess
from pathlib import Path

from runbook_lib.migrations import found_anywhere


def test_a_migration_that_any_commit_has_is_found(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    git = ["git", "-c", "user.name=shop", "-c", "user.email=shop@shop.example", "-C", str(repo)]
    subprocess.run(["git", "init", "--quiet", str(repo)], check=True)
    folder = repo / "database" / "migrations" / "deep"
    folder.mkdir(parents=True)
    (folder / "2026_01_01_000000_gone.php").write_text("<?php // second text")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "one"], check=True)
    subprocess.run([*git, "rm", "--quiet", "-r", "database"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "two"], check=True)
    found = found_anywhere(repo, ["2026_01_01_000000_gone", "2026_01_01_000000_never"])
    assert [(file.migration, file.content) for file in found] == [("2026_01_01_000000_gone", b"<?php // second text")]
