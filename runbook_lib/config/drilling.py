"""Drilling a service that may be broken: which releases, and what breaks and mends it."""

from __future__ import annotations

from pydantic import Field

from runbook_lib.config.values import Argv, Name, Table, Words


class Breaking(Table):
    """A fault of your own making. Its commands run on this machine, in the folder of this file."""

    run: Argv = Field(description="Command that breaks it.")
    shows: Words = Field(
        [], description="Command that exits 0 once it can be seen from outside; empty: a health route fails."
    )
    mend: Words = Field([], description="Command that mends it; it is also run where nothing is broken.")


class Drilling(Table):
    """What `runbook drill --config` may do here. Only for a service that may be broken."""

    good: str = Field(min_length=1, description="Release that is live when all is well.")
    bad: str = Field("", description="Release that goes live for the fault bad-release.")
    faults: dict[Name, Breaking] = Field(
        {}, description="Faults by name: database-down, cache-down, lock, slow-query and others that are drilled."
    )
