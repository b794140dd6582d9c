"""Commands on this machine.

A changing command runs in a session of its own under a few lines of shell that first claim the mark and at the end
write the exit status beside it. So it outlives a killed run, starts at most once, and its end is known to whoever
asks later. The command itself is passed as argv and never read by the shell.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from runbook_lib.command import Command, Result, mask
from runbook_lib.errors import CommandError, UnsettledStepError

# $1 is the mark's path, the rest is the command. A hard link makes the claim appear in one instant, with the pid in
# it. The trap keeps the supervisor alive to write down how a command ended that was told to end. Its standard input is
# the command's.
SUPERVISOR = """
mark=$1; shift
echo $$ > "$mark.$$" && ln "$mark.$$" "$mark.pid"; claimed=$?; rm -f "$mark.$$"
[ $claimed -eq 0 ] || exit 125
trap : HUP INT TERM
(exec "$@") >> "$mark.out" 2>&1
echo $? > "$mark.exit.new"; mv -f "$mark.exit.new" "$mark.exit"
"""
NOT_CLAIMED = 125
TOO_LONG = 124
NOT_RUN = 127

OUTPUT_LIMIT = 64 * 1024
# Room before the limit, so that a secret which the cut would halve is still found and masked.
MARGIN = 8 * 1024
ON_DISK_LIMIT = 8 * 1024 * 1024
READ_LIMIT = 64 * 1024 * 1024
PATIENCE = 3.0
# Seconds a command gets to end after SIGTERM before it is killed.
GRACE = 5.0
LOOK_EVERY = 0.2

# With these an outer git, in whose hook this process may run, points every git below it at its own repository.
OUTER_GIT = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_WORK_TREE",
    }
)


class LocalConnector:
    """The connector of this machine. state: the journal's folder; marks are kept in its folder commands."""

    host = "local"

    def __init__(self, state: Path) -> None:
        self._marks = state.absolute() / "commands"

    def read(self, command: Command) -> Result:
        started = time.monotonic()
        process = _spawn(command, command.raw, subprocess.PIPE)
        try:
            output = _collect(process, command)
        except BaseException:
            _end_session(process.pid)
            raise
        finally:
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        return Result(process.returncode, mask(output.decode("utf-8", "replace")), time.monotonic() - started)

    def read_all(self, commands: Sequence[Command]) -> list[Result]:
        return [self._read_or_not(command) for command in commands]

    def _read_or_not(self, command: Command) -> Result:
        try:
            return self.read(command)
        except CommandError as error:
            return Result(NOT_RUN, error.message)

    def change(self, command: Command, mark: str, *, repeatable: bool = False) -> Result:
        started = time.monotonic()
        path = self._marks / mark
        if repeatable and (claim := lost_claim(path)):
            give_up(path, claim)
        if not _beside(path, "pid").exists():
            _start(command, path)
        result = _end_of(command, path)
        return Result(result.code, result.output, time.monotonic() - started)

    def outcome(self, mark: str) -> Result | None:
        return _await(self._marks / mark, PATIENCE)


def _spawn(command: Command, argv: list[str], output: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    inherited = {name: value for name, value in os.environ.items() if name not in OUTER_GIT}
    try:
        with _input(command) as given:
            return subprocess.Popen(
                argv,
                cwd=command.cwd,
                env={**inherited, **command.raw_env},
                stdin=given,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        raise CommandError(
            mask(f"`{command.short}` cannot be run: {error}"), next_step="check that program and folder exist"
        ) from error


def _input(command: Command) -> IO[bytes]:
    """What a command reads: all of it in a file without a name, so that this process need not live to hand it on."""
    if command.input is None:
        return open(os.devnull, "rb")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by who asks
    file.write(command.input.reveal().encode("utf-8", "surrogateescape"))
    file.seek(0)
    return file


def _collect(process: subprocess.Popen[bytes], command: Command) -> bytes:
    """All output of a process until it ends. A daemon that it left behind may keep the pipe open: the end of the
    process is what counts."""
    assert process.stdout is not None  # noqa: S101 - for the type checker
    deadline = time.monotonic() + command.timeout
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            ended = process.poll() is not None
            if selector.select(0 if ended else LOOK_EVERY):
                chunk = os.read(process.stdout.fileno(), 65_536)
                if not chunk:
                    break
                output += chunk
            elif ended:
                return bytes(output)
            if len(output) > READ_LIMIT:
                raise CommandError(f"`{command.short}` says more than {READ_LIMIT} bytes", next_step="run it by hand")
            if time.monotonic() > deadline:
                raise _too_long(command)
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise _too_long(command) from error
    return bytes(output)


# -- marks ----------------------------------------------------------------------------------------------------------


def _beside(path: Path, kind: str) -> Path:
    """A file of a mark: pid, out, exit. Marks hold dots, so with_suffix would cut them."""
    return path.with_name(f"{path.name}.{kind}")


def _start(command: Command, path: Path) -> None:
    """Start a command under its mark and wait for its end, but not longer than it may take. When somebody else has
    claimed the mark in the meantime, nothing is started."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _not_recorded(command, path) from error
    process = _spawn(command, ["/bin/sh", "-c", SUPERVISOR, "runbook", str(path), *command.raw])
    deadline = time.monotonic() + command.timeout
    while not _ended(process, min(LOOK_EVERY, max(0.0, deadline - time.monotonic()))):
        _bound(path)
        if time.monotonic() >= deadline:
            _end_session(process.pid)
            with contextlib.suppress(FileExistsError), _beside(path, "exit").open("x") as file:
                file.write(f"{TOO_LONG}\n")
            raise _too_long(command)
    if process.returncode == NOT_CLAIMED and not _beside(path, "pid").exists():
        raise _not_recorded(command, path)


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether a process has ended, waiting up to `seconds` for it."""
    try:
        handle = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # no Linux
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return process.poll() is not None
    # Popen.wait with a timeout sleeps up to 50 ms beyond the end; this wakes at once.
    with selectors.DefaultSelector() as selector:
        selector.register(handle, selectors.EVENT_READ)
        selector.select(seconds)
    os.close(handle)
    return process.poll() is not None


def _end_of(command: Command, path: Path) -> Result:
    """The Result of a command that was started under its mark, by this process or another one."""
    age = 0.0
    with contextlib.suppress(FileNotFoundError):
        age = time.time() - _beside(path, "pid").stat().st_mtime
    result = _await(path, max(0.0, command.timeout - age))
    if result is not None:
        return result
    pid = _running(path)
    if pid:
        _end_session(pid)
        raise _too_long(command)
    raise UnsettledStepError(
        f"`{command.short}` was started and nothing tells how it ended",
        next_step="look at its effect; once it holds, `runbook settle RUN STEP` and run the same command again",
    )


def _await(path: Path, patience: float) -> Result | None:
    """The Result beside a mark, waiting up to `patience` seconds while its command runs."""
    deadline = time.monotonic() + patience
    while True:
        running = _running(path)
        try:
            code = int(_beside(path, "exit").read_text())
        except (FileNotFoundError, ValueError):
            if not running or time.monotonic() >= deadline:
                return None
            time.sleep(0.02)
            continue
        return Result(code, _output(path))


def _running(path: Path) -> int:
    """The pid of the shell that claimed the mark while it is alive, else 0; a reused pid is told apart by its
    command line."""
    try:
        pid = int(_beside(path, "pid").read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return 0
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return 0 if Path("/proc/self").exists() else pid
    return pid if os.fsencode(path) in words else 0


def lost_claim(path: Path) -> str:
    """Who claimed the mark for a command whose end can never be known; empty where it can, or nobody did."""
    try:
        # Read before the looks: a claim made in between is seen to run, or to have ended.
        claim = _beside(path, "pid").read_text().strip()
    except FileNotFoundError:
        return ""
    return claim if not _running(path) and not _beside(path, "exit").exists() else ""


def give_up(path: Path, claim: str) -> None:
    """Give up the claim of a lost command. Of several that looked at it one succeeds, and nobody once there is another
    claim: the link tells that this one was given up."""
    with contextlib.suppress(FileExistsError, FileNotFoundError):
        os.link(_beside(path, "pid"), _beside(path, f"lost.{claim}"))
        _beside(path, "pid").unlink()


def _end_session(pid: int) -> None:
    """End a session's processes: in order where they do so in time, else by force."""
    for signum, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, 1.0)):
        deadline = time.monotonic() + patience
        try:
            os.killpg(pid, signum)
            while time.monotonic() < deadline:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
                os.killpg(pid, 0)
                time.sleep(0.02)
        except (ProcessLookupError, PermissionError):
            return


# -- output ---------------------------------------------------------------------------------------------------------


def _bound(path: Path) -> None:
    """Keep the output of a running command from filling the disk: what it said last moves to the file kept, and it
    goes on writing at the start of an empty file."""
    out = _beside(path, "out")
    with contextlib.suppress(OSError):
        if out.stat().st_size > ON_DISK_LIMIT:
            _beside(path, "kept").write_bytes(_tail(out))
            os.truncate(out, 0)


def _output(path: Path) -> str:
    """The end of a command's output, secrets masked; the same is left on disk."""
    out, kept = _beside(path, "out"), _beside(path, "kept")
    raw = (_tail(kept) + _tail(out))[-OUTPUT_LIMIT - MARGIN :]
    text = mask(raw.decode("utf-8", "replace"))
    if len(text) > OUTPUT_LIMIT:
        text = text[-OUTPUT_LIMIT:]
    with contextlib.suppress(OSError):
        if kept.exists() or out.stat().st_size != len(raw) or text.encode() != raw:
            new = _beside(path, "out.new")
            new.write_bytes(text.encode())
            new.replace(out)
            kept.unlink(missing_ok=True)
    return text


def _tail(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - OUTPUT_LIMIT - MARGIN))
            return stream.read()
    except OSError:
        return b""


def _too_long(command: Command) -> CommandError:
    return CommandError(
        f"`{command.short}` took longer than {command.timeout:g} s", next_step="raise its timeout or run it by hand"
    )


def _not_recorded(command: Command, path: Path) -> CommandError:
    return CommandError(
        f"`{command.short}` was not started: its start cannot be written down in {path.parent}",
        next_step="check that folder's permissions and the room on its disk",
    )
