"""What must be true of the data and is not: the configured checks, and what they find; values are shown masked."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from runbook_lib.backups.losses import TIMES
from runbook_lib.backups.session import Session
from runbook_lib.config import DataCheck
from runbook_lib.errors import PlatformError

LOOKED_AT = 5000


@dataclass(frozen=True)
class Finding:
    """What a check found. rows: offending ones; onset: Unix time of the earliest of them, None where no column tells;
    problem: why it could not be asked, otherwise empty."""

    check: DataCheck
    rows: int
    onset: float | None = None
    problem: str = ""

    @property
    def offends(self) -> bool:
        return self.rows > self.check.allowed


def findings(ask: Session, checks: Sequence[DataCheck]) -> list[Finding]:
    """Each check asked; one that cannot be asked says so."""
    return [_finding(ask, check) for check in checks]


def _finding(ask: Session, check: DataCheck) -> Finding:
    try:
        columns, first, found = ask.look(check.sql, LOOKED_AT)
    except PlatformError as error:
        return Finding(check, 0, problem=error.message)
    if len(columns) == 1 and found == 1 and isinstance(first[0][0], numbers.Number):
        return Finding(check, int(first[0][0]))  # type: ignore[call-overload]
    return Finding(check, found, _onset(columns, first))


def _onset(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> float | None:
    """The earliest time of a change; what was never changed counts from when it came."""
    for column in reversed(TIMES):
        if column in columns:
            times = [at for row in rows if (at := _unix(row[columns.index(column)])) is not None]
            if times:
                return min(times)
    return None


def _unix(value: object) -> float | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()


def masked(value: object) -> str:
    """A value of a row as it may be shown: numbers and times are, of a text only how long it is."""
    if value is None:
        return "NULL"
    if isinstance(value, bool | date | numbers.Number):
        return str(value)
    if isinstance(value, bytes | bytearray):
        try:
            # SQLite's texts come as bytes, too.
            value = value.decode()
        except UnicodeDecodeError:
            return f"{len(value)} bytes"
    return f"text of {len(str(value))} characters"
