"""Whether a table or a column is there after some migrations, where the migrations leave no doubt."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.migrations.changes import Change
from runbook_lib.migrations.known import ADDS, DROPS

Columns = dict[str, bool | None]
_OTHERS = "*"


def there(changes: Sequence[Change], table: str, column: str = "") -> bool | None:
    """Whether these changes leave a table, or a column of it; None when they do not tell, or not for certain.

    Only what was seen to be created can be told; anything that was not understood on the way ends the certainty.
    """
    found: bool | None = None
    columns: Columns = {}
    for change in changes:
        if change.kind in {"unread", "drop everything"} and change.table in {"", table}:
            found, columns = None, {}
        elif change.kind == "rename table" and change.to == table:
            found, columns = (True if change.certain else None), {}
        elif change.table == table:
            found, columns = _after(change, found, columns)
    if not column:
        return found
    return columns.get(column.lower(), columns.get(_OTHERS)) if found else None


def _after(change: Change, found: bool | None, columns: Columns) -> tuple[bool | None, Columns]:
    names = [name.lower() for name in change.columns]
    if change.kind == "create table":
        if change.exists:  # there in any case, but with which columns
            return True, {}
        return (True, {_OTHERS: False}) if change.certain else (None, {})
    if change.kind in {"drop table", "rename table"}:
        return (False if change.certain else None), {}
    if change.kind in ADDS:
        return found, columns | dict.fromkeys(names, True if change.certain else None)
    if change.kind in DROPS:
        return found, columns | dict.fromkeys(names, False if change.certain else None)
    if change.kind == "rename column":
        new = {names[0]: False, change.to.lower(): True}
        return found, columns | (new if change.certain else dict.fromkeys(new))
    return found, columns
