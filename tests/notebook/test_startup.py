"""Before papermill is imported: light for everything, and nothing at all for what is no runbook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runbook_lib.notebook.source import notebook_metadata
from runbook_lib.notebook.startup import names_runbook
from tests.notebook.notebooks import plain, runbook

SLOW = "rfc3987_syntax"


def after_startup(folder: Path, *argv: str) -> str:
    """What a process whose command line is this has loaded, and how it treats the slow import, after start-up."""
    script = (
        f"import sys; sys.argv = {list(argv)!r}\n"
        "import runbook_lib.notebook.startup\n"
        f"print(sys.modules.get({SLOW!r}, 'absent'), 'json' in sys.modules, 'pydantic' in sys.modules,"
        " 'IPython' in sys.modules, 'nbformat' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_runbook_does_without_the_slow_import(tmp_path: Path) -> None:
    runbook(tmp_path / "r.ipynb")
    assert after_startup(tmp_path, "/bin/papermill", "r.ipynb", "-p", "a", "b") == "None True False False False"


@pytest.mark.parametrize("argv", [["/bin/papermill", "p.ipynb"], ["/bin/papermill"], ["/bin/jupyter", "r.ipynb"], [""]])
def test_anything_else_is_left_alone(tmp_path: Path, argv: list[str]) -> None:
    runbook(tmp_path / "r.ipynb")
    plain(tmp_path / "p.ipynb")
    assert after_startup(tmp_path, *argv).startswith("absent")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"metadata": 1}', '{"metadata": {"runbook": "x"}}', "[" * 100_000, "\x00", "\xff"],
)
def test_what_is_no_notebook_is_no_runbook(tmp_path: Path, text: str) -> None:
    file = tmp_path / "n.ipynb"
    file.write_bytes(text.encode("latin-1"))
    assert not names_runbook([str(file)])


def test_only_files_of_that_name_are_opened(tmp_path: Path) -> None:
    (tmp_path / "folder.ipynb").mkdir()
    assert notebook_metadata(str(tmp_path / "folder.ipynb")) == {}
    assert notebook_metadata(str(runbook(tmp_path / "r.txt"))) == {}
    assert notebook_metadata(str(tmp_path / "missing.ipynb")) == {}


@pytest.mark.slow
@pytest.mark.parametrize("module", ["plugin", "engine", "headless", "shell"])
def test_each_module_can_be_the_first_to_be_imported(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"import runbook_lib.notebook.{module}"], check=True)


@pytest.mark.slow
def test_the_plugin_loads_nothing_heavy_for_other_notebooks() -> None:
    script = (
        "import papermill, sys; print([m for m in ('IPython.core.interactiveshell', 'pydantic',"
        " 'runbook_lib.notebook.engine') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
