"""What would be lost by going back to a backup: the rows of each table now and then, and those that came since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runbook_lib.backups.counting import Name, columns, quoted, rows, tables
from runbook_lib.backups.engine import Engine
from runbook_lib.backups.record import Backup, Counted
from runbook_lib.backups.session import Session

# Columns that tell when a row came or was changed, as Laravel calls them.
TIMES = ("created_at", "updated_at")
_SINCE = {"pgsql": "to_timestamp({at})", "mysql": "FROM_UNIXTIME({at})", "sqlite": "datetime({at}, 'unixepoch')"}


@dataclass(frozen=True)
class Loss:
    """One table. now, then: its rows; newer: rows that came or were changed since, None where no column tells."""

    table: str
    then: int
    now: int
    newer: int | None

    @property
    def rows(self) -> int:
        """Rows whose present state would be gone, as far as can be told."""
        return max(self.newer or 0, self.now - self.then)


def losses(engine: Engine, backup: Backup, only: Iterable[str] = ()) -> list[Loss]:
    """Of every table, or of those named, sorted. Tables that came after the backup count, too. PlatformError."""
    part = backup.database
    with engine.session() as ask:
        live = tables(ask)
        names = sorted(only or {*live, *part.tables})
        return [_loss(ask, table, live.get(table), part.tables, backup.began) for table in names]


def _loss(ask: Session, table: str, name: Name | None, recorded: Mapping[str, Counted], began: float) -> Loss:
    then = recorded[table].rows if table in recorded else 0
    if name is None:
        return Loss(table, then, 0, None)
    return Loss(table, then, rows(ask, name), _newer(ask, name, began))


def _newer(ask: Session, name: Name, began: float) -> int | None:
    found = [column for column in TIMES if column in columns(ask, name).types]
    if not found:
        return None
    since = _SINCE[ask.kind].format(at=int(began))
    shown = [f"datetime({ask.quoted(c)})" if ask.kind == "sqlite" else ask.quoted(c) for c in found]
    ((newer,),) = ask(
        f"SELECT count(*) FROM {quoted(ask, name)} WHERE {' OR '.join(f'{column} > {since}' for column in shown)}"
    )
    return int(newer)
