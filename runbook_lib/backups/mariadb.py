"""MariaDB and MySQL: mariadb-dump, a schema beside, and the switch by renaming the tables of both in one statement."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.backups.counting import counted, migrations, quoted, tables
from runbook_lib.backups.dump import Dump
from runbook_lib.backups.mariadb_switch import Switch
from runbook_lib.backups.pipeline import consume, stream
from runbook_lib.backups.record import Counted, Reach
from runbook_lib.backups.session import Session, session
from runbook_lib.command import Command, Secret
from runbook_lib.config import DatabaseKind
from runbook_lib.datastores.sql import Place, server
from runbook_lib.errors import CommandError, PlatformError

NAME_LIMIT = 64
# Seconds for which writes may have to wait while the snapshots of the dump and of the counting are opened.
LOCK_PATIENCE = 2
UTF8 = "--default-character-set=utf8mb4"
# What the dump says once it is in its transaction.
BEGUN = b"able structure for"
EVENTS, ROUTINES = b"\n-- Dumping events for database ", b"\n-- Dumping routines for database "


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
            words = ["--single-transaction", "--quick", "--routines", "--events", "--triggers", "--hex-blob"]
            # A table whose default is a sequence could not be restored under a lock of its own.
            words += ["--skip-lock-tables", "--skip-add-locks", "--no-tablespaces"]
            dump = self.client("mariadb-dump", UTF8, *words, "--", self.name)

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
        # They would do what they do a second time.
        self.load(name, without_events(pieces))

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
        """Every schema can be switched by who could restore it beside."""

    def switch(self, new: str, old: str) -> None:
        if self.switched(new, old):
            return
        if not self.exists(old):
            self.create(old, self.defaults())
        switch = self._switch(new, old)
        switch.carry_out()
        self.drop(new)
        switch.forget()

    def switched(self, new: str, old: str) -> bool:
        if not self.exists(old) or self.exists(new):
            return False
        return not self._switch(new, old).under_way()

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

    def _switch(self, new: str, old: str) -> Switch:
        return Switch(self.session, self.name, new, old)

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


def without_events(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A dump without its events: the part between two of its headings. No row has a line that begins like these."""
    inside, rest = False, b""
    for piece in pieces:
        rest += piece
        while True:
            heading = ROUTINES if inside else EVENTS
            before, found, after = rest.partition(heading)
            if not found:
                break
            if not inside:
                yield before
            inside, rest = not inside, after
        # What is behind the last piece may be the begin of a heading.
        keep = len(heading) - 1
        if not inside:
            yield rest[:-keep]
        rest = rest[-keep:]
    if not inside:
        yield rest


def _whole(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces; CommandError when the dump does not end as mariadb-dump ends one."""
    tail = b""
    for piece in pieces:
        tail = (tail + piece)[-200:]
        yield piece
    if b"-- Dump completed" not in tail:
        raise CommandError("the dump is not complete: its last line is missing", next_step="use another backup")
