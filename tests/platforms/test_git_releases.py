"""Release folders behind a link: switched in one instant, made again when half made, never taken for another's."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from runbook_lib.errors import PlatformError, StepFailedError
from tests.platforms.git_shop import RUN, Shop, alone, carry_out, git


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    alone(monkeypatch)
    return Shop(tmp_path, "releases").build()


def plain(shop: Shop, name: str, tag: str, live: bool = True, absolute: bool = False) -> Path:
    """A release folder as Capistrano and Deployer make it."""
    folder = shop.path / "releases" / name
    folder.mkdir()
    (folder / "version").write_text(f"{tag}\n")
    (folder / "REVISION").write_text(git(shop.repository, "rev-parse", f"{tag}^{{commit}}") + "\n")
    if live:
        (shop.path / "current").unlink()
        (shop.path / "current").symlink_to(folder if absolute else f"releases/{name}")
    return folder


# -- the link -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_reader_never_misses_the_link(shop: Shop) -> None:
    missing: list[str] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            try:
                os.stat(shop.path / "current" / "version")
            except OSError as error:
                missing.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(10):
            carry_out(shop.switch("v1" if number % 2 == 0 else "v3", run=f"run-{number}").steps)
    finally:
        over.set()
        reader.join()
    assert missing == []


def test_a_link_that_a_crash_left_is_no_hindrance(shop: Shop) -> None:
    (shop.path / "current.next").symlink_to("releases/nowhere")
    carry_out(shop.switch("v1").steps)
    assert shop.served() == "v1"
    assert not (shop.path / "current.next").is_symlink()


@pytest.mark.parametrize("absolute", [True, False])
def test_back_restores_the_link_as_it_was(shop: Shop, absolute: bool) -> None:
    folder = shop.path / "releases/v3"
    (shop.path / "current").unlink()
    (shop.path / "current").symlink_to(folder if absolute else "releases/v3")
    before = os.readlink(shop.path / "current")
    switch = shop.switch("v1")
    carry_out(switch.steps)
    carry_out(switch.back)
    assert os.readlink(shop.path / "current") == before


def test_a_current_that_is_a_folder_is_refused(shop: Shop) -> None:
    (shop.path / "current").unlink()
    (shop.path / "current").mkdir()
    with pytest.raises(PlatformError, match="is no link to a release"):
        shop.platform().current()


def test_a_current_that_leads_nowhere_is_named(shop: Shop) -> None:
    (shop.path / "current").unlink()
    (shop.path / "current").symlink_to("releases/gone")
    with pytest.raises(PlatformError, match="leads to releases/gone"):
        shop.platform().current()


# -- folders --------------------------------------------------------------------------------------------------------


def test_a_folder_is_made_only_once(shop: Shop) -> None:
    carry_out(shop.switch("v1").steps)
    carry_out(shop.switch("v3", run="second").steps)
    assert [step.id for step in shop.switch("v1", run="third").steps] == ["production.local.link"]


def test_a_folder_that_was_left_half_made_is_made_again(shop: Shop) -> None:
    folder = shop.path / "releases/v1"
    folder.mkdir()
    (folder / "rubbish").touch()
    (shop.path / "releases/.v1.incomplete").touch()
    carry_out(shop.switch("v1").steps)
    assert shop.served() == "v1"
    assert not (folder / "rubbish").exists()
    assert not (shop.path / "releases/.v1.incomplete").exists()


def test_a_folder_whose_install_failed_is_made_again(shop: Shop) -> None:
    with pytest.raises(StepFailedError):
        carry_out(shop.switch("v1", install=[["sh", "-c", "touch half; exit 1"]]).steps)
    carry_out(shop.switch("v1", run="second", install=[["true"]]).steps)
    assert not (shop.path / "releases/v1/half").exists()


def test_a_reboot_in_the_midst_of_making_a_folder(shop: Shop) -> None:
    """The command that was cut off cannot be taken up in the middle: all of them are done again."""
    readings = shop.platform().readings(shop.release("v1"))
    shop.switch("v1", readings).steps[0].do()
    marks = shop.folder / "state/commands" / RUN
    (marks / "production.local.prepare.4.exit").unlink()
    (marks / "production.local.prepare.4.pid").write_text("999999999\n")
    (shop.path / "releases/v1/version").unlink()
    carry_out(shop.switch("v1", readings).steps)
    assert shop.served() == "v1"


def test_a_foreign_folder_of_the_same_name_stays(shop: Shop) -> None:
    folder = shop.path / "releases/v1"
    folder.mkdir()
    (folder / "precious").touch()
    carry_out(shop.switch("v1").steps)
    assert (shop.served(), shop.live()) == ("v1", "v1")
    assert (folder / "precious").exists()
    assert os.readlink(shop.path / "current") == f"releases/v1-{shop.release('v1').short_id}"


def test_a_folder_that_somebody_edited_is_not_taken_for_the_release(shop: Shop) -> None:
    carry_out(shop.switch("v1").steps)
    carry_out(shop.switch("v3", run="second").steps)
    (shop.path / "releases/v1/version").write_text("hand-made\n")
    carry_out(shop.switch("v1", run="third").steps)
    assert shop.served() == "v1"
    assert (shop.path / "releases/v1/version").read_text() == "hand-made\n"


def test_a_tag_that_was_moved_gets_a_folder_of_its_own(shop: Shop) -> None:
    carry_out(shop.switch("v1").steps)
    carry_out(shop.switch("v3", run="second").steps)
    git(shop.repository, "tag", "--force", "-m", "moved", "v1", "v2")
    carry_out(shop.switch("v1", run="third").steps)
    assert shop.served() == "v2"


def test_tags_that_only_differ_by_a_slash_do_not_share_a_folder(shop: Shop) -> None:
    git(shop.repository, "tag", "a/b", "v1")
    git(shop.repository, "tag", "a-b", "v2")
    carry_out(shop.switch("a/b").steps)
    carry_out(shop.switch("a-b", run="second").steps)
    assert shop.served() == "v2"
    assert len(list((shop.path / "releases").glob("a-b*"))) == 2


def test_a_folder_that_git_forgot_is_made_again(shop: Shop) -> None:
    carry_out(shop.switch("v1").steps)
    carry_out(shop.switch("v3", run="second").steps)
    shutil.rmtree(shop.path / "releases/v1")
    carry_out(shop.switch("v1", run="third").steps)
    assert shop.served() == "v1"


def test_a_repository_that_was_moved_says_how_to_mend_it(shop: Shop) -> None:
    shop.repository.rename(shop.folder / "moved")
    with pytest.raises(PlatformError) as caught:
        shop.platform(repository=str(shop.folder / "moved")).current()
    assert "git worktree repair" in caught.value.next_step
    git(shop.folder / "moved", "worktree", "repair", str(shop.path / "releases/v3"))
    assert shop.platform(repository=str(shop.folder / "moved")).current()["local"].tag == "v3"


def test_pruning_worktrees_keeps_what_serves(shop: Shop) -> None:
    git(shop.repository, "worktree", "prune", "--expire=now")
    git(shop.repository, "gc", "--quiet", "--prune=now")
    assert shop.live() == "v3"


def test_a_release_that_the_hosts_repository_lacks_is_refused(shop: Shop) -> None:
    release = shop.release("v1")
    git(shop.folder, "init", "--quiet", "--bare", "other")
    with pytest.raises(PlatformError, match="does not have the commit"):
        shop.platform(repository=str(shop.folder / "other")).readings(release)


# -- shared ---------------------------------------------------------------------------------------------------------


def test_what_is_shared_is_linked_and_survives(shop: Shop) -> None:
    shop.commit("v4", {"storage/.gitignore": "*\n!.gitignore\n", "config/app.php": "x", "version": "v4\n"})
    (shop.path / "shared/config").mkdir()
    (shop.path / "shared/config/local.php").write_text("secret")
    (shop.path / "shared/storage/upload").write_text("precious")
    shared = {"shared": ["storage", "config/local.php"]}
    carry_out(shop.switch("v4", **shared).steps)
    assert (shop.live_folder / "storage/upload").read_text() == "precious"
    assert (shop.live_folder / "config/local.php").read_text() == "secret"
    assert os.readlink(shop.live_folder / "storage") == "../../shared/storage"
    carry_out(shop.switch("v1", run="second", **shared).steps)
    assert [step.id for step in shop.switch("v4", run="third", **shared).steps] == ["production.local.link"]


def test_a_half_made_folder_is_removed_without_what_it_links_to(shop: Shop) -> None:
    (shop.path / "shared/storage/upload").write_text("precious")
    shared = {"shared": ["storage"]}
    with pytest.raises(StepFailedError):
        carry_out(shop.switch("v1", install=[["false"]], **shared).steps)
    carry_out(shop.switch("v1", run="second", **shared).steps)
    assert (shop.live_folder / "storage/upload").read_text() == "precious"


def test_what_is_shared_must_be_there(shop: Shop) -> None:
    with pytest.raises(PlatformError, match=r"shared/\.env on local does not exist"):
        shop.platform(shared=[".env"]).readings(shop.release("v1"))


def test_what_is_shared_must_not_lie_behind_a_link_of_the_release(shop: Shop) -> None:
    (shop.repository / "data").symlink_to(shop.folder)
    shop.commit("v4", {})
    (shop.path / "shared/data/repository").mkdir(parents=True)
    with pytest.raises(PlatformError, match="has a link data"):
        shop.platform(shared=["data/repository"]).readings(shop.release("v4"))


# -- folders that others made ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("absolute", [True, False])
def test_a_plain_folder_with_a_revision_is_what_serves(shop: Shop, absolute: bool) -> None:
    plain(shop, "20260102120000", "v2", absolute=absolute)
    assert shop.live() == "v2"
    switch = shop.switch("v1")
    carry_out(switch.steps)
    assert shop.served() == "v1"
    carry_out(switch.back)
    assert (shop.served(), shop.live()) == ("v2", "v2")


def test_an_abbreviated_revision_is_understood(shop: Shop) -> None:
    folder = plain(shop, "20260102120000", "v2")
    (folder / "REVISION").write_text(git(shop.repository, "rev-parse", "--short=9", "v2^{commit}"))
    assert shop.live() == "v2"


def test_a_plain_folder_with_the_commit_is_gone_to_instead_of_making_one(shop: Shop) -> None:
    plain(shop, "20260101120000", "v1", live=False)
    plain(shop, "20260102120000", "v2", live=False)
    plain(shop, "20260103120000", "v1", live=False)
    switch = shop.switch("v1", install=[["false"]])
    carry_out(switch.steps)
    assert os.readlink(shop.path / "current") == "releases/20260103120000"


@pytest.mark.parametrize("text", ["", "not a commit\n", "deadbeef\n"])
def test_a_revision_that_is_no_commit_is_not_believed(shop: Shop, text: str) -> None:
    (plain(shop, "20260102120000", "v2") / "REVISION").write_text(text)
    with pytest.raises(PlatformError, match="REVISION"):
        shop.platform().current()


def test_a_plain_folder_does_not_pass_for_the_checkout_around_it(shop: Shop) -> None:
    git(shop.path, "init", "--quiet")
    git(shop.path, "commit", "--quiet", "--allow-empty", "-m", "of another project")
    (plain(shop, "20260102120000", "v2") / "REVISION").unlink()
    with pytest.raises(PlatformError, match="neither a Git checkout nor has a file REVISION"):
        shop.platform().current()


def test_a_tracked_file_revision_does_not_say_what_a_worktree_holds(shop: Shop) -> None:
    shop.commit("v4", {"REVISION": git(shop.repository, "rev-parse", "v1^{commit}"), "version": "v4\n"})
    carry_out(shop.switch("v4").steps)
    assert shop.live() == "v4"
