"""Commands on another machine, through the system's ssh (its configuration, agent and known hosts).

A changing command is started on the other machine in a session of its own, under the same few lines that the local
connector uses, so that it outlives a lost connection and its end can be asked for later.
"""

from __future__ import annotations

import shlex
import subprocess
import time

from runbook_lib.command import Command, Result, mask
from runbook_lib.connectors.local import OUTPUT_LIMIT, PATIENCE, SUPERVISOR
from runbook_lib.errors import CommandError, UnsettledStepError

CONNECT_SECONDS = 10
LOST = 255
NEVER_STARTED = 124
UNKNOWN = 123

# Variables arrive on standard input, never on a command line that `ps` shows.
_PREAMBLE = 'eval "$(cat)"; cd "$1" || exit 127; shift; '

# $1 folder of the marks' command, $2 mark, $3 whether to start (yes, again, no), then patience and the command.
_CHANGE = (
    _PREAMBLE
    + """
mark=${XDG_STATE_HOME:-$HOME/.local/state}/runbooks/$1; start=$2; patience=$3; shift 3
running() { kill -0 "$(cat "$mark.pid" 2>/dev/null)" 2>/dev/null; }
mkdir -p "$(dirname "$mark")"
if [ "$start" = again ] && [ -e "$mark.pid" ] && [ ! -e "$mark.exit" ] && ! running; then rm -f "$mark.pid"; fi
if [ ! -e "$mark.pid" ]; then
  [ "$start" = no ] && exit 124
  setsid sh -c "$RUNBOOK_SUPERVISOR" runbook "$mark" "$@" >/dev/null 2>&1 </dev/null &
  until [ -e "$mark.pid" ]; do sleep 0.02; done
fi
until [ -e "$mark.exit" ]; do
  running || { sleep 0.2; [ -e "$mark.exit" ] || exit 123; }
  [ "$patience" -gt 0 ] || exit 123
  patience=$((patience - 1)); sleep 0.1
done
tail -c 65536 "$mark.out"; exit "$(cat "$mark.exit")"
"""
)


class SshConnector:
    """The connector of one host. host: user@host or a name of the user's ssh configuration.

    options: further options for ssh, for tests and unusual ports.
    """

    def __init__(self, host: str, options: tuple[str, ...] = ()) -> None:
        self._host = host
        self._options = options

    @property
    def host(self) -> str:
        return self._host

    def read(self, command: Command) -> Result:
        return self._ssh(command, _PREAMBLE + '"$@"', command.raw, command.raw_env)

    def change(self, command: Command, mark: str, *, repeatable: bool = False) -> Result:
        result = self._marked(command, mark, "again" if repeatable else "yes", int(command.timeout * 10))
        if result.code == UNKNOWN:
            raise UnsettledStepError(
                f"`{command}` was started on {self._host} and nothing tells how it ended",
                next_step="look at its effect; once it holds, `runbook settle RUN STEP` and run the same command again",
            )
        return result

    def outcome(self, mark: str) -> Result | None:
        result = self._marked(Command.of("true"), mark, "no", int(PATIENCE * 10))
        return None if result.code in (UNKNOWN, NEVER_STARTED) else result

    def _marked(self, command: Command, mark: str, start: str, patience: int) -> Result:
        words = [mark.replace(".", "_"), start, str(patience), *command.raw]
        return self._ssh(command, _CHANGE, words, {**command.raw_env, "RUNBOOK_SUPERVISOR": SUPERVISOR})

    def _ssh(self, command: Command, script: str, words: list[str], env: dict[str, str]) -> Result:
        remote = shlex.join(["sh", "-c", script, "runbook", command.cwd or ".", *words])
        argv = ["ssh", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_SECONDS}", *self._options]
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items())
        started = time.monotonic()
        try:
            process = subprocess.run(
                [*argv, "--", self._host, remote],
                input=exports.encode(),
                capture_output=True,
                timeout=command.timeout + CONNECT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CommandError(
                mask(f"`{command}` on {self._host}: {error}"), next_step=f"check `ssh {self._host} true`"
            ) from error
        output = mask((process.stdout + process.stderr)[-OUTPUT_LIMIT:].decode("utf-8", "replace"))
        if process.returncode == LOST:
            raise CommandError(
                f"{self._host} cannot be reached: {output.strip()[-300:]}", next_step=f"check `ssh {self._host} true`"
            )
        return Result(process.returncode, output, time.monotonic() - started)
