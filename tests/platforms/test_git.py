"""Each member of the contract, on real repositories, in both layouts."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.command import Command
from runbook_lib.errors import PlatformError, StepFailedError, UnknownReleaseError
from runbook_lib.platforms.base import Release, find_release
from tests.platforms.git_shop import RUN, SECTION, Shop, alone, carry_out, git


@pytest.fixture(params=["in-place", "releases"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    alone(monkeypatch)
    return Shop(tmp_path, request.param).build()


# -- releases -------------------------------------------------------------------------------------------------------


def test_releases_are_the_tags_newest_first(shop: Shop) -> None:
    assert [release.tag for release in shop.platform().releases()] == ["v3", "v2", "v1"]


def test_a_release_tells_commit_time_in_utc_and_title(shop: Shop) -> None:
    release = shop.release("v2")
    assert release == Release("v2", git(shop.repository, "rev-parse", "v2^{commit}"), release.created, "v2")
    assert release.created.endswith("+00:00")


def test_a_light_tag_is_a_release_with_the_commits_title(shop: Shop) -> None:
    commit = shop.commit("light", {"a": "1"}, annotated=False)
    assert (shop.release("light").id, shop.release("light").title) == (commit, "release light")


def test_the_time_of_a_light_tag_is_utc(shop: Shop) -> None:
    shop.commit("light", {"a": "1"}, day=5, annotated=False)
    assert shop.release("light").created == "2026-01-05T10:00:00+00:00"


def test_a_tag_of_a_tag_is_a_release(shop: Shop) -> None:
    git(shop.repository, "tag", "-m", "outer", "outer", "v2")
    git(shop.repository, "tag", "-m", "outermost", "outermost", "outer")
    assert shop.release("outermost").id == shop.release("v2").id


def test_tags_of_trees_and_files_are_no_releases(shop: Shop) -> None:
    git(shop.repository, "tag", "tree", "v1^{tree}")
    git(shop.repository, "tag", "-m", "tree", "annotated-tree", "v1^{tree}")
    git(shop.repository, "tag", "file", "v1:version")
    assert [release.tag for release in shop.platform().releases()] == ["v3", "v2", "v1"]


HOSTILE = [
    "release/2026/01",
    "überraschung-ß-漢字",
    "$(touch${IFS}owned)",
    ";rm${IFS}-rf",
    "<b>bold</b>",
    "a'b\"c",
    "-n",
]


@pytest.mark.parametrize("tag", HOSTILE)
def test_a_hostile_tag_name_is_only_a_name(shop: Shop, tag: str) -> None:
    git(shop.repository, "update-ref", f"refs/tags/{tag}", git(shop.repository, "rev-parse", "v1^{commit}"))
    git(shop.repository, "tag", "-d", "v1")
    carry_out(shop.switch(tag).steps)
    assert (shop.live(), shop.served()) == (tag, "v1")
    assert not list(shop.folder.rglob("owned"))


def test_a_title_that_is_no_utf8_can_be_journaled(shop: Shop) -> None:
    message = shop.folder / "message"
    message.write_bytes(b"Gr\xfc\xdfe \x1b[31m\x0b red\n")
    git(shop.repository, "-c", "i18n.commitEncoding=bogus", "commit", "--allow-empty", "-F", str(message))
    git(shop.repository, "tag", "latin")
    title = shop.release("latin").title
    assert "\x1b" not in title
    json.dumps(title, ensure_ascii=False).encode()


def test_an_unknown_tag_names_the_nearest(shop: Shop) -> None:
    with pytest.raises(UnknownReleaseError, match="did you mean v") as caught:
        find_release(shop.platform().releases(), "v1.")
    assert "v1" in caught.value.next_step


@pytest.mark.slow
def test_many_tags_and_commits_are_read_quickly(shop: Shop) -> None:
    git(shop.repository, "fast-import", "--quiet", stdin=many_commits(10_000, 200))
    started = time.monotonic()
    platform = shop.platform()
    assert len(platform.releases()) == 203
    platform.current()
    platform.readings(platform.releases()[0])
    assert time.monotonic() - started < 3


def many_commits(commits: int, tags: int) -> bytes:
    lines: list[str] = []
    for number in range(commits):
        lines += ["commit refs/heads/many", f"committer A <a@a> {1_600_000_000 + number} +0000", "data 1", "x"]
        lines += [f"M 100644 inline file{number % 500}", f"data {len(str(number))}", str(number)]
        if number % (commits // tags) == 0:
            lines += [f"reset refs/tags/many-{number}", "from refs/heads/many"]
    return "\n".join([*lines, "done", ""]).encode()


# -- current --------------------------------------------------------------------------------------------------------


def test_current_is_what_serves(shop: Shop) -> None:
    assert shop.platform().current() == {"local": shop.release("v3")}


def test_current_has_no_tag_when_the_commit_has_none(shop: Shop) -> None:
    git(shop.repository, "tag", "-d", "v3")
    (live,) = shop.platform().current().values()
    assert (live.tag, len(live.id)) == ("", 40)


def test_current_knows_a_tag_that_was_made_later(shop: Shop) -> None:
    git(shop.repository, "tag", "-d", "v3")
    platform = shop.platform()
    platform.current()
    git(shop.repository, "tag", "late", git(shop.live_folder, "rev-parse", "HEAD"))
    assert platform.current()["local"].tag == "late"


def test_reading_changes_nothing(shop: Shop) -> None:
    (shop.live_folder / "version").touch()  # a refresh of the index would be tempting
    before = contents(shop.folder)
    platform = shop.platform()
    platform.readings(platform.releases()[1])
    platform.current()
    platform.logs(0)
    assert contents(shop.folder) == before


def contents(folder: Path) -> dict[str, tuple[float, int]]:
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")}


# -- switch ---------------------------------------------------------------------------------------------------------


def test_readings_are_plain_and_stable(shop: Shop) -> None:
    platform, release = shop.platform(), shop.release("v1")
    readings = platform.readings(release)
    assert json.loads(json.dumps(readings)) == readings == platform.readings(release)


def test_forward_and_back(shop: Shop) -> None:
    switch = shop.switch("v1")
    carry_out(switch.steps)
    assert (shop.live(), shop.served()) == ("v1", "v1")
    carry_out(switch.back)
    assert (shop.live(), shop.served()) == ("v3", "v3")


def test_a_switch_is_made_without_reading(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    release, readings = shop.release("v1"), shop.platform().readings(shop.release("v1"))
    monkeypatch.setenv("PATH", "")
    switch = shop.platform().switch(release, readings, SECTION, RUN)
    assert all(step.id.startswith("production.") for step in switch.steps)


def test_a_switch_is_the_same_each_time_it_is_made(shop: Shop) -> None:
    readings = shop.platform().readings(shop.release("v1"))
    first, second = (shop.switch("v1", readings, clear=[["true"]], restart=[["true"]]) for _ in range(2))
    assert [step.facts for step in first.steps] == [step.facts for step in second.steps]


def test_ids_of_all_steps_differ(shop: Shop) -> None:
    switch = shop.switch("v1", install=[["true"], ["true"]], clear=[["true"]], restart=[["true"]])
    ids = [step.id for step in (*switch.steps, *switch.back)]
    assert len(ids) == len(set(ids))


def test_doing_a_step_again_is_harmless(shop: Shop) -> None:
    counted = [["sh", "-c", "echo x >> ../../count; cp ../../count /dev/null"]]
    switch = shop.switch("v1", install=counted)
    for step in switch.steps:
        step.do()
        step.do()
    assert (shop.live(), shop.served()) == ("v1", "v1")


@pytest.mark.parametrize("after", range(6))
def test_killed_after_any_step_and_continued(shop: Shop, after: int) -> None:
    settings = {"install": [["sh", "-c", "echo done > installed"]], "restart": [["true"]]}
    readings = shop.platform(**settings).readings(shop.release("v1"))
    for step in shop.switch("v1", readings, **settings).steps[:after]:
        step.do()
    carry_out(shop.switch("v1", readings, **settings).steps)
    assert (shop.live(), shop.served()) == ("v1", "v1")
    assert (shop.live_folder / "installed").exists()


@pytest.mark.parametrize("after", range(4))
def test_killed_on_the_way_back_and_continued(shop: Shop, after: int) -> None:
    settings = {"restart": [["true"]]}
    readings = shop.platform(**settings).readings(shop.release("v1"))
    carry_out(shop.switch("v1", readings, **settings).steps)
    for step in shop.switch("v1", readings, **settings).back[:after]:
        step.do()
    carry_out(shop.switch("v1", readings, **settings).back)
    assert (shop.live(), shop.served()) == ("v3", "v3")


def test_a_failing_install_says_its_last_line_and_the_way_back_works(shop: Shop) -> None:
    fails = "if grep -q v1 version; then echo fetching; echo 'composer: disk full' >&2; exit 7; fi"
    switch = shop.switch("v1", install=[["sh", "-c", fails]])
    with pytest.raises(StepFailedError, match="status 7: composer: disk full"):
        carry_out(switch.steps)
    carry_out(switch.back)
    assert shop.served() == "v3"


def test_a_failed_step_is_done_once_more_when_the_cause_is_mended(shop: Shop) -> None:
    settings = {"restart": [["test", "-e", str(shop.folder / "mended")]]}
    readings = shop.platform(**settings).readings(shop.release("v1"))
    with pytest.raises(StepFailedError):
        carry_out(shop.switch("v1", readings, **settings).steps)
    (shop.folder / "mended").touch()
    carry_out(shop.switch("v1", readings, **settings).steps)
    assert shop.served() == "v1"


def test_own_commands_run_in_order_with_the_environments_variables(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2-hunter2")
    note = shop.folder / "note"
    own = {kind: [["sh", "-c", f"echo {kind} $COLOUR $TOKEN >> {note}"]] for kind in ("install", "clear", "restart")}
    env = {"COLOUR": "blue", "TOKEN": {"env": "SHOP_TOKEN"}}
    switch = shop.switch("v1", **own, env=env)
    carry_out(switch.steps)
    assert note.read_text().splitlines() == [f"{kind} blue hunter2-hunter2" for kind in own]
    assert "hunter2" not in json.dumps([step.facts for step in switch.steps])
    marks = (shop.folder / "state").rglob("*")
    assert not any(b"hunter2" in file.read_bytes() for file in marks if file.is_file())


def test_nothing_is_retired(shop: Shop) -> None:
    platform = shop.platform()
    assert platform.retire(platform.readings(shop.release("v1")), SECTION, RUN) == ()


# -- inside a release -----------------------------------------------------------------------------------------------


def test_a_command_runs_inside_the_live_release(shop: Shop) -> None:
    results = shop.platform().read(shop.release("v3"), Command.of("cat", "version"))
    assert {host: result.output for host, result in results.items()} == {"local": "v3\n"}


def test_a_command_is_refused_for_a_release_that_is_not_there(shop: Shop) -> None:
    with pytest.raises(PlatformError, match="v1"):
        shop.platform().command(shop.release("v1"), Command.of("true"), "local")


def test_a_command_gets_the_environments_variables_but_its_own_win(shop: Shop) -> None:
    platform = shop.platform(env={"A": "1", "B": "1"})
    command = platform.command(shop.release("v3"), Command.of("env", env={"B": "2"}), "local")
    assert command.env == {"A": "1", "B": "2"}


# -- logs -----------------------------------------------------------------------------------------------------------


def test_logs_of_several_files_are_in_order_and_since(shop: Shop) -> None:
    (shop.live_folder / "a.log").write_text(
        "[2026-01-01 10:00:00] old\n[2026-01-01 12:00:00] a\n#0 stack\n[2026-01-01 14:00:00] c\n"
    )
    (shop.live_folder / "b.log").write_text("2026-01-01T13:00:00Z b\n")
    lines = shop.platform(logs=["a.log", "b.log", "missing.log"]).logs(1_767_264_000.0)
    assert [line.text for line in lines] == [
        "[2026-01-01 12:00:00] a",
        "#0 stack",
        "2026-01-01T13:00:00Z b",
        "[2026-01-01 14:00:00] c",
    ]


def test_a_log_that_cannot_be_read_is_no_log_without_lines(shop: Shop) -> None:
    (shop.live_folder / "a.log").mkdir()
    with pytest.raises(PlatformError, match=r"the log on local cannot be read: .*a\.log") as refused:
        shop.platform(logs=["a.log"]).logs(0)
    assert "git.logs" in refused.value.next_step
    (shop.live_folder / "b.log").write_text("2026-01-01T13:00:00Z b\n")
    assert [line.text for line in shop.platform(logs=["a.log", "b.log"]).logs(0)] == ["2026-01-01T13:00:00Z b"]


def test_logs_are_at_most_2000_lines_a_host(shop: Shop) -> None:
    for name in ("a.log", "b.log"):
        (shop.live_folder / name).write_text("".join(f"2026-01-01T12:00:00Z {n} {'x' * 100}\n" for n in range(3000)))
    assert len(shop.platform(logs=["a.log", "b.log"]).logs(0)) == 2000


# -- trouble --------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there(shop: Shop) -> None:
    with pytest.raises(PlatformError, match="there is no folder"):
        shop.platform(repository=str(shop.folder / "nowhere")).releases()


def test_a_folder_that_is_no_repository(shop: Shop) -> None:
    (shop.folder / "plain").mkdir()
    with pytest.raises(PlatformError, match="is no Git repository"):
        shop.platform(repository=str(shop.folder / "plain")).releases()


def test_a_repository_without_tags(shop: Shop) -> None:
    git(shop.repository, "tag", "-d", "v1", "v2", "v3")
    assert shop.platform().releases() == []


def test_tags_are_read_from_a_bare_repository(shop: Shop) -> None:
    git(shop.folder, "clone", "--quiet", "--bare", str(shop.repository), "bare")
    assert len(shop.platform(repository=str(shop.folder / "bare")).releases()) == 3


def test_a_corrupt_repository_is_named(shop: Shop) -> None:
    git(shop.repository, "pack-refs", "--all")
    (shop.repository / ".git/packed-refs").write_text("rubbish\n")
    with pytest.raises(PlatformError, match="fsck"):
        shop.platform().releases()


def test_a_repository_whose_objects_are_gone(shop: Shop) -> None:
    release = shop.release("v1")
    objects = shop.repository / ".git/objects"
    objects.rename(shop.folder / "lost")
    objects.mkdir()
    with pytest.raises(PlatformError):
        shop.platform().readings(release)


@pytest.mark.skipif("os.getuid() != 0", reason="needs root to give a folder away")
def test_a_repository_of_somebody_else_says_how_to_trust_it(shop: Shop) -> None:
    release = shop.release("v1")
    for folder in (shop.repository, *shop.repository.glob("*"), shop.repository / ".git"):
        os.chown(folder, 12345, 12345)
    with pytest.raises(PlatformError, match=r"safe\.directory") as caught:
        shop.platform().readings(release)
    assert "dubious ownership" in caught.value.message


def test_an_outer_git_does_not_mislead(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a hook: git tells its children where its own repository is."""
    other = Shop(shop.folder / "other", "in-place").build()
    other.commit("foreign", {"version": "foreign"})
    monkeypatch.setenv("GIT_DIR", str(other.repository / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.repository))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.repository / ".git/index"))
    assert [release.tag for release in shop.platform().releases()] == ["v3", "v2", "v1"]
    carry_out(shop.switch("v1", install=[["sh", "-c", "git rev-parse --show-toplevel > where"]]).steps)
    assert (shop.live(), shop.served()) == ("v1", "v1")
    assert (other.repository / "version").read_text() == "foreign"
    assert (shop.live_folder / "where").read_text().strip() == str(shop.live_folder.resolve())


def test_a_folder_that_cannot_be_written(shop: Shop, read_only: Callable[[Path], None]) -> None:
    read_only(shop.path)
    with pytest.raises(PlatformError, match="cannot be written"):
        shop.platform().readings(shop.release("v1"))


def test_submodules_follow(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "always")
    library = Shop(shop.folder / "library", "in-place").build()
    git(shop.repository, "submodule", "--quiet", "add", str(library.repository), "lib")
    git(shop.repository / "lib", "checkout", "--quiet", "v1")
    shop.commit("with-1", {"a": "1"})
    git(shop.repository / "lib", "checkout", "--quiet", "v2")
    shop.commit("with-2", {"a": "2"})
    if shop.layout == "releases":
        carry_out(shop.switch("with-2", run="first").steps)
    switch = shop.switch("with-1")
    carry_out(switch.steps)
    assert (shop.live_folder / "lib/version").read_text() == "v1\n"
    carry_out(switch.back)
    assert (shop.live_folder / "lib/version").read_text() == "v2\n"


def test_a_log_of_one_endless_line_is_read_in_part(shop: Shop) -> None:
    (shop.live_folder / "a.log").write_bytes(b"x" * 3_000_000 + b"\n2026-01-01T12:00:00Z ERROR boom\n")
    (line,) = shop.platform(logs=["a.log"]).logs(0)
    assert line.text.endswith("boom")


# -- one host -------------------------------------------------------------------------------------------------------


def test_one_host_says_what_it_runs_and_since_when(shop: Shop) -> None:
    platform = shop.platform()
    assert platform.hosts() == ["local"]
    assert platform.release_on("local") == platform.current()["local"]
    switched = platform.switched("local")
    assert switched is not None
    # The checkout in place was made with a committer's date of its own.
    assert 1_767_000_000 < switched <= time.time() + 1
