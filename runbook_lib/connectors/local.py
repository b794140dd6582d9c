"""Commands on this machine.

A changing command runs in a session of its own under a few lines of shell that first claim the mark and at the end
write the exit status beside it. So it outlives a killed run, starts at most once, and its end is known to whoever
asks later. The command itself is passed as argv and never read by the shell.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from runbook_lib.command import Command, Result, mask
from runbook_lib.errors import CommandError, UnsettledStepError

# $1 is the mark's path, the rest is the command. noclobber makes the claim atomic.
SUPERVISOR = """
mark=$1; shift
set -C; { echo $$ > "$mark.pid"; } 2>/dev/null || exit 125; set +C
"$@" > "$mark.out" 2>&1 < /dev/null
echo $? > "$mark.exit.new"; mv -f "$mark.exit.new" "$mark.exit"
"""

OUTPUT_LIMIT = 64 * 1024
PATIENCE = 3.0


class LocalConnector:
    """The connector of this machine. state: the journal's folder; marks are kept in its folder commands."""

    host = "local"

    def __init__(self, state: Path) -> None:
        self._marks = state / "commands"

    def read(self, command: Command) -> Result:
        started = time.monotonic()
        process = _spawn(command, command.raw, subprocess.PIPE)
        try:
            output, _ = process.communicate(timeout=command.timeout)
        except subprocess.TimeoutExpired as error:
            _end(process)
            raise _too_long(command) from error
        except BaseException:
            _end(process)
            raise
        return Result(process.returncode, _text(output), time.monotonic() - started)

    def change(self, command: Command, mark: str, *, repeatable: bool = False) -> Result:
        path = self._path(mark)
        if not path.with_suffix(".pid").exists():
            return self._start(command, path)
        result = _await(path, command.timeout)
        if result is not None:
            return result
        if _running(path):
            raise _too_long(command)
        if not repeatable:
            raise UnsettledStepError(
                f"`{command}` was started before and nothing tells how it ended",
                next_step="look at its effect; once it holds, `runbook settle RUN STEP` and run the same command again",
            )
        for suffix in (".exit", ".out", ".pid"):
            path.with_suffix(suffix).unlink(missing_ok=True)
        return self._start(command, path)

    def outcome(self, mark: str) -> Result | None:
        return _await(self._path(mark), PATIENCE)

    def _start(self, command: Command, path: Path) -> Result:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        started = time.monotonic()
        process = _spawn(command, ["/bin/sh", "-c", SUPERVISOR, "runbook", str(path), *command.raw])
        try:
            process.wait(timeout=command.timeout)
        except subprocess.TimeoutExpired as error:
            _end(process)
            path.with_suffix(".exit").write_text("124\n")
            raise _too_long(command) from error
        result = _await(path, PATIENCE)
        if result is None:
            raise CommandError(
                f"`{command}` was ended from outside before it was through", next_step=f"see {path.with_suffix('.out')}"
            )
        return Result(result.code, result.output, time.monotonic() - started)

    def _path(self, mark: str) -> Path:
        """The mark as a path whose suffix can be replaced: dots in names would be taken for suffixes."""
        return self._marks / mark.replace(".", "_")


def _spawn(command: Command, argv: list[str], output: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            cwd=command.cwd,
            env={**os.environ, **command.raw_env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise CommandError(
            mask(f"`{command}` cannot be run: {error}"), next_step="check that program and folder exist"
        ) from error


def _await(path: Path, patience: float) -> Result | None:
    """The Result beside a mark, waiting up to `patience` seconds while its command runs."""
    deadline = time.monotonic() + patience
    while True:
        running = _running(path)
        try:
            code = int(path.with_suffix(".exit").read_text())
        except (FileNotFoundError, ValueError):
            if not running or time.monotonic() >= deadline:
                return None
            time.sleep(0.02)
            continue
        return Result(code, _masked_output(path.with_suffix(".out")))


def _running(path: Path) -> bool:
    """Whether the shell that claimed the mark is alive; a reused pid is told apart by its command line."""
    try:
        pid = int(path.with_suffix(".pid").read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return False
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self").exists()
    return os.fsencode(path) in line


def _masked_output(file: Path) -> str:
    """The end of a command's output, rewritten on disk with secrets masked."""
    try:
        with file.open("r+b") as stream:
            stream.seek(max(0, file.stat().st_size - OUTPUT_LIMIT))
            output = stream.read()
            text = _text(output)
            if text.encode() != output:
                stream.seek(0)
                stream.write(text.encode())
                stream.truncate()
    except OSError:
        return ""
    return text


def _text(output: bytes) -> str:
    return mask(output[-OUTPUT_LIMIT:].decode("utf-8", "replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    for signum in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signum)
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            break
    process.wait()


def _too_long(command: Command) -> CommandError:
    return CommandError(
        f"`{command}` took longer than {command.timeout:g} s", next_step="raise its timeout or run it by hand"
    )
