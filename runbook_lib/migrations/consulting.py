"""What the older release's code says to the operations: where it names what is gone, and what new names mean to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from runbook_lib.migrations.assessment import MigrationAssessment, Operation, Reference
from runbook_lib.migrations.files import MigrationFile
from runbook_lib.migrations.older import NOT_GIVEN, Clash, Older, Sources, words_for
from runbook_lib.migrations.rules import Verdict

References = Callable[[Collection[str]], Sequence[Reference]]
"""Given names of columns and tables, the places in the older code that name them."""

_GONE = {"drop column", "drop timestamps", "drop soft deletes", "rename column", "drop table", "rename table"}


def with_references(found: list[MigrationAssessment], references: References) -> list[MigrationAssessment]:
    """The places in older code that name what is gone: evidence, which makes nothing safe."""
    names = {
        name for m in found for o in m.operations if o.kind in _GONE and o.verdict is not Verdict.SAFE
        for name in _named(o)
    }  # fmt: skip
    if not names:
        return found
    places: dict[str, list[Reference]] = {}
    for reference in references(sorted(names)):
        places.setdefault(reference.name, []).append(reference)
    return [_pointed(migration, places) for migration in found]


def _named(operation: Operation) -> list[str]:
    table, _, columns = operation.subject.partition(".")
    return [name.strip() for name in columns.split(",")] if columns else [table]


def _pointed(migration: MigrationAssessment, places: dict[str, list[Reference]]) -> MigrationAssessment:
    operations = tuple(
        o._replace(references=tuple(place for name in _named(o) for place in places.get(name, [])))
        if o.kind in _GONE and o.verdict is not Verdict.SAFE
        else o
        for o in migration.operations
    )
    return replace(migration, operations=operations)


def with_clashes(
    found: list[MigrationAssessment], sources: Sources | None, earlier: Sequence[MigrationFile]
) -> tuple[list[MigrationAssessment], tuple[str, ...]]:
    """New names that already mean something to older code ask; and what could not be looked at."""
    bringing = [o for m in found for o in m.operations if o.brings]
    if not bringing:
        return found, ()
    if sources is None:
        return found, (NOT_GIVEN,)
    columns = {name for o in bringing if o.kind not in _OTHERS for name in o.brings}
    others = {name for o in bringing if o.kind in _OTHERS for name in o.brings}
    unknown = sorted(name for name in columns | others if not _plain(name))
    searched = sources([word for word in words_for(columns, others) if _plain(word)])
    older = Older(searched, {file.name: (file.content or b"").decode("utf-8", "replace") for file in earlier})
    asked = [replace(m, verdict=_worst(m, operations), operations=operations)
             for m in found for operations in [tuple(_asked(o, older) for o in m.operations)]]  # fmt: skip
    unseen = f"names that are known only when it runs were not looked for in the older code: {', '.join(unknown[:5])}"
    return asked, (unseen,) if unknown else ()


_OTHERS = {"create table", "rename table", "rename index", "add foreign key", "drop foreign key", "add unique"}


def _plain(name: str) -> bool:
    return re.fullmatch(r"\w+", name) is not None


def _worst(migration: MigrationAssessment, operations: Sequence[Operation]) -> Verdict:
    return max((migration.verdict, *(operation.verdict for operation in operations)))


def _asked(operation: Operation, older: Older) -> Operation:
    if operation.verdict >= Verdict.LOSS:
        return operation
    if operation.kind not in _OTHERS and not all(map(_plain, operation.brings)):
        why = "its name is known only when it runs: older code may use it for something of its own"
        return operation._replace(verdict=Verdict.UNKNOWN, why=why, advice=_ADVICE)
    clash = _clash(operation, older)
    if clash is None:
        return operation
    why = f"the older code: {clash.why}"
    return operation._replace(verdict=Verdict.UNKNOWN, why=why, advice=_ADVICE, references=clash.places[:20])


_ADVICE = "look at the place: if it matters there, take the change back or rename what is new, or go forward"


_OF_OTHERS = {
    "create table": Older.clash_of_table, "rename table": Older.clash_of_table, "add unique": Older.clash_of_unique,
    "rename index": Older.clash_of_index, "add foreign key": Older.clash_of_parent,
    "drop foreign key": Older.clash_of_refusal,
}  # fmt: skip


def _clash(operation: Operation, older: Older) -> Clash | None:
    table = operation.subject.rpartition(".")[0]
    look = _OF_OTHERS.get(operation.kind, Older.clash)
    for name in filter(_plain, operation.brings):
        found = look(older, table, name)
        if found is not None:
            return found
    return None
