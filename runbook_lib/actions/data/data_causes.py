"""What follows from what a data concern saw: the likely cause, and the way back. Pure functions of the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.backups.concerns import Finding, masked
from runbook_lib.backups.rows import Sample
from runbook_lib.command import printable
from runbook_lib.diagnosis import Cause, Next

GONE = "the table is gone"
OLDER = "no backup is known in which it is right: look at an older one (-p backup ID)"

Facts = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """now, then: what the checks found in the live data and in the backup; tables: how each differs; suspects: tables
    that somebody named; backup: id of the one compared with, empty where there is none."""

    now: Sequence[Facts]
    then: Sequence[Facts]
    tables: Sequence[Facts]
    suspects: Sequence[str]
    backup: str

    @property
    def offending(self) -> list[Facts]:
        return [found for found in self.now if found["rows"] > found["allowed"]]

    @property
    def old(self) -> list[Facts]:
        """What the backup has just as much of."""
        then = {found["name"]: found["rows"] for found in self.then}
        return [found for found in self.offending if then.get(found["name"], 0) >= found["rows"]]

    @property
    def gone(self) -> list[Facts]:
        return [table for table in self.tables if GONE in table["samples"]]

    @property
    def touched(self) -> list[Facts]:
        """Suspects that differ from the backup; that others do is usual."""
        named = [table for table in self.tables if table["table"] in self.suspects and table not in self.gone]
        return [table for table in named if table["changed"] or table["deleted"]]

    @property
    def suspected(self) -> list[str]:
        return list(dict.fromkeys([*self.suspects, *(table for found in self.offending for table in found["tables"])]))


def causes(seen: Seen, environment: str, label: str) -> list[Cause]:
    """The cause, or none where nothing is wrong. environment, label: where."""
    if not (seen.offending or seen.touched or seen.gone):
        return []
    hopeless = bool(seen.offending) and len(seen.old) == len(seen.offending) and not (seen.touched or seen.gone)
    following = None if hopeless else _next(seen, environment)
    supporting = [f"{found['rows']:,} rows: {found['name']}" for found in seen.offending]
    supporting += [
        f"{table['table']}: {table['changed']:,} changed and {table['deleted']:,} deleted since the backup"
        for table in [*seen.touched, *seen.gone]
    ]
    opposing = tuple(f"{found['name']}: as many in the backup" for found in seen.old)
    title = f"rows of {', '.join(seen.suspected) or label} are not as they must be"
    return [
        Cause("corrupt-rows", _score(seen), title, tuple(supporting), opposing, following, "" if following else OLDER)
    ]


def _score(seen: Seen) -> float:
    if len(seen.old) < len(seen.offending) or seen.gone:
        return 0.9
    return 0.6 if seen.touched else 0.3


def _next(seen: Seen, environment: str) -> Next | None:
    """Single tables where it is known which ones, and their rows can be told apart; else the whole database."""
    if not seen.backup:
        return None
    parameters = {"action": "restore", "environment": environment, "backup": seen.backup}
    comparable = {table["table"] for table in seen.tables}
    if seen.suspected and not seen.gone and set(seen.suspected) <= comparable:
        parameters["tables"] = ",".join(seen.suspected)
    return Next("backup_and_restore", parameters)


def facts(finding: Finding) -> Facts:
    """A finding as the journal has it."""
    check = finding.check
    return {
        "name": check.name,
        "tables": check.tables,
        "allowed": check.allowed,
        "rows": finding.rows,
        "onset": finding.onset,
        "problem": printable(finding.problem, 300),
    }


def shown(sample: Sample, key: tuple[str, ...]) -> str:
    """A changed row as it may be shown."""
    where = ", ".join(f"{name} {masked(value)}" for name, value in zip(key, sample.key, strict=True))
    what = ", ".join(f"{name}: {masked(a)} became {masked(b)}" for name, (a, b) in sample.columns.items())
    return printable(f"{where}: {what}", 300)
