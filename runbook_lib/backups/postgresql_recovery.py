"""PostgreSQL to a moment: a cluster beside, made from a base backup, that replays the WAL archive."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from runbook_lib.backups.base_backups import CLUSTER, BaseBackup
from runbook_lib.backups.engine import Engine, engine_of
from runbook_lib.backups.pipeline import consume, stream
from runbook_lib.backups.postgresql import Postgresql
from runbook_lib.backups.record import Part, shown
from runbook_lib.backups.repository import Repository
from runbook_lib.backups.restoring import content
from runbook_lib.backups.scratch import Scratch, ServerEndedError, needs_room, program
from runbook_lib.backups.taking import BASE, Source
from runbook_lib.command import Command, Secret, printable
from runbook_lib.config import Recovery, Target
from runbook_lib.datastores.sql import Place
from runbook_lib.errors import BackupError, PlatformError

# Nobody listens on it; it is part of the socket's name.
PORT = 5432
# Seconds in which the server has to archive the segment that it was told to end.
ARCHIVING = 60.0
SEGMENT = re.compile(r'restored log file "([0-9A-F]{24})" from archive')
# What is said to who will not be let in however long the cluster runs; anything else may change.
REFUSED = ("does not exist", "authentication", "not permitted", "pg_hba.conf")
# What a server of its own must not do: archive, apply subscriptions, clean up. It is thrown away, so nothing needs to
# be on disk. Prepared transactions of the log need room, however many the live server allows.
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "archive_mode": "off",
    "hot_standby": "off",
    "recovery_target_action": "promote",
    "max_logical_replication_workers": "0",
    "max_prepared_transactions": "1000",
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_min_messages": "log",
    "lc_messages": "C",
}


@dataclass(frozen=True)
class PostgresqlRecovery:
    """The server of an environment. place: as who takes base backups."""

    target: Target
    table: Recovery
    place: Place

    begins_with = BASE

    @property
    def account(self) -> str:
        return self.table.user or "postgres"

    @property
    def _live(self) -> Postgresql:
        return replace(self._application, place=self.place)

    @property
    def _application(self) -> Postgresql:
        engine = engine_of(self.target)
        assert isinstance(engine, Postgresql)  # noqa: S101 - for the type checker
        return engine

    def now(self) -> float:
        return BaseBackup(self._live).now()

    def sources(self) -> list[Source]:
        return [BaseBackup(self._live).source()]

    def refuse(self, part: Part) -> str:
        version = _major(part)
        postgres = self._program("postgres", version)
        said = b"".join(stream([Command.of(str(postgres), "--version")])).decode().strip()
        found = said.removeprefix("postgres (PostgreSQL) ").split()[0]
        if found.split(".")[0] != version:
            raise BackupError(
                f"the base backup is of {part.server}, and {postgres} is of version {found}",
                next_step=f"apt install postgresql-{version}; the major version must be the same",
            )
        needs_room(self.target.resolve(self.table.work), int(part.tables[CLUSTER].checksum))
        return f"PostgreSQL {found}"

    def flush(self) -> str:
        with self._live.session() as ask:
            # A recovery only knows that it came to a moment by a transaction of after it.
            ask("SELECT pg_current_xact_id()")
            ((segment, before),) = ask(
                "SELECT pg_walfile_name(pg_switch_wal()), (SELECT failed_count FROM pg_stat_archiver)"
            )
            deadline = time.monotonic() + ARCHIVING
            while True:
                ((last, failed),) = ask("SELECT left(last_archived_wal, 24), failed_count FROM pg_stat_archiver")
                if last is not None and last >= segment:
                    return f"archived up to {last}"
                if failed > before or time.monotonic() > deadline:
                    raise PlatformError(
                        f"the server does not archive {segment}", next_step="its log says why archive_command fails"
                    )
                time.sleep(0.1)

    @contextlib.contextmanager
    def recovered(
        self, beside: Scratch, repository: Repository, part: Part, to: float | None
    ) -> Iterator[tuple[Engine, str]]:
        version = _major(part)
        self._unpack(beside, content(repository, self.target, part), version)
        self._configure(beside, to)
        # As the application's user: who may take base backups need not read the data.
        place = replace(self._application.place, host=str(beside.folder), port=PORT, password=Secret(""))
        engine = replace(self._application, place=place)
        argv = [str(self._program("postgres", version)), "-D", str(beside.data)]
        argv += [f"--{name}={beside.folder / name}" for name in ("config_file", "hba_file", "ident_file")]
        try:
            with beside.running(argv, signal.SIGQUIT, lambda: _answers(engine)):
                yield engine, _came_to(engine, to)
        except ServerEndedError as error:
            raise self._explained(beside, to) or error from error

    def _unpack(self, beside: Scratch, pieces: Iterable[bytes], version: str) -> None:
        consume([beside.command("mkdir", "--mode=700", str(beside.data))])
        consume([beside.command("tar", "--extract", "--file=-", f"--directory={beside.data}")], pieces)
        check = str(self._program("pg_verifybackup", version))
        consume([beside.command(check, "--no-parse-wal", "--quiet", str(beside.data))])

    def _configure(self, beside: Scratch, to: float | None) -> None:
        target = {"recovery_target": "immediate"} if to is None else {"recovery_target_time": _literal_time(to)}
        settings = {
            **self.table.settings,
            **SETTINGS,
            **target,
            "unix_socket_directories": str(beside.folder),
            "restore_command": self.table.restore_command,
        }
        lines = [f"{name} = '{_escaped(value)}'\n" for name, value in settings.items()]
        beside.write(beside.folder / "config_file", "".join(lines))
        beside.write(beside.folder / "hba_file", "local all all trust\n")
        beside.write(beside.folder / "ident_file", "")
        # What ALTER SYSTEM set on the live server would stand above all that.
        beside.write(beside.data / "postgresql.auto.conf", "")
        # Of a base backup that was taken from a standby: this one would go on waiting for more.
        (beside.data / "standby.signal").unlink(missing_ok=True)
        beside.write(beside.data / "recovery.signal", "")

    def _program(self, name: str, version: str) -> Path:
        usual = [Path(f"/usr/lib/postgresql/{version}/bin"), Path(f"/usr/pgsql-{version}/bin"), Path("/usr/bin")]
        folders = [self.target.resolve(self.table.programs)] if self.table.programs else usual
        return program(name, folders, f"postgresql-{version}")

    def _explained(self, beside: Scratch, to: float | None) -> BackupError | None:
        """What the log of a cluster means that ended before it came to its target."""
        lines = beside.lines()
        text = "\n".join(lines)
        when = shown(to) if to is not None else "the end of the base backup"
        if "No space left on device" in text:
            return BackupError(
                f"no room is left in {beside.folder.parent}",
                next_step="make room, or name another folder as backups.recovery.work",
            )
        if "before consistent recovery point" in text:
            return BackupError(
                f"{when} is before the end of the base backup", next_step="name a later moment, or an older backup"
            )
        ended = "before configured recovery target was reached" in text
        if ended or "could not locate" in text or "WAL ends before" in text:
            return self._not_archived(when, [found for line in lines for found in SEGMENT.findall(line)], beside)
        return None

    def _not_archived(self, when: str, restored: list[str], beside: Scratch) -> BackupError:
        with contextlib.suppress(PlatformError), self._live.session() as ask:
            ((last, size),) = ask(
                "SELECT left(last_archived_wal, 24), pg_size_bytes(current_setting('wal_segment_size')) "
                "FROM pg_stat_archiver"
            )
            missing = _after(restored[-1], int(size)) if restored else ""
            if last is not None and (not missing or missing <= last):
                what = f"the WAL segment {missing}" if missing else "the first WAL segment of the base backup"
                return BackupError(
                    f"{when} is not reached: {what} cannot be fetched, though the server archived up to {last}",
                    next_step=f"bring it back to the archive, or mend restore_command; it said: {beside.said()}",
                )
        return BackupError(
            f"{when} is not reached: the archive ends with {restored[-1] if restored else 'nothing'}",
            next_step="name an earlier moment, or have the server archive what it wrote since: SELECT pg_switch_wal()",
        )


def _major(part: Part) -> str:
    return part.server.split()[1].split(".")[0]


def _answers(engine: Postgresql) -> bool:
    """Whether the cluster is through with its recovery: before, it lets nobody in."""
    try:
        with engine.session("template1"):
            return True
    except PlatformError as error:
        if any(words in error.message for words in REFUSED):
            raise
        return False


def _came_to(engine: Postgresql, to: float | None) -> str:
    with engine.session("template1") as ask:
        ((last,),) = ask("SELECT extract(epoch FROM pg_last_xact_replay_timestamp())")
    if not engine.exists(engine.name):
        raise BackupError(
            f"there was no database {printable(engine.name)} at {shown(to) if to else 'that moment'}",
            next_step="name a moment at which there was one",
        )
    return f"the last change in it is of {shown(float(last))}" if last is not None else "nothing changed since then"


def _literal_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(sep=" ", timespec="microseconds")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _after(segment: str, size: int) -> str:
    """The name of the WAL segment after one. size: bytes of one."""
    in_each = 0x1_0000_0000 // size
    number = int(segment[8:16], 16) * in_each + int(segment[16:], 16) + 1
    return f"{segment[:8]}{number // in_each:08X}{number % in_each:08X}"
