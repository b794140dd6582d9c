"""PHP does not mind capitals in the names of methods: the spelling under which a method is known here."""

from __future__ import annotations

from runbook_lib.migrations import builder
from runbook_lib.migrations.reading import database, harmless

_KNOWN = (
    *builder.COLUMNS, *builder.INCREMENTS, *builder.TIMESTAMPS, *builder.MORPHS, *builder.SOFT_DELETES,
    *builder.INDEXES, *builder.DROPPED_INDEXES, *builder.DROPPED_TIMESTAMPS, *builder.DROPPED_SOFT_DELETES,
    *builder.OPTIONS, *builder.NEUTRAL, *builder.COMMANDS, *harmless.READS, *harmless.WRITES, *database.METHODS,
)  # fmt: skip
_SPELLED = {name.lower(): name for name in reversed(_KNOWN)}
_EXACT = frozenset(_KNOWN)


def spelled(method: str) -> str:
    """A method as it is spelled here; one that is not known as it was written."""
    return method if method in _EXACT else _SPELLED.get(method.lower(), method)
