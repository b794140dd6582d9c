"""Causes that lie in the processes and hosts that serve."""

from __future__ import annotations

from urllib.parse import urlsplit

from runbook_lib.diagnosis.cause import Cause, Next
from runbook_lib.diagnosis.facts import Facts
from runbook_lib.diagnosis.rules.saying import hurting
from runbook_lib.probes.http import Reading
from runbook_lib.probes.listeners import Listener
from runbook_lib.probes.workers import Process, matching

# They may have the port while what they pass requests on to is down.
PASSING_ON = ("nginx", "haproxy", "apache", "httpd", "caddy", "traefik", "envoy", "varnish", "docker-proxy", "ssh")
WORKERS = ("worker", "queue", "horizon", "scheduler", "schedule", "cron")


def port_taken(facts: Facts) -> Cause | None:
    """The application's process is not there, and another program answers in its place: it cannot be started then."""
    hosts = list(dict.fromkeys(host for host, name in _missing(facts) if not _is_worker(name)))
    strangers = [r for r in facts.impact.failing if r.name == _simplest(facts) and 0 < r.status < 500]
    held = [(host, one) for host in hosts for one in _holding(facts, host)]
    if not hosts or not (strangers or held):
        return None
    who = str(held[0][1]) if held else "another program"
    port = held[0][1].port if held else urlsplit(strangers[0].place).port or 443
    return Cause(
        "port-taken",
        0.95,
        f"{who} has port {port}, where the application should serve",
        (
            *(f"{host}: port {one.port} is held by {one}" for host, one in held[:3]),
            *(f"{host} runs no process {name}" for host, name in _missing(facts)[:3] if not _is_worker(name)),
            *(str(reading) for reading in strangers[:2]),
            *hurting(facts),
        ),
        by_hand=f"find out what it is, `ss -ltnp 'sport = :{port}'` on {hosts[0]}, and end it; then "
        + (_restart(facts).command if _restart(facts) else "start the application"),  # type: ignore[union-attr]
    )


def process_down(facts: Facts) -> Cause | None:
    """Nothing takes connections where the application should serve, or a process that must run is not there."""
    refused = [
        place for place in facts.impact.silent if not _timed_out(facts, place) and not _certificate(facts, place)
    ]
    missing = [f"{host} runs no process {name}" for host, name in _missing(facts) if not _is_worker(name)]
    stopped = [f"{host}: {why}" for host, why in facts.unreachable.items() if "not running" in why]
    if not refused and not missing and not stopped:
        return None
    reasons = [f"{place}: {_last(facts, place).saw}" for place in refused[:5]]
    score = 0.93 if refused or stopped else 0.75 if facts.impact.hurt else 0.6
    where = f"at {', '.join(refused[:3])}" if refused else f"on {(missing or stopped)[0].split()[0].rstrip(':')}"
    alive = [place for place in facts.impact.places if place not in facts.impact.silent]
    return Cause(
        "process-down",
        score,
        f"the application does not run {where}",
        (*hurting(facts), *reasons, *missing[:5], *stopped[:5]),
        (f"{len(alive)} of {len(facts.impact.places)} places answer",) if alive else (),
        _restart(facts),
        "" if _restart(facts) else "start the application's process on that host",
    )


def process_hung(facts: Facts) -> Cause | None:
    """Connections are taken and nothing is answered, not even on the route that needs nothing else."""
    hung = [place for place in facts.impact.silent if _timed_out(facts, place)]
    stopped = [one for one in _stopped(facts) if not _is_worker(one[1])]
    paused = [f"{host}: {why}" for host, why in facts.unreachable.items() if _is_paused(why)]
    if not hung and not ((stopped or paused) and facts.impact.hurt):
        return None
    reasons = [f"{place} takes connections, {_last(facts, place).saw}" for place in hung[:5]]
    words = [_is_stopped(*one) for one in stopped[:5]]
    return Cause(
        "process-hung",
        0.92 if stopped or paused else 0.88,
        f"the application hangs at {', '.join(hung[:3]) or (stopped[0][0] if stopped else 'a container')}",
        (*hurting(facts), *reasons, *words, *paused[:5]),
        (),
        _restart(facts),
        "" if _restart(facts) else "restart the application's process on that host",
    )


def workers_down(facts: Facts) -> Cause | None:
    """A worker or scheduler that must run does not, stands still, or nobody works the queues off."""
    missing = [f"{host} runs no process {name}" for host, name in _missing(facts) if _is_worker(name)]
    idle, still = _idle(facts), workers_standing(facts)
    everywhere = _gone_everywhere(facts)
    if not everywhere and not idle and not still:
        return None
    remedy = facts.remedies.mitigation("restart_workers")
    nobody = "workers stand still" if still else "nobody works the queues off"
    return Cause(
        "workers-down",
        0.92 if everywhere and idle else 0.85 if everywhere else 0.55,
        f"no {' and no '.join(everywhere)} runs" if everywhere else nobody,
        (*missing[:5], *still, *idle),
        (),
        remedy,
        "" if remedy else "start the workers and the scheduler by their supervisor",
    )


def workers_standing(facts: Facts) -> list[str]:
    """The workers that are there and do nothing, since somebody or something stopped their processes."""
    return [_is_stopped(*one) for one in _stopped(facts) if _is_worker(one[1])][:5]


def host_down(facts: Facts) -> Cause | None:
    """Hosts that cannot be reached."""
    away = {host: why for host, why in facts.unreachable.items() if host not in facts.nothing_live}
    gone = {host: why for host, why in away.items() if "not running" not in why and not _is_paused(why)}
    if not gone or not facts.impact.hurt:
        return None
    everything = len(gone) == len(facts.machines) + len(gone)
    return Cause(
        "host-down",
        0.6 if everything and not facts.impact.silent else 0.8,
        f"{', '.join(list(gone)[:3])} cannot be looked into",
        (*hurting(facts), *(f"{host}: {why}" for host, why in list(gone.items())[:5])),
        ("the way from here to them may be what is broken",) if not facts.impact.silent else (),
        by_hand="look at the machine's console; take it out of the balancer",
    )


def _simplest(facts: Facts) -> str:
    """The route that needs nothing else: the first that is asked."""
    return next((name for _, name in facts.impact.by_route), "")


def _holding(facts: Facts, host: str) -> list[Listener]:
    """The programs that have a port at which the application should serve, and are none that passes requests on."""
    listening = facts.machines[host].listening or {}
    ports = [urlsplit(place).port for place in facts.impact.places]
    held = [listening[port] for port in ports if port is not None and port in listening]
    return [one for one in held if one.pid and not any(name in one.program for name in PASSING_ON)]


def _is_paused(why: str) -> bool:
    """Whether a container cannot be looked into because somebody paused it: all its processes stand still."""
    return "is paused" in why


def _restart(facts: Facts) -> Next | None:
    return facts.remedies.mitigation("restart") or facts.remedies.own("restart_app", "restart_web", "start")


def _last(facts: Facts, place: str) -> Reading:
    """The last reading at a place, of the simplest route."""
    return next(readings[-1] for (where, _), readings in facts.impact.by_route.items() if where == place)


def _timed_out(facts: Facts, place: str) -> bool:
    readings = [r[-1] for (where, _), r in facts.impact.by_route.items() if where == place]
    return all(reading.late for reading in readings)


def _certificate(facts: Facts, place: str) -> bool:
    return "certificate" in _last(facts, place).saw.lower()


def _found(facts: Facts) -> dict[str, dict[str, tuple[Process, ...]]]:
    """The processes of each configured name, by host; hosts whose processes cannot be listed are left out."""
    return {
        host: matching(machine.processes, facts.hosts.processes)
        for host, machine in facts.machines.items()
        if machine.processes is not None
    }


def _missing(facts: Facts) -> list[tuple[str, str]]:
    return [(host, name) for host, found in _found(facts).items() for name, some in found.items() if not some]


def _stopped(facts: Facts) -> list[tuple[str, str, Process]]:
    return [
        (host, name, process)
        for host, found in _found(facts).items()
        for name, some in found.items()
        for process in some
        if process.stopped and process.state[:1] != "Z"
    ]


def _is_stopped(host: str, name: str, process: Process) -> str:
    return f"{host}: {name} (pid {process.pid}) is stopped"


def _is_worker(name: str) -> bool:
    return any(word in name.lower() for word in WORKERS)


def _gone_everywhere(facts: Facts) -> list[str]:
    """The workers that run on no host: a scheduler often runs on one only."""
    found = _found(facts)
    names = [name for name in facts.hosts.processes if _is_worker(name)]
    return [name for name in names if found and not any(some[name] for some in found.values())]


def _idle(facts: Facts) -> list[str]:
    """Why the queues seem to have no workers: jobs wait, none is taken, none goes away, and that for a while."""
    if len(facts.queues) < 2 or facts.queue_limits is None:
        return []
    first, last = facts.queues[0], facts.queues[-1]
    backed_up = last.waiting > facts.queue_limits.max_waiting or last.oldest_age > facts.queue_limits.max_age
    if not backed_up or last.reserved or first.reserved or last.waiting < first.waiting:
        return []
    return [f"{last.waiting} jobs wait, none is being worked on, and none went away in {last.at - first.at:.0f} s"]
