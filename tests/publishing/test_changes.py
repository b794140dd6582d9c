"""What changed lately."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

from runbook_lib.publishing.changes import ATOM, Change, commits, drilled, feed, last_changes, page
from tests.publishing.atom import lacking
from tests.publishing.notebooks import evidence

CHANGES = [Change(1.0, "older", "commit:a"), Change(2.0, "<newer> & more", "commit:b")]


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@shop.example")
    subprocess.run(["git", "-C", folder, *identity, *words], check=True, capture_output=True)


def test_commits_that_touched_runbooks_are_read(tmp_path: Path) -> None:
    git(tmp_path, "init")
    (tmp_path / "notebooks").mkdir()
    for name, message in (
        ("notebooks/mend.ipynb", "Mend better"),
        ("README", "Words"),
        ("notebooks/mend.ipynb", "Best"),
    ):
        (tmp_path / name).write_text(message)
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-m", message)
    found = commits(tmp_path)
    assert [change.title for change in found] == ["Best", "Mend better"]
    assert last_changes(found)["mend"].endswith("Best")


def test_outside_a_repository_there_are_none(tmp_path: Path) -> None:
    assert commits(tmp_path) == []


def test_a_drill_is_a_change() -> None:
    assert drilled([evidence(status="failed", reason="late")])[0].title == "drill mend failed: late"


def test_the_newest_stands_first_and_is_text() -> None:
    text = page(CHANGES)
    assert text.index("newer") < text.index("older")
    assert "<newer>" not in text


def test_the_feed_is_atom_with_lasting_ids() -> None:
    root = ElementTree.fromstring(feed(CHANGES, "Changes", ""))
    titles = [entry.findtext(f"{{{ATOM}}}title") for entry in root.iter(f"{{{ATOM}}}entry")]
    assert titles == ["<newer> & more", "older"]
    assert [entry.findtext(f"{{{ATOM}}}id") for entry in root.iter(f"{{{ATOM}}}entry")] == [
        "urn:runbooks:commit:b",
        "urn:runbooks:commit:a",
    ]


def test_the_feed_has_what_its_standard_requires() -> None:
    assert lacking(feed(CHANGES, "Changes", "")) == []


def test_the_feed_of_nothing_is_a_feed() -> None:
    assert ElementTree.fromstring(feed([], "Changes", "")).tag == f"{{{ATOM}}}feed"
