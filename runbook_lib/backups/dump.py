"""A dump that is being taken, as every engine hands it over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from runbook_lib.backups.record import Counted, Reach


@dataclass(frozen=True)
class Dump:
    """A dump that is being taken. pieces: its data; count: counts every table in the snapshot that the data is from,
    and may be called in another thread while the data flows; exact: whether it is that very snapshot. warnings: what
    is not in it as one would think. reach: from where on the server's log goes on, asked when all data has flowed."""

    pieces: Iterable[bytes]
    count: Callable[[], Mapping[str, Counted]]
    migrations: list[str]
    exact: bool = True
    warnings: list[str] = field(default_factory=list)
    reach: Callable[[], Reach | None] = lambda: None
