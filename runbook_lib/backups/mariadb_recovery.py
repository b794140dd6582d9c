"""MariaDB to a moment: a server beside is given a dump, and replays the binary logs of the live one from there."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook_lib.backups.engine import Engine, engine_of
from runbook_lib.backups.mariadb import Mariadb
from runbook_lib.backups.pipeline import consume, stream
from runbook_lib.backups.record import Part, shown
from runbook_lib.backups.repository import Repository
from runbook_lib.backups.restoring import content
from runbook_lib.backups.scratch import Scratch, needs_room, program
from runbook_lib.backups.session import Session
from runbook_lib.backups.taking import Source
from runbook_lib.command import Command, Secret, printable, quantity
from runbook_lib.config import Recovery, Target
from runbook_lib.datastores.sql import Place
from runbook_lib.errors import BackupError, CommandError, PlatformError

# Thrown away afterwards: nothing needs to be on disk; nobody but this run reaches it.
OPTIONS = (
    "--skip-networking",
    "--skip-log-bin",
    "--event-scheduler=OFF",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-use-native-aio=0",
    "--max-allowed-packet=1G",
)
_DEFINERS = " UNION ".join(
    f"SELECT definer FROM information_schema.{table} WHERE {table[:-1]}_schema = %s"
    for table in ("triggers", "routines", "events")
)
_USE = re.compile(r"use `((?:[^`]|``)+)`/\*!\*/;$")


@dataclass(frozen=True)
class MariadbRecovery:
    """The server of an environment. place: as who reads its binary logs."""

    target: Target
    table: Recovery
    place: Place

    begins_with = "mysql"

    @property
    def account(self) -> str:
        return self.table.user or "mysql"

    @property
    def _application(self) -> Mariadb:
        engine = engine_of(self.target)
        assert isinstance(engine, Mariadb)  # noqa: S101 - for the type checker
        return engine

    @property
    def _live(self) -> Mariadb:
        return replace(self._application, place=self.place)

    def sources(self) -> list[Source]:
        return []

    def now(self) -> float:
        with self._live.session() as ask:
            return float(ask("SELECT UNIX_TIMESTAMP(NOW(6))")[0][0])

    def refuse(self, part: Part) -> str:
        if not part.server.startswith("MariaDB "):
            raise BackupError(
                f"the backup is of {part.server}: only MariaDB's own binary logs are replayed",
                next_step="restore the newest backup of before it as it is",
            )
        version = _version(part.server)
        mariadbd = self._program("mariadbd")
        said = b"".join(stream([Command.of(str(mariadbd), "--no-defaults", "--version")])).decode()
        found = _version(said)
        if found != version:
            raise BackupError(
                f"the backup is of {part.server}, and {mariadbd} is of version {found}",
                next_step=f"install MariaDB {version}, or name its folder as backups.recovery.programs",
            )
        logged = self._logged(part)
        with self._live.session() as ask:
            ((size,),) = ask(
                "SELECT coalesce(sum(data_length + index_length), 0) FROM information_schema.tables "
                "WHERE table_schema = DATABASE()"
            )
        needs_room(self.target.resolve(self.table.work), int(size) + sum(size for _, size in logged))
        return f"MariaDB {found}"

    def flush(self) -> str:
        # What was committed is in the binary log already.
        return "its binary logs are read as they are"

    @contextlib.contextmanager
    def recovered(
        self, beside: Scratch, repository: Repository, part: Part, to: float | None
    ) -> Iterator[tuple[Engine, str]]:
        live = self._application
        socket = beside.folder / "socket"
        place = replace(live.place, host=str(socket), user="root", password=Secret(""))
        engine = replace(live, place=place)
        with self._server(beside, socket, engine):
            engine.create(engine.name, live.defaults())
            engine.load(engine.name, content(repository, self.target, part))
            _make_definers(engine)
            line = self._replay(beside, engine, part, to) if to is not None else "nothing was replayed"
            _make_definers(engine)
            yield engine, line

    # -- the server beside -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _server(self, beside: Scratch, socket: Path, engine: Mariadb) -> Iterator[None]:
        with self._live.session() as ask:
            ((case,),) = ask("SELECT @@lower_case_table_names")
        install = self._program("mariadb-install-db")
        data = ("--no-defaults", f"--datadir={beside.data}")
        words = (*data, "--auth-root-authentication-method=normal", "--skip-test-db")
        consume([beside.command(str(install), *words)])
        more = [f"--{name}={value}" for name, value in self.table.settings.items()]
        argv = [str(self._program("mariadbd")), *data, *more, *OPTIONS, f"--lower-case-table-names={case}"]
        argv += [f"--tmpdir={beside.folder}", f"--socket={socket}", f"--pid-file={beside.folder / 'pid'}"]
        with beside.running(argv, signal.SIGKILL, lambda: _answers(engine)):
            yield

    def _program(self, name: str) -> Path:
        usual = [Path("/usr/sbin"), Path("/usr/bin"), Path("/usr/libexec")]
        folders = [self.target.resolve(self.table.programs)] if self.table.programs else usual
        return program(name, folders, "mariadb-server")

    # -- its log ---------------------------------------------------------------------------------------------------

    def _logged(self, part: Part) -> list[tuple[str, int]]:
        """The binary logs from the one on in which a backup was taken, with their bytes."""
        file, position = _position(part)
        with self._live.session() as ask:
            known = [(str(name), int(size)) for name, size, *_ in ask("SHOW BINARY LOGS")]
        names = [name for name, _ in known]
        if file not in names or dict(known)[file] < position:
            raise BackupError(
                f"the binary log {file}, which goes on from the backup, is gone from the server",
                next_step="name a moment that a newer backup leads to; keep logs for longer than backups are apart",
            )
        return known[names.index(file) :]

    def _replay(self, beside: Scratch, engine: Mariadb, part: Part, to: float) -> str:
        logs = self._fetch(beside, part)
        _, position = _position(part)
        until = datetime.fromtimestamp(int(to), UTC)
        words = [f"--start-position={position}", f"--stop-datetime={until:%Y-%m-%d %H:%M:%S}"]
        words += ["--no-defaults", "--skip-gtid-strict-mode", "--skip-annotate-row-events"]
        files = [str(log) for log in logs]
        refuse_elsewhere(_read([*words, "--short-form"], files), engine.name)
        replayed = _read([*words, f"--database={engine.name}"], files)
        try:
            consume([engine.client("mariadb", "--binary-mode")], replayed)
        except CommandError as error:
            raise BackupError(
                f"the binary log cannot be replayed by itself: {error.message}",
                next_step="name a moment before that statement, or one for which a backup was taken after it",
            ) from error
        return f"{quantity(len(logs), 'binary log')} replayed from {logs[0].name}, {position} up to {shown(int(to))}"

    def _fetch(self, beside: Scratch, part: Part) -> Sequence[Path]:
        """The binary logs from where the backup was taken, copied: only what is here is filtered by database."""
        logged = self._logged(part)
        folder = beside.folder / "logs"
        folder.mkdir()
        words = ("--read-from-remote-server", "--raw", "--to-last-log", f"--result-file={folder}/")
        consume([self._live.client("mariadb-binlog", *words, logged[0][0])])
        return sorted(folder.iterdir(), key=lambda path: (len(path.name), path.name))


def refuse_elsewhere(statements: Iterable[bytes], name: str) -> None:
    """BackupError where a statement was run in another database and names this one: it would be left out, or changes
    what is not there. statements: what mariadb-binlog says, in pieces of any size."""
    mentions = re.compile(rf"(?<![\w$`])(`{re.escape(name)}`|{re.escape(name)})\s*\.", re.IGNORECASE)
    current = name
    for line in _lines(statements):
        if found := _USE.match(line):
            current = found[1].replace("``", "`")
        elif current != name and not line.startswith("#") and mentions.search(line):
            raise BackupError(
                f"the binary log has a statement from the database {printable(current, 64)} that changes "
                f"{printable(name, 64)}, which cannot be replayed by itself: {printable(line, 160)}",
                next_step="name a moment before it, or one for which a backup was taken after it; with "
                "binlog_format = ROW only changes of the schema are logged as statements",
            )


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in whole)
    yield rest.decode("utf-8", "replace")


def _read(words: Sequence[str], files: Sequence[str]) -> Iterator[bytes]:
    # Moments are in the time zone of who asks.
    return stream([Command.of("mariadb-binlog", *_first(words), *files, env={"TZ": "UTC"})])


def _first(words: Sequence[str]) -> list[str]:
    """--no-defaults only counts in front."""
    return sorted(words, key=lambda word: word != "--no-defaults")


def _position(part: Part) -> tuple[str, int]:
    assert part.reach is not None  # noqa: S101 - it is only begun with parts that have one
    file, _, position = part.reach.position.rpartition(":")
    return file, int(position)


def _version(text: str) -> str:
    """The two numbers that decide, "10.11"."""
    found = re.search(r"(\d+\.\d+)\.\d+", text)
    return found[1] if found else ""


def _answers(engine: Mariadb) -> bool:
    try:
        with engine.session("information_schema"):
            return True
    except PlatformError:
        return False


def _make_definers(engine: Mariadb) -> None:
    """Have the users there in whose name views, triggers, routines and events are: who they are is not in the log."""
    with engine.session() as ask:
        views = "SELECT definer FROM information_schema.views WHERE table_schema = %s"
        for (definer,) in ask(f"{_DEFINERS} UNION {views}", [engine.name] * 4):
            who = _user(ask, definer)
            ask(f"CREATE USER IF NOT EXISTS {who}")
            ask(f"GRANT ALL ON *.* TO {who}")


def _user(ask: Session, definer: Any) -> str:
    name, _, host = str(definer).rpartition("@")
    return f"{ask.quoted(name)}@{ask.quoted(host)}" if name else ask.quoted(host)
