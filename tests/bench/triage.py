"""`make bench`: triage of a service with 20 hosts, reached by ssh, and a log of 1 GB on each: seconds and memory.

Whole processes. The hosts are one machine under 20 names, so that the work of all hosts is done here, too.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.fleet import configuration, replicas, shop, write_log
from tests.connectors.sshd import missing, running_server

HOSTS = 20
LOG_BYTES = 1_000_000_000
ROUNDS = int(os.environ.get("ROUNDS", "3"))
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def main() -> int:
    if reason := missing():
        print(reason, file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="rb-", dir="/tmp"))
    names = [f"web-{number}" for number in range(1, HOSTS + 1)]
    try:
        with running_server(folder, names) as server, replicas(HOSTS) as places:
            path = shop(folder)
            write_log(path / "current" / "log", LOG_BYTES)
            (folder / "runbooks.toml").write_text(configuration(path, names, places))
            shutil.copy(NOTEBOOKS / "triage.ipynb", folder)
            env = {**os.environ, "PATH": f"{server.folder}/bin:{os.environ['PATH']}", "XDG_RUNTIME_DIR": str(folder)}
            measured = [triage(folder, env) for _ in range(ROUNDS)]
        report(measured)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def triage(folder: Path, env: dict[str, str]) -> tuple[float, float]:
    """Seconds and MiB of one whole command."""
    began = time.monotonic()
    process = subprocess.Popen(
        ["papermill", "triage.ipynb"], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    shown = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or "cannot be reached" in shown:
        raise SystemExit(f"triage ended with {process.returncode}:\n{shown}")
    if os.environ.get("SHOW"):
        print(shown)
    return time.monotonic() - began, usage.ru_maxrss / 1024


def report(measured: list[tuple[float, float]]) -> None:
    seconds, memory = [s for s, _ in measured], [m for _, m in measured]
    print(
        f"{f'triage, {HOSTS} hosts, 1 GB of logs each':<34} {statistics.median(seconds):6.2f} s"
        f"     slowest {max(seconds):.2f} s (aim: under 15), memory {max(memory):.0f} MiB (aim: under 300)"
    )


if __name__ == "__main__":
    sys.exit(main())
