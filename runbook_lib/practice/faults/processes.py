"""Faults of processes: killed, or stopped so that they take connections and never answer."""

from __future__ import annotations

import signal
import subprocess
from functools import partial

from runbook_lib.errors import PracticeError
from runbook_lib.practice import server
from runbook_lib.practice.control import control
from runbook_lib.practice.faults.base import Fault
from runbook_lib.practice.faults.seeing import jobs_wait, production, route_fails, tell
from runbook_lib.practice.ground import Ground, Marker

# So many jobs are put on the queue at once that it is over its limit.
FLOOD = 400


def _signal(ground: Ground, lock: str, signum: signal.Signals, what: str) -> str:
    file = production(ground).run / lock
    pid = server.holder(file)
    if pid is None:
        raise PracticeError("production does not run", next_step="run `runbook practice start`")
    server.send(file, pid, signum)
    return f"the {what} of production (pid {pid}) {'was killed' if signum is signal.SIGKILL else 'hangs'}"


def _queue_backlog(ground: Ground) -> str:
    """The worker is stopped, and the confirmations of the last orders are asked for once more."""
    said = _signal(ground, "worker.lock", signal.SIGSTOP, "worker")
    return f"{said}, {_flood(ground)} jobs wait"


def _flood(ground: Ground) -> str:
    """Put jobs on the queue, by the shop's own code; how many there are."""
    marker, site = Marker.read(ground), production(ground)
    if marker is None:
        raise PracticeError("production does not run", next_step="run `runbook practice start`")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import jobs, store\n"
        "with store.opened() as ask:\n"
        "    for order in range(1, int(sys.argv[2]) + 1):\n"
        "        ask('RPUSH', jobs.QUEUE, jobs.payload('App\\\\Jobs\\\\ConfirmOrder', {'order': order}))\n"
    )
    subprocess.run(
        [marker.python, "-I", "-S", "-B", "-c", code, str(site.current), str(FLOOD)],
        check=True,
        timeout=30,
        capture_output=True,
    )
    return tell(marker.ports[site.store], "LLEN", "shop_queues:default")


def _queue_paused(ground: Ground) -> str:
    """As a person does it by hand and forgets it."""
    marker = Marker.read(ground)
    if marker is None:
        raise PracticeError("production does not run", next_step="run `runbook practice start`")
    argv = [marker.python, "-I", "-S", "artisan", "queue:pause"]
    subprocess.run(argv, cwd=production(ground).current, check=True, timeout=30, capture_output=True)
    return f"production's queue is halted, of which the record does not know, {_flood(ground)} jobs wait"


def _port_taken(ground: Ground) -> str:
    """The shop is killed, and another program has its port before it is started again."""
    site, marker = production(ground), Marker.read(ground)
    if marker is None:
        raise PracticeError("production does not run", next_step="run `runbook practice start`")
    said = _signal(ground, "shop.lock", signal.SIGKILL, "shop")
    control(marker, {"stranger": ["stranger", str(site.folder), str(marker.ports[site.name])]})
    return f"{said}, and another program (pid {server.holder(site.stranger_lock)}) listens at its port"


def _stranger_ended(ground: Ground) -> None:
    """As a person does it, whom triage told which process it was; and starts the shop."""
    site, marker = production(ground), Marker.read(ground)
    server.stop(site.stranger_lock)
    if marker is not None:
        control(marker, {"shop": ["restart", str(site.folder), str(marker.ports[site.name])]})


def _no_worker(ground: Ground) -> str:
    return "no worker runs" if server.holder(production(ground).worker_lock) is None else ""


def _workers_down(ground: Ground) -> str:
    said = _signal(ground, "worker.lock", signal.SIGKILL, "worker")
    _flood(ground)
    return said


def _hit(lock: str, signum: signal.Signals, what: str) -> partial[str]:
    return partial(_signal, lock=lock, signum=signum, what=what)


FAULTS = {
    "down": Fault(
        "the shop's process in production is killed", _hit("shop.lock", signal.SIGKILL, "shop"), route_fails("/up")
    ),
    "hang": Fault(
        "the shop's process in production takes connections and never answers",
        _hit("shop.lock", signal.SIGSTOP, "shop"),
        route_fails("/up"),
    ),
    "cache-down": Fault(
        "the process of production's cache and queue is killed; what it held is gone",
        _hit("store.lock", signal.SIGKILL, "cache"),
        route_fails("/ready", "/"),
    ),
    "cache-hang": Fault(
        "production's cache and queue take connections and never answer",
        _hit("store.lock", signal.SIGSTOP, "cache"),
        route_fails("/ready", "/"),
    ),
    "port-taken": Fault(
        "the shop's process is killed and another program takes its port",
        _port_taken,
        route_fails("/up"),
        _stranger_ended,
    ),
    "queue-paused": Fault("production's queue is halted by hand and forgotten", _queue_paused, jobs_wait),
    "workers-down": Fault("production's worker is killed, and jobs pile up", _workers_down, _no_worker),
    "queue-backlog": Fault(
        "production's worker hangs, and the queue is fuller than it may be", _queue_backlog, jobs_wait
    ),
}
