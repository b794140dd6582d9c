"""Folders of files: archived with tar, unpacked beside, switched by name."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.backups.dump import Dump
from runbook_lib.backups.pipeline import consume, stream
from runbook_lib.backups.record import Counted
from runbook_lib.command import Command
from runbook_lib.errors import PlatformError

FILES = "files"


@dataclass(frozen=True)
class Files:
    """One folder that is backed up."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @contextmanager
    def dumping(self) -> Iterator[Dump]:
        """Begin to archive it. The listing that tar writes beside tells what went in."""
        if not self.path.is_dir():
            raise PlatformError(f"{self.path} is no folder", next_step="correct backups.folders in runbooks.toml")
        with tempfile.NamedTemporaryFile(prefix="runbook-", suffix=".list") as listing:
            words = ("--create", "--format=pax", "--numeric-owner", "-vv", f"--index-file={listing.name}", "--file=-")
            # A file that changes or goes away while it is read is no reason to have no backup at all; one that cannot
            # be read is: it would be gone after a restore.
            calm = ("--warning=no-file-changed", "--warning=no-file-removed", "--warning=no-file-ignored")
            archive = Command.of("tar", *words, *calm, f"--directory={self.path}", ".")

            yield Dump(stream([archive]), lambda: _listed(Path(listing.name)), [])

    def fill(self, beside: Path, pieces: Iterable[bytes]) -> None:
        """Unpack an archive into a folder of its own, anew."""
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700)
        words = ("--extract", "--numeric-owner", "--preserve-permissions", "--file=-")
        consume([Command.of("tar", *words, f"--directory={beside}")], pieces)

    def refuse_switch(self) -> None:
        """PlatformError when another folder cannot take its place by name."""
        if os.path.ismount(self.path):
            raise PlatformError(
                f"{self.path} is a mount point, which cannot be renamed",
                next_step="name a folder within it in backups.folders, or unpack the backup by hand",
            )
        if not os.access(self.path.parent, os.W_OK):
            raise PlatformError(f"{self.path.parent} cannot be written", next_step="correct its permissions")

    def switch(self, new: Path, old: Path) -> None:
        """Put `new` in the folder's place, which becomes `old`. Killed anywhere and called again, it ends right."""
        if new.exists() and not old.exists():
            os.rename(self.path, old)
        if new.exists():
            os.rename(new, self.path)

    def switched(self, new: Path, old: Path) -> bool:
        return old.exists() and not new.exists()


def remove(folder: Path) -> None:
    """Remove a folder beside; nothing where there is none. PlatformError when something of it stays."""
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise PlatformError(
            f"{error.filename} cannot be removed: {error.strerror}", next_step="correct its permissions, or remove it"
        ) from error


def counted(folder: Path) -> Mapping[str, Counted]:
    """How many files a folder has, and their bytes; a file of several names counts once, as in an archive."""
    sizes: dict[tuple[int, int], int] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            about = os.lstat(os.path.join(parent, name))
            if stat.S_ISREG(about.st_mode):
                sizes[about.st_dev, about.st_ino] = about.st_size
    return {FILES: Counted(len(sizes), str(sum(sizes.values())))}


def _listed(listing: Path) -> Mapping[str, Counted]:
    """The same from tar's listing: one line a member, "-rw-r--r-- 0/0 SIZE DATE TIME NAME"."""
    found, size = 0, 0
    with listing.open(errors="replace") as lines:
        for line in lines:
            if line.startswith("-"):
                found += 1
                size += int(line.split(None, 3)[2])
    return {FILES: Counted(found, str(size))}
