"""Finding what a runbook works on: the configuration above the working folder, or the practice environment."""

from __future__ import annotations

from pathlib import Path

from runbook_lib import config
from runbook_lib.config import Loaded, state_folder

__all__ = ["configuration", "state_folder"]


def configuration(start: Path | None = None) -> Loaded:
    """The nearest runbooks.toml from `start` (default: the working folder) upwards; with none, the practice
    environment's, which is started when it does not run."""
    file = config.find(start)
    if file is None:
        from runbook_lib import practice

        file = practice.ensure(start, say=print)
    return config.load(file)
