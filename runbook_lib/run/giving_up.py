"""Giving up a run that was not finished."""

from __future__ import annotations

from runbook_lib.errors import RunbookError
from runbook_lib.run import evidence
from runbook_lib.run.journal import Journal
from runbook_lib.run.lock import Locks, actor


def give_up(journal: Journal, run: str, reason: str) -> None:
    """Close an unfinished run as abandoned; nothing is undone. RunbookError when it is closed; LockHeldError while a
    process is at work on it."""
    record = journal.run(run)
    if not record.unfinished:
        raise RunbookError(f"run {record.run} is {record.status} already")
    locks = Locks(journal, record.run)
    locks.take([f"run {record.run}"])
    try:
        data = {"status": "abandoned", "reason": f"{actor()}: {reason}", "next": "", "seconds": 0.0}
        journal.append(record.run, "closed", data)
        evidence.write(journal, record.run)
    finally:
        locks.release()
