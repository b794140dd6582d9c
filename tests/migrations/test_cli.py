"""`runbook migrations` on real repositories, and what it reads from Git."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_lib.errors import PlatformError, UnknownReleaseError
from runbook_lib.migrations import brought, code_files, code_names, files_at
from runbook_lib.migrations.cli import migrations
from tests.migrations.php import migration, table

FOLDER = "backend/database/migrations"
FIRST = "Schema::create('users', function (Blueprint $table) { $table->id(); $table->string('nickname', 30); });"
UPS = {
    "safe": table("$table->string('a')->nullable();"),
    "shim": table("$table->string('a');"),
    "down": table("$table->renameColumn('nickname', 'alias');"),
    "loss": table("$table->dropColumn('nickname');"),
    "unknown": "rebuild_everything();",
}
DOWN = table("$table->renameColumn('alias', 'nickname');")


class Shop:
    """A repository with a Laravel application in backend/."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        identity = ["-c", "user.name=shop", "-c", "user.email=shop@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", "-C", str(self.folder), *identity, *words], capture_output=True, check=True)
        return done.stdout.decode()

    def release(self, tag: str, files: dict[str, str | bytes | None]) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", tag)
        self.git("tag", tag)

    def ask(self, *words: str) -> Result:
        return CliRunner().invoke(migrations, [*words, "--repo", str(self.folder), "--path", "backend"])


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    shop = Shop(tmp_path)
    first = migration(FIRST).source or ""
    shop.release(
        "v1.4.2", {f"{FOLDER}/2025_01_01_000000_users.php": first, "backend/app/User.php": "<?php // nickname\n"}
    )
    return shop


@pytest.mark.parametrize(("verdict", "status"), [("safe", 0), ("shim", 3), ("down", 4), ("loss", 5), ("unknown", 6)])
def test_exit_status_by_verdict(shop: Shop, verdict: str, status: int) -> None:
    shop.release("v1.5.0", {f"{FOLDER}/2026_01_01_000000_change.php": migration(UPS[verdict], DOWN).source})
    result = shop.ask("v1.4.2..v1.5.0", "--database", "mysql")
    assert result.exit_code == status, result.output
    assert f"1 migration: {verdict}" in result.output


def test_the_older_code_that_names_a_dropped_column_is_shown(shop: Shop) -> None:
    shop.release("v1.5.0", {f"{FOLDER}/2026_01_01_000000_change.php": migration(UPS["loss"]).source})
    output = shop.ask("v1.4.2..v1.5.0").output
    assert "backend/app/User.php:1" in output
    assert "loadMigrationsFrom" in output


def test_json_holds_everything(shop: Shop) -> None:
    shop.release("v1.5.0", {f"{FOLDER}/2026_01_01_000000_change.php": migration(UPS["loss"]).source})
    facts = json.loads(shop.ask("v1.4.2..v1.5.0", "--json").output)
    (operation,) = facts["migrations"][0]["operations"]
    assert (facts["verdict"], operation["subject"]) == ("loss", "users.nickname")
    assert operation["shims"][0]["definition"] == "string(30)"
    assert operation["references"][0]["line"] == 1


def test_the_column_before_comes_from_the_older_release(shop: Shop) -> None:
    up = table("$table->string('nickname', 90)->change();")
    shop.release("v1.5.0", {f"{FOLDER}/2026_01_01_000000_change.php": migration(up).source})
    assert shop.ask("v1.4.2..v1.5.0", "--database", "mysql").exit_code == 0


def test_nothing_new_is_safe(shop: Shop) -> None:
    shop.release("v1.5.0", {})
    result = shop.ask("v1.4.2..v1.5.0")
    assert (result.exit_code, "0 migrations: safe" in result.output) == (0, True)


def test_files_that_only_the_older_release_has_and_edited_ones_are_named(shop: Shop) -> None:
    shop.release("v1.4.3", {f"{FOLDER}/2025_02_01_000000_gone.php": migration("").source})
    shop.release(
        "v1.5.0",
        {
            f"{FOLDER}/2025_02_01_000000_gone.php": None,
            f"{FOLDER}/2025_01_01_000000_users.php": migration(FIRST + " ").source,
        },
    )
    output = shop.ask("v1.4.3..v1.5.0").output
    assert "2025_02_01_000000_gone is in the older release only" in output
    assert "2025_01_01_000000_users was edited between the releases" in output


@pytest.mark.parametrize("asked", ["v1.4.2", "..", "v1.4.2..", "..v1.5.0", "v1.4.2...v1.4.2", "v9..v1.4.2", "--all..x"])
def test_what_is_no_pair_of_releases_is_an_error(shop: Shop, asked: str) -> None:
    assert shop.ask(asked).exit_code in {1, 2}


def test_an_unknown_tag_names_the_nearest(shop: Shop) -> None:
    result = shop.ask("v1.4.2..v1.4.3")
    assert result.exit_code == 1
    assert "v1.4.2" in result.output


def test_a_folder_that_is_no_repository_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(migrations, ["a..b", "--repo", str(tmp_path)])
    assert (result.exit_code, "no Git repository" in result.output) == (1, True)


def test_no_migrations_anywhere_is_an_error(shop: Shop) -> None:
    result = CliRunner().invoke(migrations, ["v1.4.2..v1.4.2", "--repo", str(shop.folder)])
    assert (result.exit_code, "--path" in result.output) == (1, True)


def test_migrations_in_folders_below_are_read_too(shop: Shop) -> None:
    shop.release("v1.5.0", {f"{FOLDER}/tenant/2026_01_01_000000_change.php": migration(UPS["loss"]).source})
    assert shop.ask("v1.4.2..v1.5.0").exit_code == 5


# -- what is read from Git -------------------------------------------------------------------------------------------


def test_files_come_in_the_order_in_which_they_run(shop: Shop) -> None:
    shop.release(
        "v1.5.0", {f"{FOLDER}/z/2024_01_01_000000_a.php": "<?php", f"{FOLDER}/2026_01_01_000000_b.php": "<?php"}
    )
    assert [file.migration for file in files_at(shop.folder, "v1.5.0", FOLDER)] == [
        "2024_01_01_000000_a",
        "2025_01_01_000000_users",
        "2026_01_01_000000_b",
    ]


def test_contents_are_bytes_as_they_are(shop: Shop) -> None:
    odd = b"<?php\n\n\xff 12 blob 3\n\n"
    shop.release("v1.5.0", {f"{FOLDER}/2026_01_01_000000_a.php": odd, f"{FOLDER}/2026_01_02_000000_b.php": b""})
    contents = {file.migration: file.content for file in files_at(shop.folder, "v1.5.0", FOLDER)}
    assert (contents["2026_01_01_000000_a"], contents["2026_01_02_000000_b"]) == (odd, b"")


def test_a_folder_that_is_not_there_has_no_files(shop: Shop) -> None:
    assert files_at(shop.folder, "v1.4.2", "nowhere") == []


def test_a_revision_that_looks_like_an_option_is_no_option(shop: Shop) -> None:
    with pytest.raises(UnknownReleaseError):
        files_at(shop.folder, "--output=x")


def test_a_folder_without_repository(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="no Git repository"):
        files_at(tmp_path, "v1")


def test_names_are_found_as_words_outside_of_migrations(shop: Shop) -> None:
    code = "<?php\n$user->nickname;\n$user->nicknames;\n"
    files = {
        "backend/app/A.php": code,
        "backend/resources/a.blade.php": "{{ $nickname }}",
        "backend/vendor/b.php": code,
    }
    shop.release("v1.5.0", dict(files))
    found = code_names(shop.folder, "v1.5.0", ["nickname"], without=FOLDER, path="backend/")
    assert [str(place) for place in found] == [
        "backend/app/A.php:2",
        "backend/app/User.php:1",
        "backend/resources/a.blade.php:1",
    ]


def test_what_the_database_has_and_the_files_lack_in_the_order_of_its_rows() -> None:
    rows = ["2025_a", "2026_c", "2026_b", "2026_c", " "]
    assert brought(rows, ["database/migrations/2025_a.php", "2027_x.php"]) == ["2026_c", "2026_b"]


def test_files_that_name_a_word_are_read_at_the_revision(shop: Shop) -> None:
    code = "<?php\n$user->nickname;\n"
    shop.release("v1.5.0", {"backend/app/A b.php": code, "backend/tests/T.php": code, "backend/vendor/b.php": code})
    shop.release("v1.6.0", {"backend/app/A b.php": "<?php\n"})
    found = code_files(shop.folder, "v1.5.0", ["nickname", "no such word", "alias"], without=[FOLDER], path="backend/")
    assert found == {"backend/app/A b.php": code, "backend/app/User.php": "<?php // nickname\n"}
    assert code_files(shop.folder, "v1.5.0", ["--output=x"]) == {}


def test_a_column_named_as_a_relation_of_the_older_code_is_shown(shop: Shop) -> None:
    relation = "<?php\nclass User extends Model { public function team() { return $this->belongsTo(Team::class); } }\n"
    shop.release("v1.4.3", {"backend/app/Models/User.php": relation})
    up = table("$table->string('team')->nullable();")
    shop.release("v1.5.0", {f"{FOLDER}/2026_01_01_000000_change.php": migration(up).source})
    result = shop.ask("v1.4.3..v1.5.0", "--database", "mysql")
    assert (result.exit_code, "backend/app/Models/User.php:2" in result.output) == (6, True)


# -- what goes wrong in a CI -----------------------------------------------------------------------------------------


def shown(result: Result) -> str:
    return " ".join(result.output.split())


def test_the_newer_release_first_is_an_error(shop: Shop) -> None:
    shop.release("v1.5.0", {f"{FOLDER}/2026_01_01_000000_change.php": migration(UPS["loss"]).source})
    result = shop.ask("v1.5.0..v1.4.2")
    assert (result.exit_code, "v1.4.2..v1.5.0" in shown(result)) == (1, True)


def test_releases_of_two_branches_are_compared(shop: Shop) -> None:
    shop.git("checkout", "-q", "-b", "fix")
    shop.release("v1.4.3", {"backend/app/Fix.php": "<?php\n"})
    shop.git("checkout", "-q", "main")
    shop.release("v1.5.0", {f"{FOLDER}/2026_01_01_000000_change.php": migration(UPS["loss"]).source})
    assert shop.ask("v1.4.3..v1.5.0").exit_code == 5


def test_a_shallow_clone_is_named(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> None:
    shop.release("v1.5.0", {})
    clone = tmp_path_factory.mktemp("ci") / "clone"
    url = f"file://{shop.folder}"
    subprocess.run(["git", "clone", "-q", "--depth", "1", url, str(clone)], check=True, capture_output=True)
    result = CliRunner().invoke(migrations, ["v1.4.2..v1.5.0", "--repo", str(clone), "--path", "backend"])
    assert (result.exit_code, "git fetch --unshallow --tags" in shown(result)) == (1, True)


def test_a_clone_without_tags_is_named(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> None:
    clone = tmp_path_factory.mktemp("ci") / "clone"
    subprocess.run(
        ["git", "clone", "-q", "--no-tags", f"file://{shop.folder}", str(clone)], check=True, capture_output=True
    )
    result = CliRunner().invoke(migrations, ["v1.4.2..v1.5.0", "--repo", str(clone)])
    assert (result.exit_code, "git fetch --tags" in shown(result)) == (1, True)


def test_the_folder_of_a_monorepo_is_suggested(shop: Shop) -> None:
    shop.release("v1.5.0", {})
    result = CliRunner().invoke(migrations, ["v1.4.2..v1.5.0", "--repo", str(shop.folder)])
    assert (result.exit_code, "it has backend/database/migrations" in shown(result)) == (1, True)


def test_an_application_that_moved_is_an_error_and_not_safe(shop: Shop) -> None:
    first = migration(FIRST).source
    moved = {
        f"{FOLDER}/2025_01_01_000000_users.php": None,
        "api/database/migrations/2025_01_01_000000_users.php": first,
    }
    shop.release("v1.5.0", dict(moved))
    for path in ("backend", "api"):
        result = CliRunner().invoke(migrations, ["v1.4.2..v1.5.0", "--repo", str(shop.folder), "--path", path])
        assert (result.exit_code, "has no migration in" in shown(result)) == (1, True)


def test_a_folder_that_neither_release_has_is_an_error(shop: Shop) -> None:
    shop.release("v1.5.0", {})
    result = shop.ask("v1.4.2..v1.5.0", "--folder", "database/migrations", "--folder", "database/tenants")
    assert (result.exit_code, "backend/database/tenants" in shown(result)) == (1, True)


def test_the_first_release_with_migrations_is_assessed(shop: Shop) -> None:
    shop.git("checkout", "-q", "--orphan", "other")
    shop.git("rm", "-q", "-r", "-f", ".")
    shop.release("v0.1.0", {"backend/app/A.php": "<?php\n"})
    shop.release("v0.2.0", {f"{FOLDER}/2026_01_01_000000_change.php": migration(FIRST).source})
    assert shop.ask("v0.1.0..v0.2.0", "--database", "mysql").exit_code == 0


def test_many_notes_are_counted(shop: Shop) -> None:
    shop.release("v1.4.3", {f"{FOLDER}/2025_02_01_{i:06d}_gone.php": migration("").source for i in range(14)})
    gone = {f"{FOLDER}/2025_02_01_{i:06d}_gone.php": None for i in range(14)}
    shop.release("v1.5.0", dict(gone))
    assert "4 more migrations were taken out or edited" in shop.ask("v1.4.3..v1.5.0").output


def test_a_migration_that_came_and_went_between_the_releases_may_have_run(shop: Shop) -> None:
    first, between = (migration(UPS[what], None) for what in ("safe", "loss"))
    shop.release("v1", {f"{FOLDER}/2026_01_01_000000_a.php": first.source})
    shop.release("v2", {f"{FOLDER}/2026_01_02_000000_b.php": between.source})
    shop.release("v3", {f"{FOLDER}/2026_01_02_000000_b.php": None})
    found = shop.ask("v1..v3")
    assert found.exit_code == shop.ask("v1..v2").exit_code != 0
    assert "2026_01_02_000000_b came and went between the releases: it may have run" in found.output
    assert shop.ask("v2..v3").exit_code == 0


@pytest.mark.parametrize("words", [("--path", "../shop"), ("--folder", "a/../../b")])
def test_a_folder_outside_of_the_repository_is_refused_by_name(shop: Shop, words: tuple[str, str]) -> None:
    shop.release("v2", {})
    found = CliRunner().invoke(migrations, ["v2..v2", "--repo", str(shop.folder), *words])
    assert found.exit_code == 1
    assert f"{words[1]!r} is no folder of the repository" in found.output
