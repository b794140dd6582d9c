"""down() against up(): what of it takes back what, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.migrations.changes import Change
from runbook_lib.migrations.known import ADDS, CHANGES, DROPS
from runbook_lib.migrations.reading.acts import Method
from runbook_lib.migrations.rules import RULES

_PAIRS = {
    "add index": {"drop index", "drop unique", "drop fulltext"}, "add unique": {"drop unique", "drop index"},
    "add primary": {"drop primary"},
    "add foreign key": {"drop foreign key", "drop unique"}, "add check": {"drop unique", "drop check"},
    "drop index": {"add index"}, "drop unique": {"add unique", "add index"}, "drop primary": {"add primary"},
    "drop fulltext": {"add index"}, "drop foreign key": {"add foreign key"}, "drop check": {"add check"},
    "create view": {"drop view"}, "drop view": {"create view"}, "insert rows": {"delete rows"},
    "rename index": {"rename index"},
}  # fmt: skip
# There is nothing to take back.
_NEUTRAL = {"session setting", "change table options", "fill new columns"}


@dataclass(frozen=True)
class Reversal:
    """Whether down() takes up() back. state: complete, partial, missing, empty, throws, unread or nothing (to do).

    reasons: why it does not, or is not certain to. loses: what is lost with it.
    """

    state: str
    reasons: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()

    @property
    def can(self) -> str:
        return {"complete": "yes", "nothing": "yes", "unread": "unknown"}.get(self.state, "no")

    @property
    def lossless(self) -> bool:
        return self.state == "complete" and not self.loses

    @property
    def facts(self) -> dict[str, Any]:
        return {"can": self.can, "state": self.state, "reasons": list(self.reasons), "loses": list(self.loses)}


def compare(up: Sequence[Change], down: Sequence[Change], method: Method) -> Reversal:
    """What down() does to what up() did."""
    to_undo = [change for change in up if change.kind not in _NEUTRAL]
    loses = tuple(dict.fromkeys(f"{c.subject}: {RULES[c.kind].cost}" for c in to_undo if not RULES[c.kind].lossless))
    if not method.present:
        return Reversal("missing", ("there is no down(): nothing would run, the row would be deleted all the same",))
    if method.throws:
        return Reversal("throws", ("down() throws",))
    if not to_undo:
        return Reversal("nothing")
    if method.empty:
        return Reversal("empty", ("down() is empty: nothing would run, the row would be deleted all the same",))
    unread = [change for change in down if change.kind == "unread"]
    if unread:
        return Reversal("unread", tuple(f"line {c.line}: {c.call}: {c.why}" for c in unread[:3]), loses)
    left = [change for change in to_undo if not _is_undone(change, down)]
    if left:
        return Reversal("partial", tuple(f"down() does not take back {c.kind} {c.subject}" for c in left[:5]), loses)
    return Reversal("complete", (), loses)


def _is_undone(change: Change, down: Sequence[Change]) -> bool:
    return any(_undoes(change, other) for other in down)


def _undoes(up: Change, down: Change) -> bool:
    if up.kind == "unread":
        return False
    if down.kind == "drop table" and down.table == up.table and not up.kind.startswith(("drop", "rename")):
        return True
    if up.kind == "create table":
        return False
    if up.kind == "drop table":
        return down.kind == "create table" and down.table == up.table
    if up.kind in {"rename table", "rename column", "rename index"}:
        return _renamed_back(up, down)
    if up.kind in ADDS:
        return down.kind in DROPS and down.table == up.table and set(up.columns) <= set(down.columns)
    if up.kind in DROPS:
        return _added_again(up, down)
    if up.kind in CHANGES | {"add enum value", "remove enum value"}:
        return down.kind in CHANGES and (down.table, down.columns) == (up.table, up.columns)
    return _paired(up, down)


def _renamed_back(up: Change, down: Change) -> bool:
    if down.kind != up.kind:
        return False
    if up.kind == "rename table":
        return (down.table, down.to) == (up.to, up.table)
    if up.kind == "rename index":
        return (down.name, down.to) == (up.to, up.name)
    return down.table == up.table and (down.columns[0], down.to) == (up.to, up.columns[0])


def _added_again(up: Change, down: Change) -> bool:
    """Several columns dropped at once count as added again with one of them: the others are looked at alone."""
    return down.kind in ADDS and down.table == up.table and bool(set(down.columns) & set(up.columns))


def _paired(up: Change, down: Change) -> bool:
    if down.kind in DROPS and up.kind in {"add index", "add unique", "add foreign key", "add primary", "add check"}:
        return down.table == up.table and bool(up.columns) and set(up.columns) <= set(down.columns)
    if down.kind not in _PAIRS.get(up.kind, set()):
        return False
    if up.kind in {"create view", "drop view"}:
        return up.table == down.table
    if up.kind == "insert rows":
        return bool(up.table) and up.table == down.table
    named = bool(up.name) and up.name == down.name
    same_table = down.table in {up.table, ""} or up.table == ""
    return same_table and (named or (bool(up.columns) and up.columns == down.columns) or up.kind.endswith("primary"))
