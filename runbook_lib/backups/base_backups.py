"""Base backups of PostgreSQL: the files of its whole cluster, from which a recovery to a moment begins."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runbook_lib.backups.dump import Dump
from runbook_lib.backups.pipeline import Stream, stream
from runbook_lib.backups.postgresql import Postgresql
from runbook_lib.backups.record import Counted, Reach
from runbook_lib.backups.session import Session
from runbook_lib.backups.taking import BASE, Source
from runbook_lib.command import Command
from runbook_lib.errors import PlatformError

CLUSTER = "cluster"
# The first version whose base backups carry a manifest with checksums.
OLDEST = 130000


@dataclass(frozen=True)
class BaseBackup:
    """Of a server, as who may take it."""

    live: Postgresql

    def source(self) -> Source:
        """What a backup takes along."""
        what = f"{self.live.place.host}:{self.live.place.port}"
        return Source(BASE, BASE, what, self._dumping, self._server, _tool, counts_after=True)

    def now(self) -> float:
        """Unix time by the server's clock. PlatformError."""
        with self.live.session() as ask:
            return float(ask("SELECT extract(epoch FROM clock_timestamp())")[0][0])

    def _server(self) -> str:
        with self.live.session() as ask:
            _refuse(ask)
        return self.live.server()

    @contextlib.contextmanager
    def _dumping(self) -> Iterator[Dump]:
        # Without its WAL: it waits until the server has archived that, which is what a recovery needs.
        words = ("--pgdata=-", "--format=tar", "--wal-method=none", "--checkpoint=fast", "--no-password")
        backup = Command.of("pg_basebackup", *words, env=self.live.environment("postgres"))
        flowed = _Flowed(stream([backup]))

        def count() -> Mapping[str, Counted]:
            return {CLUSTER: Counted(1, str(flowed.bytes))}

        yield Dump(flowed, count, [], reach=lambda: Reach(self.now()))


class _Flowed(Iterator[bytes]):
    """What a program says as it flows by. bytes: how many until now."""

    def __init__(self, pieces: Stream) -> None:
        self._pieces = pieces
        self.bytes = 0

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        self.bytes += len(piece)
        return piece

    def close(self) -> None:
        self._pieces.close()


def _refuse(ask: Session) -> None:
    """PlatformError where a base backup would lead nowhere."""
    ((mode, version, may),) = ask(
        "SELECT current_setting('archive_mode'), current_setting('server_version_num')::int, "
        "rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user"
    )
    ((failing, tablespaces),) = ask(
        "SELECT coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false), "
        "(SELECT count(*) - 2 FROM pg_tablespace) FROM pg_stat_archiver"
    )
    if version < OLDEST:
        raise PlatformError("base backups need PostgreSQL 13 or later", next_step="remove the table backups.recovery")
    if mode == "off":
        raise PlatformError(
            "archive_mode is off: a base backup leads nowhere without an archive",
            next_step="set archive_mode = on and archive_command, restart the server; or remove backups.recovery",
        )
    if not may:
        raise PlatformError(
            "the user may not take base backups",
            next_step="ALTER ROLE ... REPLICATION, or name another user's address as backups.recovery.url",
        )
    if failing:
        raise PlatformError(
            "the server's archive_command fails: a base backup would wait for it for ever",
            next_step="mend it; the server's log says what is wrong",
        )
    if tablespaces:
        raise PlatformError(
            "the server has tablespaces of its own, of which base backups are not streamed",
            next_step="take base backups with pg_basebackup by hand, and remove the table backups.recovery",
        )


def _tool() -> str:
    return b"".join(stream([Command.of("pg_basebackup", "--version")])).decode().strip()
