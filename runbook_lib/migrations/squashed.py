"""Migrations that a release keeps as a dump of the schema: `artisan schema:dump --prune` deletes their files."""

from __future__ import annotations

import re

FOLDER = "database/schema"
ENDINGS = (".sql", ".dump")
# The rows of the table migrations, as mysqldump and sqlite3 write them, and as pg_dump does.
_ROWS = re.compile(
    rb"^INSERT INTO [`\"]?(?:\w+[`\"]?\.[`\"]?)?\w*migrations[`\"]?\s.*$|^\d+\t\w+\t\d+$", re.MULTILINE | re.IGNORECASE
)
_NAME = re.compile(rb"['\t](\d{4}_\d{2}_\d{2}_\d{6}_\w+)['\t]")


def names_in(dump: bytes) -> list[str]:
    """The migrations that a dump stands for."""
    return [name.decode() for row in _ROWS.findall(dump) for name in _NAME.findall(row)]
