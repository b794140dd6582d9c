"""The columns as the migrations before the set left them: read only where a verdict needs it."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.migrations.changes import Change, Column
from runbook_lib.migrations.files import MigrationFile
from runbook_lib.migrations.keys import key_after, refers
from runbook_lib.migrations.known import replayed
from runbook_lib.migrations.reading.reader import Reader
from runbook_lib.migrations.reading.syntax import UnreadableError, read_file
from runbook_lib.migrations.translating import changes


class History:
    """Earlier migrations, in order, parsed when a table in them is asked for."""

    def __init__(self, files: Sequence[MigrationFile], database: str) -> None:
        self._files = [(file, file.content or b"") for file in files]
        self._database = database
        self._read: dict[str, list[Change] | None] = {}

    def column(self, table: str, column: str) -> Column | None:
        """A column before the set; None when it is not certain."""
        found = self._naming(table)
        return None if found is None else replayed(found, table, column)

    def key(self, dropped: Change) -> Change | None:
        """The foreign key that is dropped, as it was added; None when it is not certain."""
        found = self._naming(dropped.table)
        return None if found is None else key_after(found, dropped)

    def referred(self, table: str) -> bool:
        """Whether another table may refer to this one: keys name it, or tell it by the name of a column."""
        found = self._naming("")
        return found is None or refers(found, table)

    def _naming(self, table: str) -> list[Change] | None:
        """The changes of the files that name a table; None when one of them cannot be read."""
        found: list[Change] = []
        for file, content in self._files:
            if table.encode() not in content:
                continue
            changes_of = self._changes(file, content)
            if changes_of is None:
                return None
            found += changes_of
        return found

    def _changes(self, file: MigrationFile, content: bytes) -> list[Change] | None:
        if file.name not in self._read:
            try:
                reader = Reader(read_file(file.name, content), self._database)
                self._read[file.name] = changes(reader.method("up").acts, self._database)
            except UnreadableError:
                self._read[file.name] = None
        return self._read[file.name]
