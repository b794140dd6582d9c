"""Names and texts as they are written in a statement."""

from __future__ import annotations

from collections.abc import Sequence


def quoted(name: str, database: str) -> str:
    """An identifier, safe to put into a statement; dots part its levels."""
    mark = "`" if database == "mysql" else '"'
    return ".".join(f"{mark}{part.replace(mark, mark * 2)}{mark}" for part in name.split("."))


def listed(names: Sequence[str], database: str) -> str:
    """Identifiers in a row."""
    return ", ".join(quoted(name, database) for name in names)


def literal(value: object, database: str) -> str:
    """A text. MySQL reads backslashes in it."""
    text = str(value).replace("\\", "\\\\") if database == "mysql" else str(value)
    return "'" + text.replace("'", "''") + "'"
