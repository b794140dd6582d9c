"""Compressing and encrypting what flows into a repository, and the way back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

from runbook_lib.backups.pipeline import stream
from runbook_lib.backups.record import Part
from runbook_lib.command import Command, Secret
from runbook_lib.config import Backups
from runbook_lib.errors import BackupError, ConfigurationError

SUFFIXES = {"zstd": "zst", "gzip": "gz"}


def suffix(backups: Backups) -> str:
    """How the name of a file ends that is packed as configured."""
    return SUFFIXES[backups.compression] + (".age" if backups.encryption else "")


def packed(backups: Backups, source: Iterable[bytes]) -> Iterator[bytes]:
    """The source, compressed and encrypted as configured. CommandError."""
    level = "-3" if backups.compression == "zstd" else "-6"
    commands = [Command.of(backups.compression, level, "-q", "-c")]
    if backups.encryption:
        commands.append(Command.of("age", *(w for key in backups.encryption.recipients for w in ("-r", key))))
    return stream(commands, source)


def unpacked(part: Part, identity: Secret | None, source: Iterable[bytes]) -> Iterator[bytes]:
    """The way back. identity: private key, for what is encrypted; it is handed over in a pipe that nobody else sees.
    BackupError without one; CommandError for what is damaged."""
    back = Command.of(part.compression, "-d", "-q", "-c")
    if not part.encrypted:
        return stream([back], source)
    if identity is None:
        raise BackupError(
            f"{part.file} is encrypted, and no key to read it is configured",
            next_step="name backups.encryption.identity in runbooks.toml",
        )
    return _decrypted(identity, back, source)


def _decrypted(identity: Secret, back: Command, source: Iterable[bytes]) -> Iterator[bytes]:
    with _handed_over(identity) as path:
        yield from stream([Command.of("age", "-d", "-i", path), back], source)


@contextlib.contextmanager
def _handed_over(identity: Secret) -> Iterator[str]:
    """A path from which a key can be read once; it is in no file system and in no process list."""
    text = identity.reveal()
    if not text.startswith("AGE-SECRET-KEY-1"):
        raise ConfigurationError(
            "backups.encryption.identity is no private key of age",
            next_step="it begins with AGE-SECRET-KEY-1; `age-keygen` makes one",
        )
    reading, writing = os.pipe()
    try:
        os.write(writing, f"{text}\n".encode())
        os.close(writing)
        # Of this process, so that the end need not be inherited by every program that is started meanwhile.
        yield f"/proc/{os.getpid()}/fd/{reading}"
    finally:
        os.close(reading)
