"""Migration files as they are given, and which of them the older code has never seen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

_DATED = re.compile(r"\d{4}_\d{2}_\d{2}_\d{6}_")


@dataclass(frozen=True)
class MigrationFile:
    """A migration: its name, with or without folder and .php, and its text. source: None when nobody has the file."""

    name: str
    source: str | bytes | None

    @property
    def migration(self) -> str:
        """The name as it stands in the table `migrations`."""
        return migration_name(self.name)

    @property
    def content(self) -> bytes | None:
        return self.source.encode("utf-8", "surrogateescape") if isinstance(self.source, str) else self.source


def migration_name(path: str) -> str:
    return PurePosixPath(path.strip()).name.removesuffix(".php")


def brought(rows: Iterable[str], target_files: Iterable[str]) -> list[str]:
    """The migrations that the database has and the target's files lack, in the order in which they ran.

    rows: names from the table `migrations`, in its order (by batch, then by name).
    """
    known = {migration_name(path) for path in target_files}
    return [name for name in dict.fromkeys(migration_name(row) for row in rows if row.strip()) if name not in known]


def in_order(names: Iterable[str]) -> list[str]:
    """Names as `artisan migrate` runs them: by name, whatever the folder."""
    return sorted(dict.fromkeys(names), key=lambda name: (migration_name(name), name))
