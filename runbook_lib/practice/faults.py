"""Faults to practise on. A fault is one function and one line in FAULTS; its docstring's first line is its help."""

from __future__ import annotations

import signal
from collections.abc import Callable

from runbook_lib.command import nearest, printable
from runbook_lib.errors import PracticeError
from runbook_lib.practice import server
from runbook_lib.practice.ground import Ground


def bad_release(ground: Ground) -> str:
    """The bad release goes live in staging and production."""
    from runbook_lib.practice.deployment import deploy, locked, new_run, take_back, targets
    from runbook_lib.practice.repository import BAD, WORSE

    run = new_run()
    with locked(ground, run):
        for target in targets(ground):
            take_back(target, WORSE, BAD, run)
            deploy(target, BAD, run)
    return f"{BAD} is live in staging and production; most checkouts fail"


def bad_migration(ground: Ground) -> str:
    """A bad release goes live that renamed a column which the good one reads."""
    from runbook_lib.practice.deployment import deploy, locked, new_run, targets
    from runbook_lib.practice.repository import GOOD, WORSE, add_worse

    run = new_run()
    with locked(ground, run):
        add_worse(ground.repository)
        for target in targets(ground):
            deploy(target, WORSE, run)
    return f"{WORSE} is live in staging and production; most checkouts fail, and it renamed a column that {GOOD} reads"


def down(ground: Ground) -> str:
    """The process of production is killed."""
    return _signal_production(ground, signal.SIGKILL, "was killed")


def hang(ground: Ground) -> str:
    """The process of production takes connections and never answers."""
    return _signal_production(ground, signal.SIGSTOP, "hangs")


FAULTS: dict[str, Callable[[Ground], str]] = {
    "bad-release": bad_release,
    "bad-migration": bad_migration,
    "down": down,
    "hang": hang,
}


def fault(name: str) -> Callable[[Ground], str]:
    """The fault of that name: it is brought about by a call, which returns what is wrong now, one line, and raises
    LockHeldError while a run is at work on the environment. PracticeError for an unknown name."""
    if name in FAULTS:
        return FAULTS[name]
    close = nearest(name, list(FAULTS))
    raise PracticeError(
        f"there is no fault {printable(name, 80)!r}",
        next_step=(f"did you mean {close[0]}? " if close else "") + f"there are {', '.join(FAULTS)}",
    )


def _signal_production(ground: Ground, signum: signal.Signals, what: str) -> str:
    lock = ground.site("production").lock
    pid = server.holder(lock)
    if pid is None:
        raise PracticeError("production does not run", next_step="run `runbook practice start`")
    server.send(lock, pid, signum)
    return f"the process of production (pid {pid}) {what}"
