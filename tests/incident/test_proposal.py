"""Notes as a proposed change: on a branch, pushed to a real remote, the checkout untouched."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from runbook_lib.errors import IncidentError
from runbook_lib.incident.proposal import Proposal, Remark, obstacle, propose, remarks
from tests.incident.recorded import Record

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NOTES = [Remark("step 4 was <b>missing</b>\n> quote", "ada", "5")]


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=ada", "-c", "user.email=ada@shop.example")
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch", "main", "remote.git")
    return tmp_path / "remote.git"


@pytest.fixture
def checkout(tmp_path: Path, remote: Path) -> Path:
    return clone(tmp_path, remote, "checkout", first=True)


def clone(tmp_path: Path, remote: Path, name: str, *, first: bool = False) -> Path:
    git(tmp_path, "clone", "--quiet", str(remote), name)
    folder = tmp_path / name
    if first:
        (folder / "notebooks").mkdir()
        shutil.copy(NOTEBOOKS / "rollback.ipynb", folder / "notebooks")
        git(folder, "checkout", "--quiet", "-b", "main")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", "first")
        git(folder, "push", "--quiet", "origin", "main")
    return folder


def made(checkout: Path, remote: str = "origin", notes: list[Remark] | None = None) -> Proposal:
    return propose(checkout, "INC-1", "rollback", notes or NOTES, remote)


def test_the_branch_is_pushed_and_changes_runbook_and_drill(checkout: Path, remote: Path) -> None:
    one = made(checkout)
    assert one.branch == "review/INC-1-rollback"
    assert one.pushed == "pushed to origin"
    assert git(remote, "rev-parse", one.branch).strip() == one.commit
    changed = git(remote, "diff", "--name-only", "main", one.branch).split()
    assert changed == ["docs/drills/rollback.md", "notebooks/rollback.ipynb"]
    assert "step 4 was" in git(remote, "show", f"{one.branch}:docs/drills/rollback.md")
    assert git(remote, "log", "-1", "--format=%s", one.branch).strip() == one.title == "rollback: what INC-1 showed"


def test_the_note_stands_in_its_section_as_text_and_nothing_else_changed(checkout: Path, remote: Path) -> None:
    one = made(checkout)
    after = json.loads(git(remote, "show", f"{one.branch}:notebooks/rollback.ipynb"))
    before = json.loads((checkout / "notebooks" / "rollback.ipynb").read_text())
    different = [(b, a) for b, a in zip(before["cells"], after["cells"], strict=True) if a != b]
    ((was, now),) = different
    assert was["id"] == "jobs-text"
    assert "".join(now["source"]).startswith("".join(was["source"]).rstrip())
    assert "step 4 was &lt;b&gt;missing&lt;/b&gt; &gt; quote" in "".join(now["source"])
    assert git(remote, "diff", "--numstat", "main", one.branch, "--", "notebooks").split()[:2] in (
        ["3", "1"],
        ["2", "0"],
    )


@pytest.mark.parametrize(
    ("step", "cell"),
    [("2", "releases-text"), ("Observe", "observe-text"), ("gate", "gate-text"), ("99", "purpose"), ("", "purpose")],
)
def test_a_section_is_named_by_number_heading_or_cell(checkout: Path, remote: Path, step: str, cell: str) -> None:
    one = made(checkout, notes=[Remark("here", "ada", step)])
    after = json.loads(git(remote, "show", f"{one.branch}:notebooks/rollback.ipynb"))
    assert [c["id"] for c in after["cells"] if "From INC-1" in "".join(c["source"])] == [cell]


def test_the_checkout_and_its_unfinished_work_are_not_touched(checkout: Path) -> None:
    (checkout / "notebooks" / "rollback.ipynb").write_text("half done")
    (checkout / "new.txt").write_text("not added")
    git(checkout, "checkout", "--quiet", "-b", "mine")
    status = git(checkout, "status", "--porcelain")
    made(checkout)
    assert git(checkout, "status", "--porcelain") == status
    assert git(checkout, "branch", "--show-current").strip() == "mine"
    assert (checkout / "notebooks" / "rollback.ipynb").read_text() == "half done"
    assert len(git(checkout, "worktree", "list").splitlines()) == 1


def test_a_branch_that_is_there_is_left_and_the_next_number_taken(checkout: Path, remote: Path) -> None:
    branches = [made(checkout).branch for _ in range(3)]
    assert branches == ["review/INC-1-rollback", "review/INC-1-rollback-2", "review/INC-1-rollback-3"]


def test_a_branch_of_somebody_else_on_the_remote_is_left(tmp_path: Path, checkout: Path, remote: Path) -> None:
    theirs = made(clone(tmp_path, remote, "theirs"), notes=[Remark("theirs", "ben")])
    mine = made(checkout)
    assert (theirs.branch, mine.branch) == ("review/INC-1-rollback", "review/INC-1-rollback-2")
    assert git(remote, "rev-parse", theirs.branch).strip() == theirs.commit
    assert git(checkout, "branch", "--list", "review/*").split() == [mine.branch]


@pytest.mark.slow
def test_two_people_at_once_get_a_branch_each(tmp_path: Path, checkout: Path, remote: Path) -> None:
    clones = [checkout, *(clone(tmp_path, remote, f"clone-{number}") for number in range(3))]
    found: list[Proposal] = []

    def at_work(where: Path) -> None:
        found.append(made(where, notes=[Remark(f"seen by {where.name}", "ada")]))

    threads = [threading.Thread(target=at_work, args=(where,)) for where in clones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.branch for one in found}) == 4
    for one in found:
        assert git(remote, "rev-parse", one.branch).strip() == one.commit


def test_without_a_remote_the_branch_stays_here(checkout: Path, remote: Path) -> None:
    one = made(checkout, remote="")
    assert "not configured" in one.pushed
    assert git(checkout, "rev-parse", one.branch).strip() == one.commit
    assert git(remote, "branch").strip() == "* main" or "review" not in git(remote, "branch")


def test_a_remote_that_cannot_be_reached_is_said_to_be_and_the_branch_stays(checkout: Path) -> None:
    git(checkout, "remote", "set-url", "origin", str(checkout.parent / "nowhere.git"))
    one = made(checkout)
    assert one.pushed.startswith("not pushed to origin")
    assert f"git push origin {one.branch}" in one.pushed


@pytest.mark.parametrize("name", ["nothing", "../x", "-delete", "$(touch x)", ""])
def test_a_runbook_that_does_not_exist_is_refused(checkout: Path, name: str) -> None:
    assert obstacle(checkout, name)
    with pytest.raises(IncidentError, match="no runbook"):
        propose(checkout, "INC-1", name, NOTES)
    assert "review" not in git(checkout, "branch")
    assert len(git(checkout, "worktree", "list").splitlines()) == 1


def test_outside_of_git_there_is_an_obstacle(tmp_path: Path) -> None:
    assert "no Git repository" in obstacle(tmp_path, "rollback")


def test_where_nothing_stands_in_the_way_there_is_no_obstacle(checkout: Path) -> None:
    assert obstacle(checkout, "rollback") == ""


def test_notes_about_runbooks_are_found_once() -> None:
    record = Record().declared(1).add("noted", 2, incident="INC-1", text="general", by="ada")
    record.add("noted", 3, incident="INC-1", text="missing", by="ada", about="rollback", step="4")
    assert remarks(record.story) == {"rollback": [Remark("missing", "ada", "4")]}
    record.add("change proposed", 4, incident="INC-1", runbook="rollback", notes=["missing"])
    assert remarks(record.story) == {}
