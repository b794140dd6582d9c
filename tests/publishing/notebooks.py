"""Notebooks and evidence made for the tests of the site."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runbook_lib.drills.evidence import Evidence
from runbook_lib.publishing.source import Source

ABOUT = {
    "name": "mend",
    "title": "Mend it",
    "owner": "platform team",
    "severity": "SEV2",
    "scenario": "it is broken",
    "phase": "resolve",
    "changes": ["the thing"],
}


def markdown(text: str, cell: str = "text") -> dict[str, Any]:
    return {"cell_type": "markdown", "id": cell, "metadata": {}, "source": text.splitlines(keepends=True)}


def code(text: str, cell: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": cell,
        "metadata": {"tags": list(tags)},
        "execution_count": None,
        "outputs": list(outputs),
        "source": text.splitlines(keepends=True),
    }


def notebook(about: dict[str, Any] | None = None, *outputs: dict[str, Any]) -> dict[str, Any]:
    """A small runbook; outputs: of its only step."""
    return {
        "cells": [
            markdown("# Mend it\n\n**Symptom.** Answers are 502.\n"),
            code('tag: str = ""  # release to put live', "parameters", tags=("parameters",)),
            markdown("## Look\n\nAt everything."),
            code("look()", "look", *outputs),
        ],
        "metadata": {"runbook": {**ABOUT, **(about or {})}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def source(about: dict[str, Any] | None = None) -> Source:
    return Source(Path("mend.ipynb"), notebook(about))


def project(folder: Path, count: int = 1) -> Path:
    """A project with so many runbooks and a site that lists them."""
    notebooks, docs = folder / "notebooks", folder / "docs"
    for made in (notebooks, docs):
        made.mkdir(parents=True)
    names = [f"mend_{number}" for number in range(count)] if count > 1 else ["mend"]
    for name in names:
        (notebooks / f"{name}.ipynb").write_text(json.dumps(notebook({"name": name, "title": f"Mend {name}"})))
    (docs / "index.md").write_text("# Home\n\n[Runbooks](runbooks/index.md)\n")
    (folder / "mkdocs.yml").write_text(
        "site_name: Test\ntheme: {name: material, font: false}\nplugins: [search]\n"
        "markdown_extensions: [admonition, tables, pymdownx.details, pymdownx.superfences]\n"
        "validation: {links: {not_found: warn, anchors: warn, unrecognized_links: warn}}\n"
    )
    return folder


def evidence(**changes: Any) -> Evidence:
    facts: dict[str, Any] = {
        "drill": "mend",
        "runbook": "mend",
        "fault": "broken",
        "on": "practice",
        "status": "passed",
        "digest": source().digest,
        "began": 1_760_000_000.0,
        "seconds": {"detected": 0.4, "total": 12.0},
        "commit": "c" * 40,
        "versions": {"papermill": "2.7.0"},
    }
    return Evidence(**{**facts, **changes})
