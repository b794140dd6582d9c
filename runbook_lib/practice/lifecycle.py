"""Starting, stopping and resetting the practice environment."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

from runbook_lib.errors import PracticeError, RunbookError
from runbook_lib.practice import server
from runbook_lib.practice.ground import ENVIRONMENTS, Ground, Marker

Say = Callable[[str], None]

# Below the range from which systems give ports to outgoing connections: those would take one during a restart.
PORTS = range(20_000, 30_000)
TRIES = 200

SERVER = str(Path(server.__file__).absolute())


def ensure(ground: Ground, say: Say) -> Path:
    """See to it that the practice environment exists and runs; its runbooks.toml. PracticeError when it cannot be.

    When all is well this is a handful of file reads and two connections.
    """
    with explained(ground):
        marker = Marker.read(ground)
        if marker is not None and _runs(ground, marker):
            _renew(ground)
            return ground.configuration
    start(ground, say)
    return ground.configuration


def start(ground: Ground, say: Say) -> None:
    """Build what is not there, start what does not run. Releases that are live stay so. PracticeError."""
    with explained(ground), _turn(ground, say):
        _start(ground, say)


def stop(ground: Ground) -> list[str]:
    """End all processes, leave all files; the names of those that ran. PracticeError."""
    if not ground.folder.is_dir():
        return []
    with explained(ground), _turn(ground, lambda line: None):
        return _stop(ground)


def reset(ground: Ground, say: Say) -> None:
    """Build everything anew, the bad release live again. The journal is kept. PracticeError; LockHeldError while a
    run is at work."""
    with explained(ground), _turn(ground, say):
        _build(ground, say)
        _start(ground, say)


def _start(ground: Ground, say: Say) -> None:
    marker = Marker.read(ground)
    if marker is None or not _whole(ground):
        _build(ground, say)
        marker = Marker.read(ground)
    if marker is None:
        raise PracticeError(f"{ground.folder} is changed by somebody else", next_step="run the same command again")
    marker = _with_usable_ports(ground, _with_usable_programs(marker), say)
    _configure(ground, marker)
    _serve(ground, marker, say)
    _send_traffic(ground, marker)


def _whole(ground: Ground) -> bool:
    """Whether what a build makes is still there."""
    shops = all((site.current / "shop.py").is_file() and site.database.is_file() for site in ground.sites)
    return shops and (ground.repository / ".git").is_dir()


def _build(ground: Ground, say: Say) -> None:
    """Make everything from nothing, up to the bad release being live; the marker comes last."""
    from runbook_lib.practice.deployment import locked, new_run

    say("building the practice environment")
    run = new_run()
    with locked(ground, run):
        try:
            _build_once(ground, run, say)
        except (RunbookError, OSError) as error:
            # Another program can take a port between its choice and its use, and a command of a start that was
            # killed can still be at work in here.
            say(f"once more, because: {str(error).splitlines()[0]}")
            _build_once(ground, new_run(), say)


def _build_once(ground: Ground, run: str, say: Say) -> None:
    _clear(ground)
    marker = _lay_out(ground)
    _release_history(ground, run, say)
    marker.write(ground)


def _lay_out(ground: Ground) -> Marker:
    """Folders, repository, configuration: all that stands still."""
    from runbook_lib.practice import repository

    repository.build(ground.repository)
    for site in ground.sites:
        for folder in (site.folder / "releases", site.run, site.storage / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
        repository.lay_first(ground.repository, site.folder)
    marker = Marker(_free_ports(ground), sys.executable, SERVER)
    _configure(ground, marker)
    return marker


def _release_history(ground: Ground, run: str, say: Say) -> None:
    """What happened before the incident: a good release, proven; then the bad one."""
    from runbook_lib.practice.deployment import deploy, prove, targets
    from runbook_lib.practice.repository import BAD, GOOD

    environments = targets(ground)
    for target in environments:
        say(f"{target.label}: {GOOD}")
        release = deploy(target, GOOD, f"{run}-good")
        prove(target, release)
    for target in environments:
        say(f"{target.label}: {BAD}")
        deploy(target, BAD, f"{run}-bad")


def _clear(ground: Ground) -> None:
    """Remove what a build makes. The marker goes first: from here on the environment counts as not built."""
    ground.marker.unlink(missing_ok=True)
    _stop(ground)
    for folder in (*(site.folder for site in ground.sites), ground.repository, ground.traffic):
        if folder.exists():
            shutil.rmtree(folder)
    ground.configuration.unlink(missing_ok=True)


def _with_usable_programs(marker: Marker) -> Marker:
    """The marker; with this interpreter and package where those that built are gone."""
    if Path(marker.python).exists() and Path(marker.server).exists():
        return marker
    return replace(marker, python=sys.executable, server=SERVER)


def _with_usable_ports(ground: Ground, marker: Marker, say: Say) -> Marker:
    """The marker; with new ports where another program took one while the shop was down."""
    taken = [site.name for site in ground.sites if not _port_is_ours(ground, site.name, marker.ports[site.name])]
    if not taken:
        return marker
    fresh = _free_ports(ground)
    for name in taken:
        say(f"{name}: port {marker.ports[name]} is taken by another program, now {fresh[name]}")
    server.stop(ground.traffic_lock)
    return replace(marker, ports={**marker.ports, **{name: fresh[name] for name in taken}})


def _port_is_ours(ground: Ground, name: str, port: int) -> bool:
    """Whether the shop has its port or could have it."""

    def has() -> bool:
        return server.holder(ground.site(name).lock) is not None

    # Asked twice, because a restart from elsewhere may end between the two questions.
    return has() or server.free(port) or has()


def _free_ports(ground: Ground) -> dict[str, int]:
    """A free port for each environment; where the search starts depends on the folder, so that two checkouts that
    start at once seldom meet."""
    first = zlib.crc32(os.fsencode(ground.folder))
    candidates = (PORTS[(first + step) % len(PORTS)] for step in range(TRIES))
    found = list(islice((port for port in candidates if server.free(port)), len(ENVIRONMENTS)))
    if len(found) < len(ENVIRONMENTS):
        raise PracticeError(
            f"no free port on {server.LOOPBACK} among {TRIES} from {PORTS[first % len(PORTS)]}",
            next_step="end programs that listen there, then run the same command again",
        )
    return dict(zip(ENVIRONMENTS, found, strict=True))


def _configure(ground: Ground, marker: Marker) -> None:
    from runbook_lib.practice import configuration

    configuration.write(ground, marker)
    if ground.marker.exists():
        marker.write(ground)


def _serve(ground: Ground, marker: Marker, say: Say) -> None:
    """Start the shops that do not run, both at once."""
    calls: dict[str, Sequence[str]] = {}
    for site in ground.sites:
        if server.holder(site.lock) is None or not server.answers(marker.ports[site.name]):
            say(f"{site.name}: starting {site.current.resolve().name} at port {marker.ports[site.name]}")
            calls[site.name] = ["start", str(site.folder), str(marker.ports[site.name])]
    _control(marker, calls)


def _send_traffic(ground: Ground, marker: Marker) -> None:
    ground.traffic.mkdir(exist_ok=True)
    _renew(ground)
    if server.holder(ground.traffic_lock) is None:
        ports = [str(marker.ports[name]) for name in ENVIRONMENTS]
        _control(marker, {"traffic": ["traffic", str(ground.traffic), *ports]})


def _control(marker: Marker, calls: dict[str, Sequence[str]]) -> None:
    """Run the server command once for each call, side by side. PracticeError with the last words of one that
    failed.

    A process of its own, because it forks: this one may have threads.
    """
    processes = {
        name: subprocess.Popen(
            [marker.python, "-I", "-S", marker.server, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        for name, words in calls.items()
    }
    failed = {}
    for name, process in processes.items():
        _, said = process.communicate()
        if process.returncode:
            failed[name] = said.strip() or f"status {process.returncode}"
    if failed:
        raise PracticeError(
            "; ".join(f"{name} does not start: {said}" for name, said in failed.items()),
            next_step="run `runbook practice reset`",
        )


def _renew(ground: Ground) -> None:
    """Make the traffic go on for its full time from now."""
    ground.lease.touch()


def _runs(ground: Ground, marker: Marker) -> bool:
    """Whether everything is up, by the cheapest signs."""
    locks = [*(site.lock for site in ground.sites), ground.traffic_lock]
    return (
        all(server.holder(lock) is not None for lock in locks)
        and all(server.listens(port) for port in marker.ports.values())
        and Path(marker.python).exists()
        and Path(marker.server).exists()
    )


def _stop(ground: Ground) -> list[str]:
    processes = {"traffic": ground.traffic_lock, **{site.name: site.lock for site in ground.sites}}
    return [name for name, lock in processes.items() if server.stop(lock)]


@contextmanager
def _turn(ground: Ground, say: Say) -> Iterator[None]:
    """One at a time in this folder; the folder is made when it is not there."""
    ground.folder.mkdir(parents=True, exist_ok=True)
    ignore = ground.folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    with server.turn(ground.lock, lambda: say("waiting for another start or stop of the practice environment")):
        yield


@contextmanager
def explained(ground: Ground) -> Iterator[None]:
    """What the system says, as a PracticeError with the next step."""
    try:
        yield
    except server.ServerError as error:
        raise PracticeError(str(error), next_step="run `runbook practice status`, then start again") from error
    except OSError as error:
        raise PracticeError(
            f"the practice environment in {ground.folder} cannot be used: {error}",
            next_step=_NEXT_STEPS.get(error.errno or 0, "check that folder, then run the same command again"),
        ) from error


_ELSEWHERE = "run in a folder that you may write to, or describe your own service in runbooks.toml"
_NEXT_STEPS = {
    errno.EACCES: _ELSEWHERE,
    errno.EPERM: _ELSEWHERE,
    errno.EROFS: _ELSEWHERE,
    errno.ENOSPC: "free disk space (about 5 MB are needed), then run the same command again",
    errno.EDQUOT: "free disk space (about 5 MB are needed), then run the same command again",
}
