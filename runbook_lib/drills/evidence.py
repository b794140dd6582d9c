"""What a drill leaves: a record and the executed notebook. The site's freshness marks rest on nothing else."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from runbook_lib.errors import DrillError
from runbook_lib.run.plan import canonical

FOLDER = "drills"
On = Literal["practice", "docker", "laravel"]


@dataclass(frozen=True)
class Evidence:
    """The record of one drill.

    drill: its name; runbook: name of the notebook; fault: what was broken; on: practice, docker or laravel. status:
    passed, or failed with the reason. digest: of the notebook's source when it ran; commit: of the project, empty
    outside a repository; versions: by package. began: Unix time. seconds: from the fault to each of detected, decided,
    mitigated, verified that was reached, and total. runs: ids of the runs; incident: id or empty. parameters: that the
    runbook was run with. blamed: the cause that it named. notebook: file name of the executed one beside the record.
    """

    drill: str
    runbook: str
    fault: str
    on: str
    status: Literal["passed", "failed"]
    digest: str
    began: float
    reason: str = ""
    commit: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    incident: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    blamed: str = ""
    notebook: str = ""

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    def write(self, state: Path) -> Path:
        """Keep it as the newest record of this drill; the file. state: the journal's folder. OSError."""
        folder = state / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.drill}.json"
        fresh = folder / f".{self.drill}.{os.getpid()}"
        fresh.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(fresh, file)
        return file


def read_all(state: Path) -> list[Evidence]:
    """The newest record of each drill, by name. DrillError for one that cannot be read."""
    return [_read(file) for file in sorted((state / FOLDER).glob("*.json"))]


def _read(file: Path) -> Evidence:
    try:
        return Evidence(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DrillError(f"the record {file} cannot be read: {error}", next_step="drill it again") from error


def source_digest(notebook: Mapping[str, Any]) -> str:
    """SHA-256, hexadecimal, of what a notebook says: its cells' kinds and sources and its runbook table. Outputs and
    other metadata do not count. notebook: as JSON (nbformat 4)."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    about = notebook.get("metadata", {}).get("runbook", {})
    return hashlib.sha256(canonical([cells, about]).encode()).hexdigest()
