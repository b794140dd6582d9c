"""Readings from the hosts as machines: one short script a host, for processes, disks, files and the clock at once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.command import Command
from runbook_lib.config import Hosts
from runbook_lib.errors import CommandError
from runbook_lib.platforms.base import Platform
from runbook_lib.probes import clock, disk, listeners, load, workers, writing
from runbook_lib.probes.disk import FileSystem
from runbook_lib.probes.listeners import Listener
from runbook_lib.probes.load import Load
from runbook_lib.probes.workers import Process
from runbook_lib.probes.writing import Guarded

SEPARATOR = "----8<----"
COUNT_FOLDERS = 64

# The folders and files come as arguments, the number of folders first. What a container lacks is left out.
SCRIPT = f"""
folders=$1; shift
{clock.SCRIPT}
echo '{SEPARATOR}'
{workers.SCRIPT}
echo '{SEPARATOR}'
i=0
while [ $i -lt "$folders" ]; do
{disk.SCRIPT}
  shift; i=$((i + 1))
done
echo '{SEPARATOR}'
{listeners.SCRIPT}
echo '{SEPARATOR}'
{load.SCRIPT}
echo '{SEPARATOR}'
{writing.SCRIPT}
echo '{SEPARATOR}'
for file; do stat -L -c '%Y %n' -- "$file" 2>/dev/null; done
exit 0
"""


@dataclass(frozen=True)
class HostState:
    """One host as a machine. skew: seconds by which its clock is ahead of this machine's, within `skew_error`, or None;
    processes: that run there, or None where they cannot be listed; disks: by folder; listening: by port, or None where
    the host does not tell; load: or None; guarded: where a Laravel application must write; files: Unix time of the
    last change, by path as configured."""

    host: str
    skew: float | None = None
    skew_error: float = 0.0
    processes: tuple[Process, ...] | None = None
    disks: Mapping[str, FileSystem] | None = None
    listening: Mapping[int, Listener] | None = None
    load: Load | None = None
    guarded: tuple[Guarded, ...] = ()
    files: Mapping[str, float] | None = None


def state(platform: Platform, host: str, hosts: Hosts, timeout: float) -> HostState:
    """Look at one host or replica. CommandError when it cannot be reached or there is no shell in it."""
    folders = hosts.folders[:COUNT_FOLDERS]
    command = Command.of(
        "sh", "-c", SCRIPT, "look", str(len(folders)), *folders, *hosts.files, cwd=".", timeout=timeout
    )
    connector, inside = platform.live(command, host)
    before = time.time()
    result = connector.read(inside)
    after = time.time()
    sections = result.output.split(f"{SEPARATOR}\n")
    if len(sections) != 7:
        raise CommandError(f"{host} cannot be looked into: {result.last_line}", next_step="run a shell there by hand")
    skew, error = clock.skew(sections[0], before, after)
    return HostState(
        host,
        skew,
        error,
        workers.processes(sections[1]),
        disk.file_systems(sections[2]),
        listeners.listeners(sections[3]) or None,
        load.load(sections[4]),
        writing.guarded(sections[5]),
        _files(sections[6]),
    )


def _files(text: str) -> dict[str, float]:
    lines = (line.partition(" ") for line in text.splitlines())
    return {name: float(moment) for moment, _, name in lines if moment.isdigit()}
