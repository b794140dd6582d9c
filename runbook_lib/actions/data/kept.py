"""What a restore left beside, until somebody confirms or undoes it: as the journal has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from runbook_lib.errors import BackupError
from runbook_lib.run.journal import Journal

RESTORED = "restored"
SETTLED = "restore settled"
# Bytes of a table's name, which PostgreSQL cuts off without a word.
TABLE_LIMIT = 63


@dataclass(frozen=True)
class Kept:
    """run: that restored; environment: label; way: what was switched; backup: its id. old: name of the database, or
    path of the folder, of before; tables: for single tables, the name of each one's copy."""

    run: str
    environment: str
    way: Literal["database", "tables", "folder"]
    backup: str
    old: str = ""
    path: str = ""
    tables: Mapping[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, object]:
        return {**asdict(self), "tables": dict(self.tables)}

    def __str__(self) -> str:
        what = ", ".join(self.tables.values()) or self.old
        return f"{what}, as it was before run {self.run}"


def kept(journal: Journal, environment: str) -> list[Kept]:
    """What is kept in an environment, oldest first."""
    settled = {event.data["run"] for event in journal.events(kind=SETTLED)}
    # By run: one that was killed and continued may have noted it twice.
    found = {event.data["run"]: Kept(**event.data) for event in journal.events(kind=RESTORED)}
    return [one for one in found.values() if one.environment == environment and one.run not in settled]


def last_kept(journal: Journal, environment: str) -> Kept:
    """The newest of them. BackupError when nothing is kept."""
    found = kept(journal, environment)
    if not found:
        raise BackupError(
            f"nothing was restored in {environment} that waits to be confirmed", next_step="there is nothing to do"
        )
    return found[-1]


def copies_of(tables: Iterable[str], mark: str) -> dict[str, str]:
    """What the copies of tables are called that are kept beside them; each has a name of its own, however long theirs
    are. mark: the end of the names."""
    return {table: _copy(table.rpartition(".")[2], number, mark) for number, table in enumerate(tables)}


def _copy(name: str, number: int, mark: str) -> str:
    if len(f"{name}_{mark}".encode()) <= TABLE_LIMIT:
        return f"{name}_{mark}"
    end = f"_{number}_{mark}"
    return name.encode()[: TABLE_LIMIT - len(end)].decode("utf-8", "ignore") + end
