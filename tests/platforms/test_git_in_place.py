"""Nothing that lies in the application's folder is lost, and it is left as it was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.errors import DirtyCheckoutError, PlatformError, StepFailedError
from tests.platforms.git_shop import Shop, alone, carry_out, git


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    alone(monkeypatch)
    return Shop(tmp_path, "in-place").build()


# -- where HEAD is --------------------------------------------------------------------------------------------------


def test_back_is_on_the_branch_again(shop: Shop) -> None:
    switch = shop.switch("v1")
    carry_out(switch.steps)
    assert git(shop.path, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD"
    carry_out(switch.back)
    assert git(shop.path, "symbolic-ref", "HEAD") == "refs/heads/main"


@pytest.mark.parametrize("where", ["v1", "v3"])
def test_a_tag_and_a_file_with_the_branchs_name_do_not_mislead(shop: Shop, where: str) -> None:
    shop.commit("v4", {"main": "a file", "version": "v4\n"})
    git(shop.path, "tag", "main", where)
    switch = shop.switch("v1")
    carry_out(switch.steps)
    carry_out(switch.back)
    assert (git(shop.path, "symbolic-ref", "HEAD"), shop.served()) == ("refs/heads/main", "v4")


def test_back_is_detached_where_it_was_detached(shop: Shop) -> None:
    git(shop.path, "checkout", "--quiet", "v2")
    switch = shop.switch("v1")
    carry_out(switch.steps)
    carry_out(switch.back)
    assert (git(shop.path, "rev-parse", "--abbrev-ref", "HEAD"), shop.served()) == ("HEAD", "v2")


def test_back_returns_to_the_branch_when_both_releases_are_one_commit(shop: Shop) -> None:
    git(shop.path, "tag", "same", "v3")
    switch = shop.switch("same")
    carry_out(switch.steps)
    carry_out(switch.back)
    assert git(shop.path, "symbolic-ref", "HEAD") == "refs/heads/main"


def test_a_commit_that_only_head_names_is_kept(shop: Shop) -> None:
    git(shop.path, "checkout", "--quiet", "--detach")
    commit = shop.commit("", {"version": "hotfix\n"})
    switch = shop.switch("v1")
    carry_out(switch.steps)
    git(shop.path, "reflog", "expire", "--expire=now", "--all")
    git(shop.path, "gc", "--quiet", "--prune=now")
    carry_out(switch.back)
    assert (git(shop.path, "rev-parse", "HEAD"), shop.served()) == (commit, "hotfix")


# -- work that is not committed -------------------------------------------------------------------------------------


@pytest.mark.parametrize("staged", [True, False])
def test_uncommitted_changes_are_refused_and_stay(shop: Shop, staged: bool) -> None:
    (shop.path / "version").write_text("hand-made\n")
    if staged:
        git(shop.path, "add", "version")
    with pytest.raises(DirtyCheckoutError, match="uncommitted changes: version"):
        shop.platform().readings(shop.release("v1"))
    assert shop.served() == "hand-made"


def test_changes_made_after_the_plan_are_not_lost(shop: Shop) -> None:
    switch = shop.switch("v1")
    (shop.path / "version").write_text("hand-made\n")
    with pytest.raises(StepFailedError, match=r"Aborting|overwritten"):
        carry_out(switch.steps)
    assert shop.served() == "hand-made"


@pytest.mark.parametrize("ignored", [True, False])
def test_untracked_files_in_the_way_are_refused_and_stay(shop: Shop, ignored: bool) -> None:
    # Every release before v3 lacks only-3; the way back to v3 would overwrite it.
    git(shop.path, "checkout", "--quiet", "v1")
    (shop.path / "only-3").write_text("precious")
    if ignored:
        (shop.path / ".git/info/exclude").write_text("only-3\n")
    with pytest.raises(DirtyCheckoutError, match="only-3"):
        shop.platform().readings(shop.release("v3"))
    assert (shop.path / "only-3").read_text() == "precious"


@pytest.mark.parametrize("name", ["only-3", "data/file"])
def test_ignored_files_that_appear_after_the_plan_are_not_lost(shop: Shop, name: str) -> None:
    shop.commit("v4", {"data/file": "tracked", "version": "v4\n"})
    git(shop.path, "checkout", "--quiet", "v1")
    (shop.path / ".git/info/exclude").write_text("only-3\ndata\n")
    switch = shop.switch("v4")
    (shop.path / name).parent.mkdir(exist_ok=True)
    (shop.path / name).write_text("precious")
    with pytest.raises(StepFailedError):
        carry_out(switch.steps)
    assert ((shop.path / name).read_text(), shop.served()) == ("precious", "v1")


def test_an_ignored_file_where_the_release_has_a_folder(shop: Shop) -> None:
    shop.commit("v4", {"cache/readme": "x"})
    git(shop.path, "checkout", "--quiet", "v1")
    (shop.path / ".git/info/exclude").write_text("cache\n")
    (shop.path / "cache").write_text("precious")
    with pytest.raises(DirtyCheckoutError, match="cache"):
        shop.platform().readings(shop.release("v4"))


def test_an_ignored_folder_where_the_release_has_a_file(shop: Shop) -> None:
    shop.commit("v4", {"cache": "x"})
    git(shop.path, "checkout", "--quiet", "v1")
    (shop.path / ".git/info/exclude").write_text("cache\n")
    (shop.path / "cache").mkdir()
    (shop.path / "cache/entry").write_text("precious")
    with pytest.raises(DirtyCheckoutError, match="cache/entry"):
        shop.platform().readings(shop.release("v4"))


def test_ignored_files_beside_the_releases_own_are_no_hindrance(shop: Shop) -> None:
    shop.commit("v4", {"storage/.gitignore": "*\n!.gitignore\n", "version": "v4\n"})
    git(shop.path, "checkout", "--quiet", "v1")
    (shop.path / "storage").mkdir()
    (shop.path / "storage/session").write_text("precious")
    carry_out(shop.switch("v4").steps)
    assert ((shop.path / "storage/session").read_text(), shop.served()) == ("precious", "v4")


def test_files_that_no_release_touches_stay(shop: Shop) -> None:
    (shop.path / ".env").write_text("APP_KEY=1")
    switch = shop.switch("v1")
    carry_out(switch.steps)
    carry_out(switch.back)
    assert (shop.path / ".env").read_text() == "APP_KEY=1"


def test_more_names_than_a_line_of_output_shows_are_all_looked_at(shop: Shop) -> None:
    """The listing of a big release is not cut."""
    shop.commit("big", {f"folder-{n:05}/{'x' * 60}": "x" for n in range(3000)} | {"zz-last": "x"})
    git(shop.path, "checkout", "--quiet", "v1")
    (shop.path / "zz-last").write_text("precious")
    with pytest.raises(DirtyCheckoutError, match="zz-last"):
        shop.platform().readings(shop.release("big"))


def test_names_with_spaces_newlines_and_glob_characters(shop: Shop) -> None:
    names = ["a b", "new\nline", "*", "[x]", ":(top)y", "ä"]
    shop.commit("odd", dict.fromkeys(names, "x"))
    git(shop.path, "checkout", "--quiet", "v1")
    for name in names:
        (shop.path / name).write_text("precious")
    with pytest.raises(DirtyCheckoutError, match="and 1 more"):
        shop.platform().readings(shop.release("odd"))


# -- another repository knows the tags ------------------------------------------------------------------------------


@pytest.fixture
def behind(shop: Shop) -> Shop:
    """The application is a clone that lacks the newest release."""
    git(shop.folder, "clone", "--quiet", "--bare", str(shop.path), "central")
    central = Shop(shop.folder / "work", "in-place").build()
    git(central.path, "remote", "add", "central", str(shop.folder / "central"))
    git(central.path, "fetch", "--quiet", "central")
    git(central.path, "checkout", "--quiet", "-B", "main", "central/main")
    central.commit("v4", {"version": "v4\n", "cache": "x"})
    git(central.path, "push", "--quiet", "central", "main", "v4")
    return shop


def test_a_release_that_is_not_here_is_fetched(behind: Shop) -> None:
    settings = {"repository": str(behind.folder / "central")}
    release = behind.platform(**settings).releases()[0]
    readings = behind.platform(**settings).readings(release)
    carry_out(behind.platform(**settings).switch(release, readings, "production", "run").steps)
    assert (release.tag, behind.served()) == ("v4", "v4")


def test_a_release_that_is_not_here_yet_must_not_overwrite_either(behind: Shop) -> None:
    (behind.path / "cache").write_text("precious")
    platform = behind.platform(repository=str(behind.folder / "central"))
    with pytest.raises(DirtyCheckoutError, match="cache"):
        platform.readings(platform.releases()[0])


def test_a_local_tag_of_the_same_name_is_neither_used_nor_moved(behind: Shop) -> None:
    git(behind.path, "tag", "v4", "v1")
    platform = behind.platform(repository=str(behind.folder / "central"))
    release = platform.releases()[0]
    carry_out(platform.switch(release, platform.readings(release), "production", "run").steps)
    assert behind.served() == "v4"
    assert git(behind.path, "rev-parse", "v4^{commit}") == git(behind.path, "rev-parse", "v1^{commit}")


# -- a folder of a checkout -----------------------------------------------------------------------------------------


def test_the_application_may_be_a_folder_of_the_checkout(shop: Shop) -> None:
    shop.commit("v4", {"app/version": "v4\n", "cache": "x"})
    shop.commit("v5", {"app/version": "v5\n"})
    path = str(shop.path / "app")
    platform = shop.platform(path=path)
    assert platform.current()["local"].tag == "v5"
    switch = platform.switch(shop.release("v4"), platform.readings(shop.release("v4")), "production", "run")
    carry_out(switch.steps)
    assert (shop.path / "app/version").read_text() == "v4\n"
    with pytest.raises(PlatformError, match="has no folder app/"):
        shop.platform(path=path).readings(shop.release("v1"))


def test_files_outside_of_the_applications_folder_are_not_lost_either(shop: Shop) -> None:
    shop.commit("v4", {"app/version": "v4\n"})
    shop.commit("v5", {"app/version": "v5\n", "beside": "x"})
    git(shop.path, "checkout", "--quiet", "v4")
    (shop.path / "beside").write_text("precious")
    with pytest.raises(DirtyCheckoutError, match="beside"):
        shop.platform(path=str(shop.path / "app")).readings(shop.release("v5"))


def test_a_folder_that_the_checkout_around_it_does_not_track_is_no_checkout(shop: Shop) -> None:
    (shop.path / "elsewhere").mkdir()
    (shop.path / "elsewhere/file").write_text("x")
    with pytest.raises(PlatformError, match="tracks nothing of it"):
        shop.platform(path=str(shop.path / "elsewhere")).current()


# -- trouble --------------------------------------------------------------------------------------------------------


def test_a_lock_that_was_left_behind_is_named(shop: Shop) -> None:
    (shop.path / ".git/index.lock").touch()
    with pytest.raises(PlatformError, match=r"index\.lock") as caught:
        shop.platform().readings(shop.release("v1"))
    assert "remove that file" in caught.value.next_step


def test_a_lock_of_the_midst_of_a_step_is_named_and_the_step_goes_on_without_it(shop: Shop) -> None:
    readings = shop.platform().readings(shop.release("v1"))
    (shop.path / ".git/index.lock").touch()
    with pytest.raises(StepFailedError):
        carry_out(shop.switch("v1", readings).steps)
    (shop.path / ".git/index.lock").unlink()
    carry_out(shop.switch("v1", readings).steps)
    assert shop.served() == "v1"


def test_a_checkout_without_commits(shop: Shop) -> None:
    git(shop.folder, "init", "--quiet", "empty")
    with pytest.raises(PlatformError, match="has no commit yet"):
        shop.platform(path=str(shop.folder / "empty")).current()


def test_a_bare_repository_is_no_checkout(shop: Shop) -> None:
    git(shop.folder, "clone", "--quiet", "--bare", str(shop.path), "bare")
    with pytest.raises(PlatformError, match="work tree"):
        shop.platform(path=str(shop.folder / "bare")).current()


def test_a_folder_that_is_gone(shop: Shop) -> None:
    with pytest.raises(PlatformError, match="cannot change to"):
        shop.platform(path=str(shop.folder / "gone"), repository=str(shop.path)).current()


def test_line_endings_that_git_converts_are_no_changes(shop: Shop) -> None:
    shop.commit("crlf", {".gitattributes": "*.txt text eol=crlf\n", "a.txt": "one\ntwo\n", "version": "crlf\n"})
    carry_out(shop.switch("v1").steps)
    carry_out(shop.switch("crlf", run="another").steps)
    assert (shop.path / "a.txt").read_bytes() == b"one\r\ntwo\r\n"
    assert shop.platform().readings(shop.release("v1"))
