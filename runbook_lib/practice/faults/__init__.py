"""Faults to practise on. A fault is a function and a line in the FAULTS of one of the modules beside this one."""

from __future__ import annotations

from runbook_lib.command import nearest, printable
from runbook_lib.errors import PracticeError
from runbook_lib.practice.faults import database, outside, processes, releases
from runbook_lib.practice.faults.base import Fault

__all__ = ["FAULTS", "Fault", "fault"]

FAULTS: dict[str, Fault] = {**releases.FAULTS, **processes.FAULTS, **database.FAULTS, **outside.FAULTS}


def fault(name: str) -> Fault:
    """The fault of that name. PracticeError for an unknown one, naming those there are."""
    if name in FAULTS:
        return FAULTS[name]
    close = nearest(name, list(FAULTS))
    raise PracticeError(
        f"there is no fault {printable(name, 80)!r}",
        next_step=(f"did you mean {close[0]}? " if close else "") + f"there are {', '.join(FAULTS)}",
    )
