"""Runbooks as a user runs them: the real command, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks.laravel_shop import application, renamed

__all__ = ["application", "renamed"]

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
BIN = Path(sys.executable).parent


@dataclass
class Project:
    """A folder with the runbooks and nothing else above it. inside: where commands are run, the notebooks' folder."""

    root: Path
    inside: Path | None = None

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks"

    def env(self, **more: str) -> dict[str, str]:
        return {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **more}

    def run(self, *argv: str, **more: Any) -> subprocess.CompletedProcess[str]:
        more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(
            argv,
            cwd=self.inside or self.notebooks,
            env=self.env(),
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            **more,
        )

    def rollback(self, *parameters: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """`papermill rollback.ipynb -p NAME VALUE ...`"""
        pairs = [word for pair in zip(parameters[::2], parameters[1::2], strict=True) for word in ("-p", *pair)]
        return self.run("papermill", "rollback.ipynb", *pairs, **more)

    def json(self, *argv: str) -> Any:
        done = self.run(*argv, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def last_run(self) -> dict[str, Any]:
        newest: dict[str, Any] = self.json("runbook", "history", "-n", "1")[0]
        return newest

    def record(self) -> dict[str, Any]:
        """The record of the newest run, as `runbook show --json` gives it."""
        record: dict[str, Any] = self.json("runbook", "show", self.last_run()["run"])
        return record


@pytest.fixture
def project(tmp_path: Path) -> Project:
    shutil.copytree(NOTEBOOKS, tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (tmp_path / ".runbooks").mkdir()
    return Project(tmp_path)


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose practice environment runs; built once for a module."""
    root = tmp_path_factory.mktemp("practice")
    shutil.copytree(NOTEBOOKS, root / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (root / ".runbooks").mkdir()
    project = Project(root)
    yield project
    project.run("runbook", "practice", "stop")
