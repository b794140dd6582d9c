"""The columns as the migrations before the set left them: read only where a verdict needs it."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.migrations.changes import Change, Column
from runbook_lib.migrations.files import MigrationFile
from runbook_lib.migrations.keys import key_after, refers
from runbook_lib.migrations.known import replayed
from runbook_lib.migrations.present import there
from runbook_lib.migrations.reading.acts import Act
from runbook_lib.migrations.reading.reader import Reader, There
from runbook_lib.migrations.reading.syntax import UnreadableError, read_file
from runbook_lib.migrations.translating import changes


class History:
    """Earlier migrations, in order, parsed when a table in them is asked for."""

    def __init__(self, files: Sequence[MigrationFile], database: str) -> None:
        self._files = [(file, file.content or b"") for file in files]
        self._database = database
        self._read: dict[str, list[Change] | None] = {}
        self._past: list[tuple[bytes, list[Change] | None]] = []
        self._of: dict[str, tuple[int, list[Change] | None]] = {}
        self._since: list[tuple[bytes, list[Change] | None]] = []

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

    def follow(self, file: MigrationFile, made: list[Change] | None) -> None:
        """A migration of the set was read. made: its changes; None when it could not be."""
        self._since.append((file.content or b"", made))

    def there(self, acts: Sequence[Act], table: str, column: str) -> bool | None:
        """Whether a table or column is there after all that was read, and these acts; None when it is not certain."""
        self._catch_up()
        return self._told(acts, table, column, [*self._past, *self._since] if self._since else self._past)

    def _catch_up(self) -> None:
        """Read all files in their order, so that the questions of each are answered by those before it."""
        while len(self._past) < len(self._files):
            file, content = self._files[len(self._past)]
            self._past.append((content, self._made(file, content, self._so_far)))
            self._read[file.name] = self._past[-1][1]

    def _told(
        self, acts: Sequence[Act], table: str, column: str, past: Sequence[tuple[bytes, list[Change] | None]]
    ) -> bool | None:
        known, found = self._of.get(table, (0, []))
        for content, made in past[known:]:
            if table.encode() in content or not content:
                found = None if found is None or made is None else [*found, *made]
        self._of[table] = (len(past), found)
        return None if found is None else there([*found, *changes(acts, self._database)], table, column)

    def _so_far(self, acts: Sequence[Act], table: str, column: str) -> bool | None:
        return self._told(acts, table, column, self._past)

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
        if file.name not in self._read and (b"::has" in content or b"whenTable" in content):
            self._catch_up()
        if file.name not in self._read:
            self._read[file.name] = self._made(file, content, None)
        return self._read[file.name]

    def _made(self, file: MigrationFile, content: bytes, there: There | None) -> list[Change] | None:
        try:
            reader = Reader(read_file(file.name, content), self._database, there)
        except UnreadableError:
            return None
        return changes(reader.method("up").acts, self._database)
