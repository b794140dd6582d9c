"""What a table does besides when rows are put back: triggers, which must not run, sequences, which must follow, and
rows of other tables, which must not go along."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from runbook_lib.backups.counting import Name, quoted, tables
from runbook_lib.backups.engine import Engine
from runbook_lib.backups.session import Session
from runbook_lib.command import printable
from runbook_lib.errors import BackupError, PlatformError

_TRIGGERS = {
    "pgsql": (
        "SELECT tgname, tgenabled::text FROM pg_trigger "
        "WHERE tgrelid = (%s)::regclass AND NOT tgisinternal AND tgenabled <> 'D'"
    ),
    "mysql": (
        "SELECT trigger_name, '' FROM information_schema.triggers "
        "WHERE event_object_schema = DATABASE() AND event_object_table = %s"
    ),
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(%s)",
}
# How PostgreSQL calls the states that a trigger may be in.
_STATES = {"O": "ENABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}
_SEQUENCES = (
    "SELECT a.attname, n.nspname, c.relname, s.seqmax FROM pg_depend d "
    "JOIN pg_sequence s ON s.seqrelid = d.objid AND s.seqincrement > 0 "
    "JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid "
    "WHERE d.classid = 'pg_class'::regclass AND d.refobjid = (%s)::regclass AND d.deptype IN ('a', 'i')"
)


def refuse_triggers(ask: Session, name: Name) -> None:
    """BackupError where a table has triggers that cannot be kept from running: MariaDB's."""
    found = _triggers(ask, name) if ask.kind == "mysql" else []
    if found:
        raise BackupError(
            f"table {name} has triggers ({printable(found[0][0], 80)}), which would run when its rows are put back",
            next_step="restore the whole database, or drop the triggers and make them again afterwards",
        )


def refuse_cascades(engine: Engine, chosen: Sequence[str]) -> None:
    """PlatformError where removing rows from these tables would change rows of others behind the scenes."""
    with engine.session() as ask:
        known = tables(ask)
        for table in chosen:
            others = [other for other in _cascading(ask, known[table]) if other not in chosen]
            if others:
                raise PlatformError(
                    f"removing rows of {table} would also delete or empty rows of {', '.join(others)}",
                    next_step="keep what was added (-p added keep), or name those tables, too",
                )


@contextlib.contextmanager
def without_triggers(ask: Session, name: Name) -> Iterator[None]:
    """Within, the table's triggers do not run, and afterwards they are as they were; what fails is taken back by the
    caller's transaction, triggers included."""
    found = [] if ask.kind == "mysql" else _triggers(ask, name)
    table = quoted(ask, name)
    if found and ask.kind == "pgsql":
        ask(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    elif found:
        for trigger, _ in found:
            ask(f"DROP TRIGGER {ask.quoted(trigger)}")
    yield
    if found and ask.kind == "pgsql":
        # A table with checks that still wait cannot be altered.
        ask("SET CONSTRAINTS ALL IMMEDIATE")
    for trigger, state in found:
        ask(f"ALTER TABLE {table} {_STATES[state]} TRIGGER {ask.quoted(trigger)}" if ask.kind == "pgsql" else state)


def lead_sequences(ask: Session, name: Name) -> None:
    """Have the sequences of a table go on behind its highest numbers. PostgreSQL; the others do so by themselves."""
    for column, schema, sequence, highest in ask(_SEQUENCES, [quoted(ask, name)]):
        which, number = ask.quoted(schema, sequence), f"least(max({ask.quoted(column)}), {int(highest)})"
        ask(
            f"SELECT setval(%s::regclass, {number}::bigint) FROM {quoted(ask, name)} "
            f"HAVING {number} >= (SELECT last_value FROM {which})",
            [which],
        )


def _triggers(ask: Session, name: Name) -> list[tuple[str, str]]:
    """Names, and how each comes to be as it is now."""
    found = ask(_TRIGGERS[ask.kind], [quoted(ask, name) if ask.kind == "pgsql" else name.table])
    return [(_text(trigger), _text(state)) for trigger, state in found]


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _cascading(ask: Session, name: Name) -> list[str]:
    """Tables whose rows go, or lose their reference, with rows of this one."""
    if ask.kind == "pgsql":
        found = ask(
            "SELECT DISTINCT c.conrelid::regclass::text FROM pg_constraint c WHERE c.contype = 'f' "
            "AND c.confdeltype IN ('c', 'n', 'd') AND c.confrelid = (%s)::regclass",
            [ask.quoted(name.schema, name.table)],
        )
        return [str(other).removeprefix("public.") for (other,) in found]
    if ask.kind == "mysql":
        found = ask(
            "SELECT DISTINCT table_name FROM information_schema.referential_constraints WHERE constraint_schema = "
            "DATABASE() AND referenced_table_name = %s AND delete_rule IN ('CASCADE', 'SET NULL')",
            [name.table],
        )
        return [str(other) for (other,) in found]
    keys = 'SELECT "table", on_delete FROM pragma_foreign_key_list(%s)'
    hit = (name.table.encode().lower(), {b"CASCADE", b"SET NULL", b"SET DEFAULT"})
    return [
        other
        for other, there in tables(ask).items()
        if any(target.lower() == hit[0] and action in hit[1] for target, action in ask(keys, [there.table]))
    ]
