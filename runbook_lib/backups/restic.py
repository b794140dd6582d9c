"""A repository of restic: S3-compatible stores, SFTP and others. Each file is a snapshot of its own, found by tags."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.backups.pipeline import consume, stream
from runbook_lib.backups.record import Backup, read, written
from runbook_lib.backups.repository import RECORD, Stored
from runbook_lib.command import Command, Secret
from runbook_lib.errors import BackupError, CommandError

HOST = "runbook"
# Of a folder; of SFTP, servers over HTTP and S3; of Google's store. What else it says, is no sign that there is none.
_NONE_YET = ("no such file or directory", "does not exist", "doesn't exist")


@dataclass(frozen=True)
class Resticked:
    """A repository of restic, as far as it holds one environment's backups. url: as restic names it; label: of the
    environment; env: password and credentials, which are in no argv."""

    url: str
    label: str
    env: Mapping[str, str | Secret]
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return self.url

    def store(self, name: str, pieces: Iterable[bytes]) -> Stored:
        self._made()
        digest = hashlib.sha256()
        size = 0

        def measured() -> Iterator[bytes]:
            nonlocal size
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                yield piece

        # What is cut off kills restic before it sees an end, so that there is no snapshot of a part.
        words = ("--stdin", "--stdin-filename", f"/{name}", "--host", HOST, "--tag", self._tag, "--tag", name)
        consume([self._restic("backup", "--quiet", *words)], measured())
        return Stored(size, digest.hexdigest())

    def fetch(self, name: str) -> Iterator[bytes]:
        snapshots = self._snapshots(name)
        if not snapshots:
            raise BackupError(f"{name} is not in {self.url}", next_step="use another backup")
        try:
            yield from stream([self._restic("dump", snapshots[-1]["id"], f"/{name}")])
        except CommandError as error:
            raise BackupError(
                f"{name} cannot be read from {self.url}: {error.message}",
                next_step="use another backup; `restic check --read-data` names what is damaged",
            ) from error

    def record(self, backup: Backup) -> None:
        name = f"{backup.id}{RECORD}"
        before = self._snapshots(name)
        self.store(name, [written(backup).encode()])
        self._forget(before)

    def backups(self) -> list[Backup]:
        found = [one for _, one in self._read() if isinstance(one, Backup)]
        return sorted(found, key=lambda one: (one.began, one.id))

    def unreadable(self) -> list[str]:
        return [f"{name}: {one.message}" for name, one in self._read() if isinstance(one, BackupError)]

    def remove(self, backup: Backup) -> None:
        self._forget(self._snapshots(f"{backup.id}{RECORD}"))
        self._forget([s for part in backup.parts for s in self._snapshots(part.file)], prune=True)

    # -- within ----------------------------------------------------------------------------------------------------

    @property
    def _tag(self) -> str:
        # restic separates tags with commas.
        return f"runbook:{self.label.replace(',', '_')}"

    def _restic(self, *words: str) -> Command:
        options = [word for name, value in self.options.items() for word in ("--option", f"{name}={value}")]
        return Command.of("restic", *options, *words, env={**self.env, "RESTIC_REPOSITORY": self.url})

    def _made(self) -> None:
        """Make the repository where there is none yet."""
        try:
            consume([self._restic("cat", "config", "--quiet")])
        except CommandError as error:
            if not _says_there_is_none(error):
                raise
            consume([self._restic("init", "--quiet")])

    def _snapshots(self, *tags: str) -> list[dict[str, Any]]:
        """Oldest first; those with all of the tags."""
        wanted = ",".join((self._tag, *tags))
        output = b"".join(stream([self._restic("snapshots", "--json", "--tag", wanted)]))
        try:
            found: list[dict[str, Any]] = json.loads(output) or []
        except ValueError as error:
            raise BackupError(f"restic's list of {self.url} cannot be read", next_step="`restic snapshots`") from error
        return sorted(found, key=lambda snapshot: str(snapshot["time"]))

    def _read(self) -> Iterator[tuple[str, Backup | BackupError]]:
        try:
            snapshots = self._snapshots()
        except CommandError as error:
            if _says_there_is_none(error):
                return
            raise
        names = {tag for snapshot in snapshots for tag in snapshot.get("tags") or () if tag.endswith(RECORD)}
        for name in sorted(names):
            try:
                yield name, read(b"".join(self.fetch(name)))
            except BackupError as error:
                yield name, error

    def _forget(self, snapshots: Iterable[Mapping[str, Any]], *, prune: bool = False) -> None:
        numbers = [str(snapshot["id"]) for snapshot in snapshots]
        if numbers:
            consume([self._restic("forget", "--quiet", *(["--prune"] if prune else []), *numbers)])


def _says_there_is_none(error: CommandError) -> bool:
    """Whether there is no repository yet. restic asks "Is there a repository?" of one that nobody can reach, too."""
    return "open config file" in error.message and any(words in error.message for words in _NONE_YET)
