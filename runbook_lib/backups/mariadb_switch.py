"""The switch of two MariaDB schemas: their tables change places in one statement, and what cannot be renamed into
another schema (routines, views, triggers) is noted before and made anew after. Killed anywhere and called again, it
ends right."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, NamedTuple

from runbook_lib.backups.session import Session
from runbook_lib.command import printable
from runbook_lib.errors import PlatformError

# Tables for the time of a switch, in the schema of before. The second name is given by the statement that renames all
# others: where it is there, they have changed places.
NOTES = "runbook_notes_of_a_switch"
RENAMED = f"{NOTES}_renamed"
# Seconds after which those who keep the switch waiting are disconnected.
PATIENCE = 5

Side = Literal["before", "restored"]
_TABLE = f"CREATE OR REPLACE TABLE {NOTES}_new (kind text, name text, made longtext, mode text, collation text, "
_TABLE += "sound boolean, side text) CHARACTER SET utf8mb4"
# In the order in which they are made: a view may call a function, a trigger a procedure.
_LISTS = {
    "FUNCTION": "SELECT routine_name FROM information_schema.routines "
    "WHERE routine_schema = DATABASE() AND routine_type = 'FUNCTION'",
    "PROCEDURE": "SELECT routine_name FROM information_schema.routines "
    "WHERE routine_schema = DATABASE() AND routine_type = 'PROCEDURE'",
    "VIEW": "SELECT table_name FROM information_schema.views WHERE table_schema = DATABASE()",
    "TRIGGER": "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() "
    "ORDER BY event_object_table, event_manipulation, action_timing, action_order",
}


class Made(NamedTuple):
    """Something of a schema that is made by a statement. mode, collation: of the session that made it; sound: whether
    it could be used."""

    kind: str
    name: str
    made: str
    mode: str = ""
    collation: str = ""
    sound: bool = True


@dataclass(frozen=True)
class Switch:
    """One switch. session: opens a connection to a schema; name: of the application's; new: what takes its place; old:
    where what was there before goes, a schema that is there."""

    session: Callable[[str], AbstractContextManager[Session]]
    name: str
    new: str
    old: str

    def carry_out(self) -> None:
        """From where it stands to the end; `new` is left over. PlatformError."""
        noted = self._noted()
        if not self._stands(RENAMED):
            self._rename(noted["before"])
        self._have(self.old, noted["before"])
        self._have(self.name, noted["restored"])

    def under_way(self) -> bool:
        """Whether one was begun and is not over."""
        return self._stands(NOTES) or self._stands(RENAMED)

    def forget(self) -> None:
        """It is over."""
        with self.session(self.old) as ask:
            ask(f"DROP TABLE IF EXISTS {RENAMED}")

    def _stands(self, table: str) -> bool:
        with self.session(self.old) as ask:
            return table in movable(ask)

    def _noted(self) -> dict[Side, list[Made]]:
        """What both schemas have: once the tables are gone nothing tells how a view was made."""
        if not self.under_way():
            notes = [(*made, "before") for made in self._all_of(self.name)]
            notes += [(*made, "restored") for made in self._all_of(self.new)]
            with self.session(self.old) as ask:
                ask(_TABLE)
                if notes:
                    ask.many(f"INSERT INTO {NOTES}_new VALUES (%s, %s, %s, %s, %s, %s, %s)", notes)
                # Under its name only when all of it is there.
                ask(f"RENAME TABLE {NOTES}_new TO {NOTES}")
        table = NOTES if self._stands(NOTES) else RENAMED
        with self.session(self.old) as ask:
            rows = ask(f"SELECT * FROM {table}")
        sides: tuple[Side, Side] = ("before", "restored")
        return {side: [Made(*row[:-1]) for row in rows if row[-1] == side] for side in sides}

    def _all_of(self, schema: str) -> list[Made]:
        with self.session(schema) as ask:
            return [_made(ask, kind, name, schema) for kind in _LISTS for name in _names(ask, kind)]

    def _rename(self, before: Sequence[Made]) -> None:
        """All tables of both schemas at once: nobody sees a part of them."""
        # A table with triggers does not go into another schema.
        self._drop(self.name, "TRIGGER")
        self._drop(self.new, "TRIGGER")
        ways = [(self.old, NOTES, RENAMED, self.old)]
        for source, destination in ((self.name, self.old), (self.new, self.name)):
            with self.session(source) as ask:
                ways += [(source, table, table, destination) for table in movable(ask)]
        with self.session("information_schema") as ask:
            pairs = [f"{ask.quoted(a, table)} TO {ask.quoted(b, fresh)}" for a, table, fresh, b in ways]
            statement = f"RENAME TABLE {', '.join(pairs)}"
            ask(f"SET SESSION lock_wait_timeout = {PATIENCE}")
            try:
                try:
                    ask(statement)
                except PlatformError:
                    _end_sessions(ask, self.name)
                    ask(statement)
            except PlatformError:
                # What is there goes on being used.
                self._make(self.name, [made for made in before if made.kind == "TRIGGER"])
                raise

    def _drop(self, schema: str, kind: str, but: Iterable[Made] = ()) -> None:
        with self.session(schema) as ask:
            stay = {made for made in but if made.kind == kind}
            for name in _names(ask, kind):
                # Who may call a routine is forgotten with it: one that is the same stays.
                if not stay or _made(ask, kind, name, schema) not in stay:
                    ask(f"DROP {kind} {ask.quoted(name)}")

    def _have(self, schema: str, wanted: Sequence[Made]) -> None:
        """Have these in a schema, and no others."""
        routines = [made for made in wanted if made.kind in ("FUNCTION", "PROCEDURE")]
        for kind in ("TRIGGER", "VIEW", "FUNCTION", "PROCEDURE"):
            self._drop(schema, kind, routines)
        self._make(schema, wanted)

    def _make(self, schema: str, wanted: Sequence[Made]) -> None:
        with self.session(schema) as ask:
            there = {(kind, name) for kind in _LISTS for name in _names(ask, kind)}
            for kind in _LISTS:
                left = [made for made in wanted if made.kind == kind and (kind, made.name) not in there]
                # One view may be made of others: again, as long as one more can be made.
                while left:
                    later = [made for made in left if not _comes(ask, made)]
                    if len(later) == len(left):
                        break
                    left = later
                # What could not be used before is missed by nobody.
                for made in [made for made in left if made.sound]:
                    raise PlatformError(
                        f"the {kind.lower()} {printable(made.name)} cannot be made in {printable(schema)}",
                        next_step=f"mend what it needs, then run it again; its definition is in {RENAMED} of "
                        f"{printable(self.old)}",
                    )


def movable(ask: Session) -> list[str]:
    """Tables and sequences of the schema that is connected to."""
    found = ask(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
        "AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')"
    )
    return [name for (name,) in found]


def _names(ask: Session, kind: str) -> Iterator[str]:
    for (name,) in ask(_LISTS[kind]):
        yield str(name)


def _made(ask: Session, kind: str, name: str, schema: str) -> Made:
    (row,) = ask(f"SHOW CREATE {kind} {ask.quoted(name)}")
    if kind == "VIEW":
        return Made(kind, name, of_any_schema(str(row[1]), ask.quoted(schema)), sound=_sound(ask, name))
    if row[2] is None:
        raise PlatformError(
            f"the {kind.lower()} {printable(name)} cannot be read: the user may not see how it was made",
            next_step="grant SELECT ON mysql.proc, and TRIGGER, to the user of the table database",
        )
    return Made(kind, name, str(row[2]), str(row[1]), str(row[4]))


def _sound(ask: Session, view: str) -> bool:
    with contextlib.suppress(PlatformError):
        ask(f"SELECT 1 FROM {ask.quoted(view)} LIMIT 0")
        return True
    return False


def of_any_schema(statement: str, schema: str) -> str:
    """A statement without the name of its schema, which the server writes before columns where a view's definer has no
    rights there. What stands in a text stays."""
    found = re.compile(rf"'(?:[^'\\]|\\.)*'|{re.escape(schema)}\.")
    return found.sub(lambda match: match[0] if match[0].startswith("'") else "", statement)


def _comes(ask: Session, made: Made) -> bool:
    with contextlib.suppress(PlatformError):
        if made.kind != "VIEW":
            ask("SET SESSION sql_mode = %s, collation_connection = %s", [made.mode, made.collation])
        ask(made.made)
        return True
    return False


def _end_sessions(ask: Session, name: str) -> None:
    """Disconnect who is at work in a schema; what ended by itself meanwhile is no matter."""
    found = ask("SELECT id FROM information_schema.processlist WHERE db = %s AND id <> CONNECTION_ID()", [name])
    for (number,) in found:
        with contextlib.suppress(PlatformError):
            ask(f"KILL CONNECTION {int(number)}")
