"""Commands on another machine, through the system's ssh (its configuration, agent and known hosts).

What is to be done travels as a script on ssh's standard input, so that no command line shows it, here or there. Its
answer is framed by lines with a word made up for this one call: what a login shell prints besides is told apart from
it, and so is a lost connection from a command that failed.

A changing command is started on the other machine in a session of its own, under the same few lines that the local
connector uses, so that it outlives a lost connection and its end can be asked for later.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shlex
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from runbook_lib.command import MASK, Command, Result, mask, printable
from runbook_lib.connectors.local import MARGIN, OUTPUT_LIMIT, PATIENCE, SUPERVISOR, TOO_LONG
from runbook_lib.errors import CommandError, UnsettledStepError

CONNECT_SECONDS = 10
# Seconds beyond a command's own in which its answer must be here.
MARGIN_SECONDS = 15.0
# Seconds between the tries to reach a host again on which a command was left running.
AGAIN = (0.5, 1.0, 2.0, 4.0)
PERSIST_SECONDS = 60
# The path of a socket has about 100 characters, of which ssh takes some for a while.
LONGEST_FOLDER = 50

_OPTIONS = [
    *("-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_SECONDS}"),
    *("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"),
]

# The whole script is a function: one that arrives in part does nothing. What it says of itself is nobody's output.
_FRAME = """
run() {{
exec 2>/dev/null
tell() {{ printf '\\n%s %s\\n' {word} "$*"; }}
enter() {{
  [ -z "$folder" ] || CDPATH= cd -- "$folder" 2>&1 >/dev/null || {{ tell cannot; return 1; }}
  command -v "$1" >/dev/null || {{ printf '%s: not found' "$1"; tell cannot; return 1; }}
}}
printf '%s\\n' {word}
{exports}
folder={folder}
set -- {words}
{body}
}}
{call}
"""

_READ = """
enter "$@" || return
(exec "$@" 2>&1); tell "exit $?"
"""

_READ_ONE = """
({exports}; CDPATH= cd -- {folder} && exec {words}) 2>&1; tell "part $?"
"""

# Ends: exit N, cannot (be run), never (started), unknown (how it ended), late, unwritten (the claim).
_CHANGE = """
mark=${XDG_STATE_HOME:-$HOME/.local/state}/runbooks/commands/$1; start=$2; patience=$3; shift 3
running() {
  kill -0 "$(cat "$mark.pid")" || return 1
  [ ! -d /proc/self ] || tr '\\0' '\\n' < "/proc/$(cat "$mark.pid")/cmdline" | grep -qxF -e "$mark"
}
finish() {
  kill -TERM -"$1" || kill -TERM "$1"
  i=0; while kill -0 -"$1" && [ $i -lt 50 ]; do sleep 0.1; i=$((i + 1)); done
  kill -KILL -"$1"
  [ -e "$mark.exit" ] || echo $late > "$mark.exit"
}
claim=$(cat "$mark.pid")
if [ "$start" = again ] && [ -n "$claim" ] && [ ! -e "$mark.exit" ] && ! running; then
  ln "$mark.pid" "$mark.lost.$claim" && rm -f "$mark.pid"
fi
if [ ! -e "$mark.pid" ]; then
  [ "$start" != no ] || { tell never; return; }
  (umask 077; mkdir -p "${mark%/*}") || { tell unwritten; return; }
  enter "$@" || return
  exec 3<&0  # what runs in the background would read nothing
  $(command -v setsid) sh -c "$supervisor" runbook "$mark" "$@" >/dev/null 2>&1 <&3 3<&- &
  i=0; until [ -e "$mark.pid" ]; do
    [ $i -lt 300 ] || { tell unwritten; return; }
    sleep 0.01; i=$((i + 1))
  done
fi
until_=$(( $(date +%s) + patience )); nap=0.01; i=0
until [ -e "$mark.exit" ]; do
  running || { sleep 0.2; [ -e "$mark.exit" ] && break; tell unknown; return; }
  if [ "$(date +%s)" -ge $until_ ]; then
    [ "$start" != no ] || { tell unknown; return; }
    finish "$(cat "$mark.pid")"; tell late; return
  fi
  sleep $nap; i=$((i + 1)); [ $i -lt 30 ] || nap=0.1
done
code=$(cat "$mark.exit")
if [ "$(wc -c < "$mark.out")" -gt $limit ]; then
  (umask 077; tail -c $limit "$mark.out" > "$mark.out.new") && mv -f "$mark.out.new" "$mark.out"
fi
cat "$mark.out"; tell "exit $code"
"""

_REPLACE_OUTPUT = 'printf %s "$2" > "${XDG_STATE_HOME:-$HOME/.local/state}/runbooks/commands/$1.out"; tell "exit $?"'


@dataclass(frozen=True)
class Answer:
    """What came back from a host. reached: whether the script began there; end: the word that it ended with, empty
    when the connection was lost before; output: in between, secrets unmasked; error: what ssh said; in_time: False
    when it was given up; word: that frames it."""

    reached: bool
    end: str
    output: str
    error: str
    in_time: bool = True
    word: str = ""

    @property
    def code(self) -> int | None:
        word, _, number = self.end.partition(" ")
        return int(number) if word == "exit" and number.isdigit() else None


class SshConnector:
    """The connector of one host. host: user@host or a name of the user's ssh configuration."""

    def __init__(self, host: str) -> None:
        self._host = host

    @property
    def host(self) -> str:
        return self._host

    def read(self, command: Command) -> Result:
        started = time.monotonic()
        answer = self._ask(_READ, command.raw, command.raw_env, command.cwd, command.timeout, command)
        if answer.reached and not answer.in_time:
            answer = replace(answer, end="late")
        if not answer.end:
            self._unreachable(answer)
        return self._result(command, answer, started)

    def read_all(self, commands: Sequence[Command]) -> list[Result]:
        started, seconds = time.monotonic(), max((command.timeout for command in commands), default=0.0)
        body = "".join(map(_read_one, commands)) + 'tell "exit 0"\n'
        answer = self._ask(body, [], {}, None, seconds, Command.of(f"{len(commands)} commands"))
        if answer.code is None:
            self._unreachable(answer)
        parts = re.split(rf"\n{answer.word} part (\d+)(?:\n|\Z)", answer.output)
        took = time.monotonic() - started
        return [Result(int(code), mask(text), took) for text, code in zip(parts[::2], parts[1::2], strict=False)]

    def change(self, command: Command, mark: str, *, repeatable: bool = False) -> Result:
        started = time.monotonic()
        answer = self._change(command, mark, "again" if repeatable else "yes", command.timeout)
        if not answer.reached:
            self._unreachable(answer)
        for pause in AGAIN:
            if answer.end:
                break
            time.sleep(pause)
            answer = self._change(command, mark, "yes", command.timeout)
        if not answer.end:
            raise UnsettledStepError(
                f"the connection to {self._host} was lost while `{command.short}` ran; it goes on there",
                next_step="run the same command again when the host is reached: it waits for that one's end",
            )
        result = self._result(command, answer, started)
        self._mask_there(answer, mark)
        return result

    def outcome(self, mark: str) -> Result | None:
        started = time.monotonic()
        command = Command.of("true", timeout=PATIENCE)
        answer = self._change(command, mark, "no", PATIENCE)
        if not answer.end:
            self._unreachable(answer)
        if answer.code is None:
            return None
        self._mask_there(answer, mark)
        return self._result(command, answer, started)

    def _change(self, command: Command, mark: str, start: str, patience: float) -> Answer:
        words = [mark, start, str(int(patience)), *command.raw]
        settings = f"supervisor={shlex.quote(SUPERVISOR)}\nlimit={OUTPUT_LIMIT + MARGIN}\nlate={TOO_LONG}\n"
        return self._ask(settings + _CHANGE, words, command.raw_env, command.cwd, patience, command)

    def _mask_there(self, answer: Answer, mark: str) -> None:
        """Take secrets out of the output that lies on the host."""
        masked = mask(answer.output)
        if MASK in masked and masked != answer.output:
            self._ask(_REPLACE_OUTPUT, [mark, masked], {}, None, PATIENCE, Command.of("masking"))

    def _result(self, command: Command, answer: Answer, started: float) -> Result:
        output = mask(answer.output)
        if answer.code is not None:
            return Result(answer.code, output, time.monotonic() - started)
        if answer.end == "unknown":
            raise UnsettledStepError(
                f"`{command.short}` was started on {self._host} and nothing tells how it ended",
                next_step="look at its effect; once it holds, `runbook settle RUN STEP` and run the same command again",
            )
        problem, next_step = {
            "late": (f"took longer than {command.timeout:g} s", "raise its timeout or run it by hand"),
            "unwritten": (
                "was not started: its start cannot be written down",
                "check permissions and room in ~/.local/state/runbooks there",
            ),
        }.get(answer.end, (f"cannot be run: {printable(output.strip())}", "check that program and folder exist"))
        raise CommandError(f"`{command.short}` on {self._host} {problem}", next_step=next_step)

    def _unreachable(self, answer: Answer) -> NoReturn:
        lines = [line.strip() for line in answer.error.splitlines() if line.strip().strip("@")]
        said = " ".join(lines)[-400:] or "it did not answer"
        raise CommandError(
            f"{self._host} cannot be reached: {printable(mask(said), 400)}", next_step=f"check `ssh {self._host} true`"
        )

    def _ask(
        self, body: str, words: list[str], env: Mapping[str, str], folder: str | None, seconds: float, command: Command
    ) -> Answer:
        word = f"runbook-{secrets.token_hex(8)}"
        script = _FRAME.format(
            word=word,
            exports="\n".join(f"export {name}={shlex.quote(value)}" for name, value in env.items()),
            folder=shlex.quote(folder or ""),
            words=shlex.join(words),
            body=body,
            call=_call(command),
        )
        if "\0" in script:
            raise CommandError(f"`{command.short}` holds a NUL, which no command can", next_step="take it out")
        # A connection that stays for the next call keeps ssh's standard error open: a file does not wait for its end.
        with tempfile.TemporaryFile() as said:
            try:
                process = subprocess.run(
                    ["ssh", *_OPTIONS, *self._shared_connection, "--", self._host, "sh"],
                    input=script.encode("utf-8", "surrogateescape"),
                    stdout=subprocess.PIPE,
                    stderr=said,
                    timeout=seconds + MARGIN_SECONDS,
                    check=False,
                    start_new_session=True,
                )
            except subprocess.TimeoutExpired as error:
                answer = self._read_answer(word, error.stdout or b"", b"no answer in time")
                return replace(answer, in_time=False)
            except OSError as error:
                raise CommandError(f"ssh cannot be run: {error}", next_step="install OpenSSH's client") from error
            said.seek(0)
            return self._read_answer(word, process.stdout, said.read())

    def _read_answer(self, word: str, output: bytes, error: bytes) -> Answer:
        # Taken apart as bytes: a log as text is several times as large, and many hosts are read at once.
        _, reached, rest = output.partition(f"{word}\n".encode())
        inside, _, end = rest.rpartition(f"\n{word} ".encode())
        return Answer(bool(reached), _text(end).strip(), _text(inside), _text(error), word=word)

    @cached_property
    def _shared_connection(self) -> list[str]:
        """Options by which calls that follow each other share one connection, unless the user's configuration says
        how to."""
        shown = subprocess.run(["ssh", "-G", "--", self._host], capture_output=True, check=False).stdout
        if any(re.match(rb"controlpath (?!none)", line) for line in shown.splitlines()):
            return []
        folder = Path(os.environ.get("XDG_RUNTIME_DIR") or Path.home() / ".ssh")
        if not folder.is_dir() or len(str(folder)) > LONGEST_FOLDER:
            return []
        # Not ssh's own %C: it is the same for two hosts that only differ in their ProxyCommand or known keys.
        path = folder / f"runbook-{hashlib.sha256(self._host.encode() + shown).hexdigest()[:24]}"
        return ["-o", "ControlMaster=auto", "-o", f"ControlPath={path}", "-o", f"ControlPersist={PERSIST_SECONDS}"]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _read_one(command: Command) -> str:
    """The lines that run one of several commands; what the last one printed without an end of line is ended."""
    exports = "; ".join(f"export {name}={shlex.quote(value)}" for name, value in command.raw_env.items())
    return _READ_ONE.format(
        exports=exports or ":", folder=shlex.quote(command.cwd or "."), words=shlex.join(command.raw)
    )


def _call(command: Command) -> str:
    """The last line of the script, with what the command reads. printf is the shell's own: no process list has it."""
    if command.input is None:
        return "run </dev/null"
    raw = command.input.reveal().encode("utf-8", "surrogateescape")
    text = "".join(chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"\\0{byte:03o}" for byte in raw)
    return f"printf %b '{text}' | run"
