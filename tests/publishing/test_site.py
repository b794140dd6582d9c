"""The whole site, built by MkDocs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import yaml

from runbook_lib.errors import PublishingError
from runbook_lib.publishing.site import build, pages
from tests.publishing.notebooks import evidence, notebook, project

ROOT = Path(__file__).parents[2]


def test_every_runbook_is_listed_in_the_navigation() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    listed = next(part["Runbooks"] for part in nav if isinstance(part, dict) and "Runbooks" in part)
    assert {Path(name).stem for name in listed} == {"index", *(f.stem for f in (ROOT / "notebooks").glob("*.ipynb"))}


def test_a_page_shows_what_the_last_drill_showed(tmp_path: Path) -> None:
    root = project(tmp_path)
    state = root / ".runbooks"
    record = evidence(notebook="mend.ipynb", digest="other")
    folder = record.write(state).parent
    output = {"output_type": "stream", "name": "stdout", "text": "production serves v1.4.2"}
    (folder / "mend.ipynb").write_text(json.dumps(notebook(None, output)))
    text = pages(root)["runbooks/mend.md"]
    assert "production serves v1.4.2" in text
    assert "Changed since the last drill" in text


def test_a_record_cannot_lead_out_of_its_folder(tmp_path: Path) -> None:
    root = project(tmp_path)
    (tmp_path / "secret.ipynb").write_text(
        json.dumps(notebook(None, {"output_type": "stream", "name": "stdout", "text": "hidden"}))
    )
    evidence(notebook="../../secret.ipynb").write(root / ".runbooks")
    assert "hidden" not in pages(root)["runbooks/mend.md"]


@pytest.mark.slow
def test_the_site_is_built(tmp_path: Path) -> None:
    root = project(tmp_path)
    written = build(root, tmp_path / "site")
    assert (root / "docs/runbooks/mend.md") in written
    assert "Mend" in (tmp_path / "site/runbooks/mend/index.html").read_text()


@pytest.mark.slow
def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "docs/index.md").write_text("[nowhere](nowhere.md)\n")
    with pytest.raises(PublishingError, match=r"nowhere\.md"):
        build(root, tmp_path / "site")


@pytest.mark.slow
def test_a_build_that_fails_leaves_the_site_of_before(tmp_path: Path) -> None:
    root = project(tmp_path / "project")
    build(root, tmp_path / "site")
    before = (tmp_path / "site/index.html").read_text()
    (root / "docs/index.md").write_text("# Other\n\n[nowhere](nowhere.md)\n")
    with pytest.raises(PublishingError):
        build(root, tmp_path / "site")
    assert (tmp_path / "site/index.html").read_text() == before
    (root / "docs/index.md").write_text("# Other\n")
    build(root, tmp_path / "site")
    assert (tmp_path / "site/index.html").read_text() != before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["project", "site"]


def test_a_folder_that_holds_something_else_is_not_built_over(tmp_path: Path) -> None:
    root = project(tmp_path / "project")
    with pytest.raises(PublishingError, match="holds no site"):
        build(root, root)
    assert (root / "mkdocs.yml").is_file()
    assert not (root / "docs/runbooks").exists()


def test_without_a_configuration_of_the_site_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(PublishingError, match=r"no mkdocs\.yml"):
        build(tmp_path, tmp_path / "site")


def test_a_runbook_without_owner_fails_before_anything_is_written(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "notebooks/mend.ipynb").write_text(json.dumps(notebook({"owner": ""})))
    with pytest.raises(PublishingError, match="owner"):
        build(root, tmp_path / "site")
    assert not (root / "docs/runbooks").exists()


@pytest.mark.slow
def test_pages_are_light(tmp_path: Path) -> None:
    """Under 60 KB of HTML, under 15 KB compressed."""
    build(ROOT, tmp_path / "site")
    for page in (tmp_path / "site/runbooks").rglob("index.html"):
        html = page.read_bytes()
        assert len(html) < 60_000, page
        assert len(gzip.compress(html)) < 15_000, page
