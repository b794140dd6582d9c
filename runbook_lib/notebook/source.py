"""Telling runbooks from other notebooks. Standard library only: it is read while the interpreter starts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any


def is_runbook(metadata: Mapping[str, Any]) -> bool:
    """Whether a notebook's metadata has the table that makes it a runbook."""
    return isinstance(metadata.get("runbook"), Mapping)


def is_executed(metadata: Mapping[str, Any]) -> bool:
    """Whether a notebook's metadata says that it is what papermill wrote, not a source."""
    return "papermill" in metadata


def notebook_metadata(path: str) -> dict[str, Any]:
    """The metadata of the notebook in a file; empty when there is no such file or it is not a notebook."""
    # Anything but a regular file (a FIFO, a terminal) could block or be used up by reading it.
    if not path.endswith(".ipynb") or not os.path.isfile(path):
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            metadata = json.load(file)["metadata"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return metadata if isinstance(metadata, dict) else {}
