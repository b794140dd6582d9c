"""A database server of a run's own, beside: its folder, its process, and that nothing of it stays."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runbook_lib.backups.pipeline import consume
from runbook_lib.command import Command, printable
from runbook_lib.errors import BackupError, CommandError, ConfigurationError

PREFIX = "runbook-recovery-"
LOCK = "lock"
# A socket's path may have 107 characters, and /.s.PGSQL.5432 is 14 of them.
PATH_LIMIT = 93
PAUSE = 0.1
GRACE = 30.0


@dataclass(frozen=True)
class Scratch:
    """The folder of one such server, which nobody else enters. become: words before a command that let it run as the
    server's account; none where this process is not root."""

    folder: Path
    become: tuple[str, ...]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def command(self, *words: str) -> Command:
        """A command that the server's account runs."""
        return Command.of(*self.become, *words)

    def write(self, path: Path, text: str) -> None:
        """Write a file that only the server's account reads."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        about = self.folder.stat()
        os.chown(path, about.st_uid, about.st_gid)

    @contextlib.contextmanager
    def running(self, argv: Sequence[str], stop: signal.Signals, ready: Callable[[], bool]) -> Iterator[None]:
        """Run the server until the end of the context; begins when `ready`. ServerEndedError when it ends before;
        the caller explains it from the log. stop: ends it at once, also when this process is killed.
        """
        # Changing the account clears what is set for the end of the parent, so that comes last.
        words = [*(self.become or ("setpriv",)), f"--pdeathsig={stop.name.removeprefix('SIG')}", *argv]
        with self.log.open("wb") as log:
            process = _started(words, self.folder, log)
        try:
            while not ready():
                if process.poll() is not None:
                    raise ServerEndedError("the server beside ended", next_step=f"it said: {self.said()}")
                time.sleep(PAUSE)
            yield
        finally:
            _end(process, stop)

    def said(self) -> str:
        """The last lines of the log, for a reader."""
        lines = [line for line in self.lines() if line.strip()]
        return printable(" / ".join(lines[-3:]), 400) or "nothing"

    def lines(self) -> list[str]:
        with contextlib.suppress(OSError):
            return self.log.read_text(errors="replace").splitlines()
        return []


class ServerEndedError(BackupError):
    """The server beside ended by itself."""


@contextlib.contextmanager
def scratch(work: Path, mark: str, account: str) -> Iterator[Scratch]:
    """A folder anew, and at the end nothing of it. work: where; mark: of the run; account: of the server, where this is
    root. BackupError, ConfigurationError."""
    folder = place(work, mark)
    remove(folder)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise BackupError(
            f"{folder} cannot be made: {error.strerror}", next_step="correct backups.recovery.work in runbooks.toml"
        ) from error
    try:
        with _locked(folder):
            beside = Scratch(folder, _given_to(folder, account) if os.geteuid() == 0 else ())
            _refuse_closed(beside, account)
            yield beside
    finally:
        remove(folder)


def _given_to(folder: Path, account: str) -> tuple[str, ...]:
    """Let a folder be an account's; the words with which root becomes that one."""
    try:
        about = pwd.getpwnam(account)
    except KeyError as error:
        raise ConfigurationError(
            f"there is no account {printable(account, 40)!r} on this machine",
            next_step="name one as backups.recovery.user: the server beside does not run as root",
        ) from error
    os.chown(folder, about.pw_uid, about.pw_gid)
    return ("setpriv", f"--reuid={about.pw_uid}", f"--regid={about.pw_gid}", "--clear-groups")


def _refuse_closed(beside: Scratch, account: str) -> None:
    try:
        consume([beside.command("test", "-w", str(beside.folder))])
    except CommandError as error:
        raise ConfigurationError(
            f"{printable(account, 40)} may not enter {beside.folder.parent}",
            next_step="open the folders on the way (chmod o+x), or name another one as backups.recovery.work",
        ) from error


def place(work: Path, mark: str) -> Path:
    """The folder of a run. ConfigurationError when its path is too long for a socket in it."""
    folder = work / f"{PREFIX}{mark}"
    if len(os.fsencode(folder)) > PATH_LIMIT:
        raise ConfigurationError(
            f"the path {folder} is too long for a socket in it", next_step="name a shorter backups.recovery.work"
        )
    return folder


def left(work: Path) -> list[Path]:
    """Folders of runs that were killed: nobody is at work in them."""
    return [folder for folder in sorted(work.glob(f"{PREFIX}*")) if _mine(folder) and _is_free(folder)]


def remove(folder: Path) -> None:
    """Remove a folder with what runs in it; nothing where there is none. BackupError when it is somebody else's."""
    if not os.path.lexists(folder):
        return
    if not _mine(folder):
        raise BackupError(f"{folder} is not of the runbooks", next_step="look at it, and move it away")
    if not _is_free(folder):
        raise BackupError(f"another process is at work in {folder}", next_step="wait for it, or end it")
    for process in _at_work(folder):
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)
    # What was just ended may still have written something.
    deadline = time.monotonic() + GRACE
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            time.sleep(PAUSE)
    if folder.exists():
        raise BackupError(f"{folder} cannot be removed", next_step="remove it by hand")


def needs_room(work: Path, size: int) -> None:
    """BackupError where a folder has less room than so many bytes."""
    try:
        free = shutil.disk_usage(work).free
    except OSError as error:
        raise BackupError(
            f"{work} cannot be looked at: {error.strerror}", next_step="correct backups.recovery.work in runbooks.toml"
        ) from error
    if free < size:
        raise BackupError(
            f"{work} has {free:,} bytes free, and at least {size:,} are needed",
            next_step="make room, or name another folder as backups.recovery.work",
        )


def program(name: str, folders: Sequence[Path], package: str) -> Path:
    """A program of the server. folders: where it may be; package: Debian's, that has it. CommandError."""
    found = [folder / name for folder in folders if os.access(folder / name, os.X_OK)]
    if not found:
        raise CommandError(
            f"the program {name} is not in {', '.join(map(str, folders))}",
            next_step=f"apt install {package}, or name its folder as backups.recovery.programs",
        )
    return found[0]


def _started(words: Sequence[str], folder: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            start_new_session=True,
        )
    except OSError as error:
        raise CommandError(f"`{words[0]}` cannot be run: {error.strerror}", next_step="install util-linux") from error


def _end(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    process.send_signal(stop)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Held by this process; it goes with it, however it ends."""
    with (folder / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _is_free(folder: Path) -> bool:
    try:
        with (folder / LOCK).open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Killed before there was a lock.
        return True
    return True


def _mine(folder: Path) -> bool:
    """Whether it is a folder, no link, and of this account or of one that this process, as root, made it for."""
    with contextlib.suppress(OSError):
        return folder.is_dir() and not folder.is_symlink() and os.geteuid() in (0, folder.lstat().st_uid)
    return False


def _at_work(folder: Path) -> list[int]:
    """Processes whose working folder lies in it, as that of a database server does."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if folder in [(at := Path(os.readlink(entry / "cwd"))), *at.parents]:
                found.append(int(entry.name))
    return found
