"""MariaDB and MySQL: mariadb-dump, a schema beside, and the switch by renaming the tables of both in one statement."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from runbook_lib.backups.counting import counted, migrations, quoted, tables
from runbook_lib.backups.dump import Dump
from runbook_lib.backups.pipeline import consume, stream
from runbook_lib.backups.record import Counted, Reach
from runbook_lib.backups.session import Session, session
from runbook_lib.command import Command, Secret, printable
from runbook_lib.config import DatabaseKind
from runbook_lib.datastores.sql import Place, server
from runbook_lib.errors import CommandError, PlatformError

NAME_LIMIT = 64
# A table for the time of a switch, in the schema of before.
NOTES = "runbook_views_of_a_switch"
# Seconds for which writes may have to wait while the snapshots of the dump and of the counting are opened.
LOCK_PATIENCE = 2
# Seconds after which those who keep the switch waiting are disconnected.
SWITCH_PATIENCE = 5
UTF8 = "--default-character-set=utf8mb4"
# What the dump says once it is in its transaction.
BEGUN = b"able structure for"


@dataclass(frozen=True)
class Mariadb:
    """One schema of a MariaDB or MySQL server. timeout: seconds for connecting and locks; patience: for a statement."""

    place: Place
    timeout: float
    patience: float

    @property
    def kind(self) -> DatabaseKind:
        return "mysql"

    @property
    def name(self) -> str:
        return self.place.name

    def server(self) -> str:
        with self.session() as ask:
            version = str(ask("SELECT VERSION()")[0][0])
        return f"MariaDB {version}" if "mariadb" in version.lower() else f"MySQL {version}"

    def tool(self) -> str:
        return b"".join(stream([Command.of("mariadb-dump", "--version")])).decode().strip()

    @contextlib.contextmanager
    def dumping(self) -> Iterator[Dump]:
        with self.session() as ask, self.session() as lock:
            names, exact = tables(ask), _locked(lock)
            reach = _reach(lock) if exact else None
            ask("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            known = migrations(ask)
            plain = ask(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
                "AND engine IN ('MyISAM', 'Aria', 'MEMORY', 'CSV', 'ARCHIVE', 'MRG_MyISAM')"
            )
            warnings = [
                f"table {name} has no transactions: what is in it may be of another moment" for (name,) in plain
            ]
            words = ("--single-transaction", "--quick", "--routines", "--events", "--triggers", "--hex-blob")
            dump = self.client("mariadb-dump", UTF8, *words, "--skip-lock-tables", "--no-tablespaces", "--", self.name)

            def count() -> Mapping[str, Counted]:
                return counted(ask, names)

            # From here on writes wait, until the dump has begun.
            yield Dump(_unlocking(lock, stream([dump])), count, known, exact, warnings, lambda: reach)

    def beside(self, mark: str) -> str:
        return f"{self.name[: NAME_LIMIT - len(mark) - 1]}_{mark}"

    def exists(self, name: str) -> bool:
        with self._administration() as ask:
            return bool(ask("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", [name]))

    def fill(self, name: str, pieces: Iterable[bytes]) -> None:
        self.drop(name)
        self.create(name, self.defaults())
        self.load(name, pieces)

    def load(self, name: str, pieces: Iterable[bytes]) -> None:
        """Restore a dump into an empty database. CommandError."""
        consume([self.client("mariadb", UTF8, "--binary-mode", f"--database={name}")], _whole(pieces))

    def drop(self, name: str) -> None:
        with self._administration() as ask:
            ask(f"DROP DATABASE IF EXISTS {ask.quoted(name)}")

    def session(self, name: str = "") -> contextlib.AbstractContextManager[Session]:
        place = replace(self.place, name=name or self.name)
        return session(server(place, self.timeout, self.patience), "mysql")

    def refuse_switch(self) -> None:
        with self.session() as ask:
            found = ask("SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()")
        if found:
            raise PlatformError(
                f"tables with triggers ({printable(str(found[0][0]))}) cannot be moved from one schema to another",
                next_step="restore single tables (-p tables), or drop the triggers and make them again afterwards",
            )

    def switch(self, new: str, old: str) -> None:
        if self.switched(new, old):
            return
        if not self.exists(old):
            self.create(old, self.defaults())
        views = self._views_noted(new, old)
        self._rename(new, old)
        self._make_views(old, [view for view in views if view[0] == "before"])
        self._make_views(self.name, [view for view in views if view[0] == "restored"])
        self.drop(new)
        with self.session(old) as ask:
            ask(f"DROP TABLE IF EXISTS {NOTES}")

    def switched(self, new: str, old: str) -> bool:
        if not self.exists(old) or self.exists(new):
            return False
        with self.session(old) as ask:
            return NOTES not in _movable(ask)

    def point_in_time(self) -> list[str]:
        with self.session() as ask:
            rows = ask("SHOW VARIABLES WHERE variable_name IN ('log_bin', 'expire_logs_days', 'binlog_format')")
        found: dict[str, Any] = {str(name): value for name, value in rows}
        if found.get("log_bin") != "ON":
            return ["log_bin is OFF: with it on, backups would lead to later moments"]
        days = float(found.get("expire_logs_days") or 0)
        kept = f"kept for {days:g} days" if days else "kept until somebody purges them"
        lines = [f"log_bin is ON ({found.get('binlog_format')}); binary logs are {kept}"]
        try:
            with self.session() as ask:
                ask("SHOW MASTER STATUS")
        except PlatformError:
            lines.append("its user may not see where they stand, so no backup leads on: GRANT BINLOG MONITOR ON *.*")
        return lines

    # -- within ----------------------------------------------------------------------------------------------------

    def client(self, program: str, *words: str) -> Command:
        """A command of the server's own clients."""
        place = self.place
        # No option files: what is dumped must not depend on who calls it. The password is in no argv and in no file.
        server: tuple[str, ...] = ("--protocol=TCP", f"--host={place.host}", f"--port={place.port}")
        if place.host.startswith("/"):
            server = ("--protocol=SOCKET", f"--socket={place.host}")
        environment: dict[str, str | Secret] = {"MYSQL_PWD": place.password} if place.password.reveal() else {}
        return Command.of(program, "--no-defaults", *server, f"--user={place.user}", *words, env=environment)

    def _administration(self) -> contextlib.AbstractContextManager[Session]:
        return self.session("information_schema")

    def defaults(self) -> str:
        """How the database is made."""
        with self._administration() as ask:
            ((charset, collation),) = ask(
                "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata "
                "WHERE schema_name = %s",
                [self.name],
            )
        return f"CHARACTER SET {charset} COLLATE {collation}"

    def create(self, name: str, defaults: str) -> None:
        """Make an empty database."""
        with self._administration() as ask:
            ask(f"CREATE DATABASE {ask.quoted(name)} {defaults}")

    def _rename(self, new: str, old: str) -> None:
        """All tables of both schemas at once: nobody sees a part of them."""
        pairs = []
        with self.session() as ask:
            pairs += [(ask.quoted(self.name, table), ask.quoted(old, table)) for table in _movable(ask)]
        with self.session(old) as ask:
            if [table for table in _movable(ask) if table != NOTES]:
                return
        with self.session(new) as ask:
            pairs += [(ask.quoted(new, table), ask.quoted(self.name, table)) for table in _movable(ask)]
        if not pairs:
            return
        with self._administration() as ask:
            ask(f"SET SESSION lock_wait_timeout = {SWITCH_PATIENCE}")
            statement = f"RENAME TABLE {', '.join(f'{before} TO {after}' for before, after in pairs)}"
            try:
                ask(statement)
            except PlatformError:
                _end_sessions(ask, self.name)
                ask(statement)

    def _views_noted(self, new: str, old: str) -> list[View]:
        """The views of both schemas. They cannot be renamed into another one, and once the tables are gone nothing
        tells how they were made: so it is noted before, in the schema that stays."""
        with self.session(old) as ask:
            noted = NOTES in _movable(ask)
        if not noted:
            views = [("before", *view) for view in self._views(self.name)]
            views += [("restored", *view) for view in self._views(new)]
            with self.session(old) as ask:
                ask(f"CREATE OR REPLACE TABLE {NOTES}_new (side text, name text, made longtext) CHARACTER SET utf8mb4")
                if views:
                    ask.many(f"INSERT INTO {NOTES}_new VALUES (%s, %s, %s)", views)
                # Under its name only when all of it is there.
                ask(f"RENAME TABLE {NOTES}_new TO {NOTES}")
        with self.session(old) as ask:
            return [View(*row) for row in ask(f"SELECT side, name, made FROM {NOTES}")]

    def _views(self, schema: str) -> list[tuple[str, str]]:
        with self.session(schema) as ask:
            names = [name for (name,) in ask(_VIEWS)]
            made = [(name, str(ask(f"SHOW CREATE VIEW {ask.quoted(name)}")[0][1])) for name in names]
            return [(name, _of_any_schema(statement, ask.quoted(schema))) for name, statement in made]

    def _make_views(self, schema: str, views: Sequence[View]) -> None:
        """Have these views in a schema, and no others."""
        with self.session(schema) as ask:
            for (name,) in ask(_VIEWS):
                ask(f"DROP VIEW {ask.quoted(name)}")
            left = list(views)
            # One view may be made of others: again, as long as one more can be made.
            while left:
                later = [view for view in left if not _made(ask, view)]
                if len(later) == len(left):
                    raise PlatformError(
                        f"the view {printable(left[0].name)} cannot be made in {printable(schema)}",
                        next_step=f"mend what it needs, then run it again; {NOTES} there has its definition",
                    )
                left = later


class View(NamedTuple):
    """A view as it was before the switch. side: "before" or "restored"; made: the statement that makes it."""

    side: str
    name: str
    made: str


_VIEWS = "SELECT table_name FROM information_schema.views WHERE table_schema = DATABASE()"


def _of_any_schema(statement: str, schema: str) -> str:
    """A statement without the name of its schema, which the server writes before columns where a view's definer has no
    rights there. What stands in a text stays."""
    found = re.compile(rf"'(?:[^'\\]|\\.)*'|{re.escape(schema)}\.")
    return found.sub(lambda match: match[0] if match[0].startswith("'") else "", statement)


def _movable(ask: Session) -> list[str]:
    """Tables and sequences of the schema that is connected to."""
    found = ask(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SEQUENCE')"
    )
    return [name for (name,) in found]


def _made(ask: Session, view: View) -> bool:
    try:
        ask(view.made)
    except PlatformError:
        return False
    return True


def _end_sessions(ask: Session, name: str) -> None:
    """Disconnect who is at work in a schema; what ended by itself meanwhile is no matter."""
    found = ask("SELECT id FROM information_schema.processlist WHERE db = %s AND id <> CONNECTION_ID()", [name])
    for (number,) in found:
        with contextlib.suppress(PlatformError):
            ask(f"KILL CONNECTION {int(number)}")


def _locked(lock: Session) -> bool:
    """Let writes wait for a moment, so that two snapshots are one. False where that cannot be had."""
    names = tables(lock)
    if not names:
        return True
    try:
        lock(f"SET SESSION lock_wait_timeout = {LOCK_PATIENCE}")
        lock(f"LOCK TABLES {', '.join(f'{quoted(lock, name)} READ' for name in names.values())}")
    except PlatformError:
        return False
    return True


def _reach(lock: Session) -> Reach | None:
    """Where the binary log stands while writes wait; None where there is none, or the user may not see it."""
    with contextlib.suppress(PlatformError):
        for file, position, *_ in lock("SHOW MASTER STATUS"):
            ((at,),) = lock("SELECT UNIX_TIMESTAMP(NOW(6))")
            return Reach(float(at), f"{file}:{position}")
    return None


def _unlocking(lock: Session, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces; the lock is let go when the dump has begun to read, or does not come to it."""
    held, seen = True, b""
    try:
        for piece in pieces:
            seen = seen[-len(BEGUN) :] + piece if held else b""
            if held and BEGUN in seen:
                lock("UNLOCK TABLES")
                held = False
            yield piece
    finally:
        if held:
            lock("UNLOCK TABLES")


def _whole(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces; CommandError when the dump does not end as mariadb-dump ends one."""
    tail = b""
    for piece in pieces:
        tail = (tail + piece)[-200:]
        yield piece
    if b"-- Dump completed" not in tail:
        raise CommandError("the dump is not complete: its last line is missing", next_step="use another backup")
