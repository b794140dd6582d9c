"""A runbook as its file has it: what the page is made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from runbook_lib.drills.evidence import source_digest
from runbook_lib.errors import PublishingError
from runbook_lib.notebook.parameters import Parameter, Parameters


@dataclass(frozen=True)
class Section:
    """A piece of text and the code that follows it. outputs: by the code cell's id is looked up by `cell`."""

    text: str
    code: str = ""
    cell: str = ""


@dataclass(frozen=True)
class Source:
    """One notebook. file: where it is; data: as JSON (nbformat 4)."""

    file: Path
    data: Mapping[str, Any]

    @classmethod
    def of(cls, file: Path) -> Source:
        """Read a notebook. PublishingError when it is none or says nothing of itself."""
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            named = data["metadata"]["runbook"]["name"] == file.stem
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PublishingError(
                f"{file} is no runbook: {type(error).__name__}: {error}", next_step="see docs/extending.md"
            ) from error
        if not named:
            raise PublishingError(f"{file} calls itself by another name", next_step="name both alike")
        return cls(file, data)

    @property
    def about(self) -> Mapping[str, Any]:
        """The runbook table of its metadata."""
        about: Mapping[str, Any] = self.data["metadata"]["runbook"]
        return about

    def text(self, key: str) -> str:
        """A text of the runbook table; empty where it is missing."""
        return str(self.about.get(key, ""))

    @property
    def name(self) -> str:
        return self.text("name")

    @property
    def title(self) -> str:
        return self.text("title") or self.name

    @cached_property
    def digest(self) -> str:
        return source_digest(self.data)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """ParameterError when the parameters cell is not made of declarations."""
        return Parameters.of(self.data["cells"]).declared

    @property
    def purpose(self) -> str:
        """The text at the top, without its heading: symptom, when not to use it, what it may change, owner."""
        text = _source(self.data["cells"][0])
        return text.partition("\n")[2].strip() if text.startswith("# ") else text

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The steps: each text with the code below it; the parameters are not among them."""
        found: list[Section] = []
        for cell in self.data["cells"][1:]:
            tags = cell.get("metadata", {}).get("tags", ())
            if "parameters" in tags:
                continue
            if cell["cell_type"] == "markdown":
                found.append(Section(_source(cell)))
            elif found and not found[-1].code:
                found[-1] = Section(found[-1].text, _source(cell), str(cell.get("id", "")))
            else:
                found.append(Section("", _source(cell), str(cell.get("id", ""))))
        return tuple(found)


def sources(folder: Path) -> list[Source]:
    """The runbooks of a folder by name. PublishingError for a notebook that is none."""
    found = [Source.of(file) for file in sorted(folder.glob("*.ipynb"))]
    if not found:
        raise PublishingError(f"no runbook in {folder}", next_step="run this where notebooks/ is")
    return found


def _source(cell: Mapping[str, Any]) -> str:
    return "".join(cell["source"])
