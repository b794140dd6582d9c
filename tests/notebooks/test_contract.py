"""What every runbook keeps to: the notebook is the document, its cells are short calls."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook_lib.notebook.catalogue import runbooks
from runbook_lib.notebook.parameters import Parameter, Parameters

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
LONGEST_CELL = 6
FORBIDDEN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.Try, ast.With, ast.Lambda)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Any:
    return nbformat.read(request.param, as_version=4)


def code(notebook: Any) -> list[Any]:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in cells if "parameters" not in cell.metadata.get("tags", [])]


def declared(notebook: Any) -> list[Parameter]:
    return list(Parameters.of(notebook.cells).declared)


def test_there_is_a_runbook() -> None:
    assert "rollback" in [path.stem for path in NOTEBOOKS]


def test_is_a_valid_notebook(notebook: Any) -> None:
    nbformat.validate(notebook)


def test_is_committed_without_outputs(notebook: Any) -> None:
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert "papermill" not in cell.metadata


def test_cells_have_stable_names(notebook: Any) -> None:
    names = [cell["id"] for cell in notebook.cells]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalpha() for name in names), names


def test_code_cells_are_short_calls(notebook: Any) -> None:
    for cell in code(notebook):
        assert len(cell.source.splitlines()) <= LONGEST_CELL
        tree = ast.parse(cell.source)
        assert not [node for node in ast.walk(tree) if isinstance(node, FORBIDDEN)], cell.source
        assert "subprocess" not in cell.source
        assert "os.system" not in cell.source


def test_every_code_cell_is_explained_by_text_before_it(notebook: Any) -> None:
    for before, cell in zip(notebook.cells, notebook.cells[1:], strict=False):
        if cell in code(notebook):
            assert before.cell_type == "markdown", cell.source


def test_says_what_it_is_for_and_what_it_may_change(notebook: Any) -> None:
    opening = notebook.cells[0].source
    for word in ("Symptom", "Not for", "It may change", "Owner"):
        assert f"**{word}" in opening


def test_ends_by_naming_what_comes_next(notebook: Any) -> None:
    closing = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"][-1]
    assert "**Next:**" in closing


def test_metadata_names_owner_scenario_and_changes() -> None:
    for runbook in runbooks(NOTEBOOKS[0].parent):
        assert runbook.name == runbook.file.stem
        assert runbook.title
        assert runbook.owner
        assert runbook.severity
        assert runbook.scenario
        assert runbook.changes


def test_every_parameter_is_typed_and_explained(notebook: Any) -> None:
    for parameter in declared(notebook):
        assert parameter.annotation
        assert parameter.help, parameter.name


def test_parameters_are_documented_as_they_are(notebook: Any) -> None:
    page = (
        HOW_TO / {"rollback": "roll-back.md"}.get(name := notebook.metadata["runbook"]["name"], f"{name}.md")
    ).read_text()
    for parameter in declared(notebook):
        annotation = parameter.annotation.replace("|", "\\|")
        assert f"| `{parameter.name}` | {annotation} |" in page
