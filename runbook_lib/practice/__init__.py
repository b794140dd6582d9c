"""The practice environment: a small shop that is live as staging and production on this machine, with a bad release.

It is what runs use when no runbooks.toml is found. Nothing of it listens beyond the loopback address, everything of
it lies in .runbooks/practice of the project, and runs treat it as any other environment.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_lib import config
from runbook_lib.config import Loaded
from runbook_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from runbook_lib.practice.condition import Condition

__all__ = [
    "break_",
    "configuration_file",
    "ensure",
    "known_configuration",
    "mend",
    "needed_configuration",
    "reset",
    "start",
    "status",
    "stop",
]

Say = Callable[[str], None]


def _silent(line: str) -> None:
    pass


def ensure(folder: Path | None = None, say: Say = _silent) -> Path:
    """See to it that the practice environment of a project runs; the path of its runbooks.toml.

    folder: where to start looking for the project, default the working folder. say: gets a line a step when there
    is something to do. PracticeError when it cannot be started.
    """
    from runbook_lib.practice import lifecycle
    from runbook_lib.practice.ground import Ground

    return lifecycle.ensure(Ground.of(folder), say)


def configuration_file(folder: Path | None = None) -> Path:
    """Where the runbooks.toml of the practice environment is, or would be; nothing is started."""
    from runbook_lib.practice.ground import Ground

    return Ground.of(folder).configuration


def known_configuration(start: Path | None = None) -> Loaded | None:
    """The nearest runbooks.toml from `start` (default: the working folder) upwards, else the practice environment's;
    None where there is neither. Nothing is started. ConfigurationError when what there is cannot be read."""
    file = config.find(start) or configuration_file(start)
    return config.load(file) if file.is_file() else None


def needed_configuration(start: Path | None = None) -> Loaded:
    """The same for those who can do nothing without it. ConfigurationError where there is none."""
    known = known_configuration(start)
    if known is None:
        raise ConfigurationError(
            "there is no runbooks.toml here or above, and the practice environment was never started",
            next_step="`runbook practice start`, or write runbooks.toml from runbooks.example.toml",
        )
    return known


def start(folder: Path | None = None, say: Say = _silent, approval: str = "") -> Path:
    """Build what is missing and start what does not run; the path of runbooks.toml. approval: the policy of its gates
    from now on, "none", "confirm" or "second-person"; empty: as it is. PracticeError."""
    from runbook_lib.practice import lifecycle
    from runbook_lib.practice.ground import Ground

    ground = Ground.of(folder)
    lifecycle.start(ground, say, approval)
    return ground.configuration


def stop(folder: Path | None = None) -> list[str]:
    """End all processes, leave all files; the names of the processes that ran. PracticeError."""
    from runbook_lib.practice import lifecycle
    from runbook_lib.practice.ground import Ground

    return lifecycle.stop(Ground.of(folder))


def reset(folder: Path | None = None, say: Say = _silent) -> Path:
    """Build everything anew with the bad release live; the journal stays. The path of runbooks.toml.

    PracticeError; LockHeldError while a run is at work.
    """
    from runbook_lib.practice import lifecycle
    from runbook_lib.practice.ground import Ground

    ground = Ground.of(folder)
    lifecycle.reset(ground, say)
    return ground.configuration


def mend(folder: Path | None = None, say: Say = _silent) -> Path:
    """Bring the steady state back: the good release live and well, data and configuration as they were, no fault and no
    mitigation left; unfinished runs are given up. It is built where it is not. The path of runbooks.toml.

    PracticeError; LockHeldError while a run is at work.
    """
    from runbook_lib.practice import mending
    from runbook_lib.practice.ground import Ground

    ground = Ground.of(folder)
    mending.mend(ground, say)
    return ground.configuration


def status(folder: Path | None = None) -> Condition:
    """What it is like now; changes nothing and never fails for something that is missing. PracticeError when the
    system does not let it look."""
    from runbook_lib.practice.condition import condition
    from runbook_lib.practice.control import explained
    from runbook_lib.practice.ground import Ground

    ground = Ground.of(folder)
    with explained(ground):
        return condition(ground)


def break_(name: str, folder: Path | None = None, say: Say = _silent) -> str:
    """Start it if need be and bring the fault of that name about; what is wrong now, one line.

    PracticeError for an unknown fault, naming those there are; LockHeldError while a run is at work.
    """
    from runbook_lib.practice import lifecycle
    from runbook_lib.practice.control import explained
    from runbook_lib.practice.faults import fault
    from runbook_lib.practice.ground import Ground

    chosen = fault(name)
    ground = Ground.of(folder)
    lifecycle.ensure(ground, say)
    with explained(ground):
        return chosen.bring_about(ground)
