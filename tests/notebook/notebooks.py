"""Small notebooks, written by the tests that run them, and the papermill command that does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PAPERMILL = str(Path(sys.executable).with_name("papermill"))

OPEN_A_RUN = """\
from pathlib import Path
from runbook_lib.run.journal import Journal
from runbook_lib.run.run import Run
run = Run.open(Journal(Path("journal")), "demo", "shop/practice", {})"""

CLOSE_WELL = "run._close('succeeded', '')"


def runbook(path: Path, *cells: str, parameters: str | None = None, **metadata: Any) -> Path:
    """A runbook with these code cells after a heading, and with a parameters cell when there are parameters."""
    return _write(path, cells, parameters, {"runbook": {"name": path.stem, "owner": "ops", **metadata}})


def plain(path: Path, *cells: str, parameters: str | None = None) -> Path:
    """A notebook that is no runbook."""
    return _write(path, cells, parameters, {})


def _write(path: Path, cells: tuple[str, ...], parameters: str | None, metadata: dict[str, Any]) -> Path:
    nb = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    nb.metadata.update(metadata)
    nb.cells.append(new_markdown_cell(f"# {path.stem}"))
    if parameters is not None:
        nb.cells.append(new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    nb.cells.extend(new_code_cell(source) for source in cells)
    nbformat.write(nb, path)
    return path


def papermill(*words: object, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the real command to its end, without a terminal."""
    settings: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 60, **options}
    return subprocess.run([PAPERMILL, *map(str, words)], cwd=cwd, text=True, check=False, **settings)


def started(*words: object, cwd: Path, until: Path) -> subprocess.Popen[str]:
    """Start the real command; return when the file `until` is there, which a cell makes."""
    process = subprocess.Popen(
        [PAPERMILL, *map(str, words)], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not until.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the notebook did not get there"
        time.sleep(0.02)
    return process


def code_cells(path: Path) -> list[Any]:
    """The code cells of a saved notebook, which is checked to be valid."""
    nb = nbformat.read(path, as_version=4)
    nbformat.validate(nb)
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def texts(cell: Any) -> str:
    """What a cell printed, on both streams."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def statuses(path: Path) -> list[str]:
    return [cell.metadata.papermill["status"] for cell in code_cells(path)]


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def listening(pid: int) -> list[str]:
    """The TCP sockets on which a process listens, as lines of /proc."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(os.readlink(descriptor).removeprefix("socket:[").removesuffix("]"))
        except OSError:
            continue
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        if Path(f"/proc/{pid}/net/{table}").exists()
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    ]
    return [" ".join(line) for line in lines if line[3] == "0A" and line[9] in inodes]
