"""What cells showed, as Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.display import Chart, Table
from runbook_lib.publishing.outputs import LINES, charts, outputs_of
from tests.publishing.notebooks import notebook

HOSTILE = "<script>alert(1)</script> ``` | `x` <img src=x onerror=alert(1)>"


def shown(tmp_path: Path, *outputs: dict[str, Any]) -> str:
    file = tmp_path / "executed.ipynb"
    file.write_text(json.dumps(notebook(None, *outputs)))
    return outputs_of(file).get("look", "")


def displayed(thing: Any) -> dict[str, Any]:
    data = {"text/markdown": thing._repr_markdown_(), "text/html": thing._repr_html_(), "text/plain": str(thing)}
    return {"output_type": "execute_result", "data": data}


def test_a_table_comes_as_a_table(tmp_path: Path) -> None:
    assert "| a | b |" in shown(tmp_path, displayed(Table("T", ("a", "b"), [("1", "2")])))


def test_a_chart_comes_with_its_table(tmp_path: Path) -> None:
    chart = Chart("slowest answer", [(0.0, 10.0, 0), (1.0, 20.0, 1)])
    assert shown(tmp_path, displayed(Table("T", ("a",), [("1",)], chart=chart))).count("<svg") == 1


@pytest.mark.parametrize("kind", ["stream", "error", "plain", "table"])
def test_what_was_printed_cannot_become_markup(kind: str, tmp_path: Path) -> None:
    output: dict[str, Any] = {
        "stream": {"output_type": "stream", "name": "stdout", "text": HOSTILE},
        "error": {"output_type": "error", "ename": "E", "evalue": HOSTILE, "traceback": []},
        "plain": {"output_type": "display_data", "data": {"text/plain": HOSTILE}},
        "table": displayed(Table("T", ("a",), [(HOSTILE,)])),
    }[kind]
    import markdown

    html = markdown.markdown(shown(tmp_path, output), extensions=["tables", "pymdownx.superfences"])
    assert "<script" not in html
    assert "<img" not in html


def test_only_drawings_are_taken_over_from_html() -> None:
    good = Chart("c", [(0.0, 1.0, 0)]).svg()
    bad = [
        "<svg><script>alert(1)</script></svg>",
        '<svg onload="x()"><line/></svg>',
        "<svg><image/></svg>",
        "<svg><</svg>",
    ]
    assert list(charts("".join([*bad, "<svg><</svg>", good]))) == [good]


def test_what_leads_to_a_notebook_leads_to_its_page(tmp_path: Path) -> None:
    words = "1. [a \\[worker\\] hangs](mitigate.ipynb): `papermill mitigate.ipynb`, or [look](own.ipynb)"
    output = {"output_type": "execute_result", "data": {"text/markdown": words}}
    file = tmp_path / "executed.ipynb"
    file.write_text(json.dumps(notebook(None, output)))
    shown = outputs_of(file, ["mitigate"])["look"]
    assert shown == "1. [a \\[worker\\] hangs](mitigate.md): `papermill mitigate.ipynb`, or look"


def test_long_output_is_cut(tmp_path: Path) -> None:
    text = "\n".join(map(str, range(LINES + 40)))
    assert "... 40 more lines" in shown(tmp_path, {"output_type": "stream", "name": "stdout", "text": text})


def test_the_text_of_a_result_stands_without_quotes(tmp_path: Path) -> None:
    output = {"output_type": "execute_result", "data": {"text/plain": "'staging: done'"}}
    assert "\nstaging: done\n" in shown(tmp_path, output)


def test_a_notebook_that_is_not_there_showed_nothing(tmp_path: Path) -> None:
    assert outputs_of(tmp_path / "none") == {}
