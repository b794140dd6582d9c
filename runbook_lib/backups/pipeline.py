"""Programs connected by pipes, through which data flows in pieces: however much it is, little of it is in memory."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from threading import Thread
from typing import IO

from runbook_lib.command import Command, mask, printable
from runbook_lib.errors import CommandError

PIECE = 1024 * 1024
GRACE = 5.0

# Which package of Debian has the program.
PACKAGES = {
    "age": "age",
    "gzip": "gzip",
    "mariadb": "mariadb-client",
    "mariadb-binlog": "mariadb-client",
    "mariadb-dump": "mariadb-client",
    "pg_basebackup": "postgresql-client",
    "pg_dump": "postgresql-client",
    "pg_restore": "postgresql-client",
    "restic": "restic",
    "setpriv": "util-linux",
    "tar": "tar",
    "zstd": "zstd",
}


# What a program ends with although all that is there was handed over: files changed, or went away, while tar read them.
CALM = {"tar": 1}


class Stream(Iterator[bytes]):
    """What the last of some programs says, piece by piece; they are started when the first piece is asked for.

    Ends normally only when all of them did. CommandError when one cannot be started or failed, naming what each said;
    an error of the source as it is. Whoever closes it ends the programs.
    """

    def __init__(self, commands: Sequence[Command], source: Iterable[bytes] | None) -> None:
        self._commands: Sequence[Command] = commands
        self._source: Iterable[bytes] | None = source
        if isinstance(source, Stream):
            # Programs that feed programs need nobody between them.
            self._commands, self._source = [*source._commands, *commands], source._source
        self._pieces = _pieces(self._commands, self._source)

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        self._pieces.close()


def stream(commands: Sequence[Command], source: Iterable[bytes] | None = None) -> Stream:
    """Let data flow through programs. source: what the first one is given; None: nothing."""
    return Stream(commands, source)


def _pieces(commands: Sequence[Command], source: Iterable[bytes] | None) -> Generator[bytes, None, None]:
    if not commands:
        yield from source or ()
        return
    chain = _Chain(commands, feeds=source is not None)
    feeder = _Feeder(chain, source) if source is not None else None
    try:
        yield from chain.output()
        if feeder is not None:
            feeder.join()
        chain.finish(feeder.error if feeder is not None else None)
    finally:
        chain.end()
        if feeder is not None:
            feeder.join()


def consume(commands: Sequence[Command], source: Iterable[bytes] | None = None) -> None:
    """Let data flow into programs that keep it. CommandError as for `stream`."""
    for _ in stream(commands, source):
        pass


class _Chain:
    """Processes, each reading what the one before it writes."""

    def __init__(self, commands: Sequence[Command], *, feeds: bool) -> None:
        self._commands = commands
        self._said: list[IO[bytes]] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        before: IO[bytes] | int = subprocess.PIPE if feeds else subprocess.DEVNULL
        try:
            for command in commands:
                before = self._start(command, before)
        except BaseException:
            self.end()
            raise

    def _start(self, command: Command, before: IO[bytes] | int) -> IO[bytes]:
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in end()
        self._said.append(said)
        environment = {**os.environ, "LC_ALL": "C.UTF-8", **command.raw_env}
        try:
            process = subprocess.Popen(
                command.raw,
                stdin=before,
                stdout=subprocess.PIPE,
                stderr=said,
                cwd=command.cwd,
                env=environment,
                # A signal for this process is handled here; the programs are ended in order.
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise _missing(command) from error
        except (OSError, ValueError) as error:
            raise CommandError(mask(f"`{command}` cannot be run: {error}")) from error
        self._processes.append(process)
        if not isinstance(before, int):
            before.close()
        assert process.stdout is not None  # noqa: S101 - for the type checker
        return process.stdout

    @property
    def entrance(self) -> IO[bytes]:
        entrance = self._processes[0].stdin
        assert entrance is not None  # noqa: S101 - asked for only where it feeds
        return entrance

    def output(self) -> Iterator[bytes]:
        stdout = self._processes[-1].stdout
        assert stdout is not None  # noqa: S101 - for the type checker
        while piece := os.read(stdout.fileno(), PIECE):
            yield piece

    def finish(self, fed: BaseException | None) -> None:
        """Wait for all to end; raise what went wrong, if something did."""
        codes = [process.wait() for process in self._processes]
        if fed is not None and not isinstance(fed, BrokenPipeError):
            raise fed
        # One that wrote to another which was gone is no cause.
        bad = {n: code for n, code in enumerate(codes) if code not in (0, CALM.get(self._commands[n].raw[0], 0))}
        failed = [n for n, code in bad.items() if code != -signal.SIGPIPE] or list(bad)
        if failed or fed is not None:
            said = "; ".join(self._words(n, codes[n]) for n in failed or [len(codes) - 1])
            raise CommandError(said, next_step="mend what it says and run the same command again")

    def _words(self, number: int, code: int) -> str:
        said = self._said[number]
        said.seek(max(0, said.seek(0, os.SEEK_END) - 4096))
        lines = [line.strip() for line in said.read().decode("utf-8", "replace").splitlines() if line.strip()]
        text = printable(mask(" / ".join(lines[-3:])), 400)
        return f"{self._commands[number].raw[0]} ended with {code}: {text or 'it says nothing'}"

    def kill(self) -> None:
        """At once: what is cut off must not be taken for the whole by who reads to an end."""
        for process in self._processes:
            with contextlib.suppress(OSError):
                process.kill()

    def end(self) -> None:
        """End what still runs, close what is open."""
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for process in self._processes:
            if process.stdout is not None:
                process.stdout.close()
        for said in self._said:
            said.close()


class _Feeder(Thread):
    """Gives a chain what it is to read. error: what stopped it before the end of the source."""

    def __init__(self, chain: _Chain, source: Iterable[bytes]) -> None:
        super().__init__(daemon=True, name="feeder")
        self._chain = chain
        self._source = source
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        entrance = self._chain.entrance
        try:
            for piece in self._source:
                entrance.write(piece)
        except BaseException as error:
            self.error = error
            if not isinstance(error, BrokenPipeError):
                self._chain.kill()
        finally:
            if hasattr(self._source, "close"):
                self._source.close()
            with contextlib.suppress(OSError):
                entrance.close()


def _missing(command: Command) -> CommandError:
    program = command.raw[0]
    package = PACKAGES.get(program, "")
    return CommandError(
        f"the program {printable(program, 80)} is not installed",
        next_step=f"apt install {package}" if package else "install it, or correct its name in runbooks.toml",
    )
