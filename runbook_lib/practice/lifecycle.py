"""Starting, stopping and resetting the practice environment."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from runbook_lib.errors import PracticeError
from runbook_lib.practice import server
from runbook_lib.practice.building import SERVER, build, whole
from runbook_lib.practice.control import control, explained
from runbook_lib.practice.ground import ENVIRONMENTS, PROVIDER, Ground, Marker, Site
from runbook_lib.practice.ground import replace as replace_file
from runbook_lib.practice.ports import with_usable_ports

Say = Callable[[str], None]


def ensure(ground: Ground, say: Say) -> Path:
    """See to it that the practice environment exists and runs; its runbooks.toml. PracticeError when it cannot be.

    What is down while other parts of it run stays so: that is an incident to practise on. When all is well this is a
    handful of file reads.
    """
    with explained(ground):
        marker = Marker.read(ground)
        if marker is not None and _is_in_use(ground, marker):
            _send_traffic(ground, marker)
            return ground.configuration
    start(ground, say)
    return ground.configuration


def start(ground: Ground, say: Say, approval: str = "") -> None:
    """Build what is not there, start what does not run. Releases that are live stay so. approval: policy of the gates
    from now on; empty: as it is. PracticeError."""
    with explained(ground), turn(ground, say):
        start_all(ground, say, approval)


def stop(ground: Ground) -> list[str]:
    """End all processes, leave all files; the names of those that ran. PracticeError."""
    if not ground.folder.is_dir():
        return []
    with explained(ground), turn(ground, lambda line: None):
        return _stop(ground)


def reset(ground: Ground, say: Say) -> None:
    """Build everything anew, the bad release live again. The journal is kept. PracticeError; LockHeldError while a
    run is at work."""
    with explained(ground), turn(ground, say):
        build(ground, say, _stop)
        start_all(ground, say)


def start_all(ground: Ground, say: Say, approval: str = "") -> Marker:
    """Start what does not run, for a caller whose turn it is; the marker. approval: as in `start`."""
    marker = Marker.read(ground)
    if marker is None or not whole(ground):
        build(ground, say, _stop)
        marker = Marker.read(ground)
    if marker is None:
        raise PracticeError(f"{ground.folder} is changed by somebody else", next_step="run the same command again")
    marker = with_usable_ports(ground, _with_usable_programs(marker), say)
    marker = replace(marker, approval=approval or marker.approval)
    _configure(ground, marker)
    for site in ground.sites:
        _put_back_database(site)
    _serve(ground, marker, say)
    _send_traffic(ground, marker)
    return marker


def _put_back_database(site: Site) -> None:
    """The database as it was built, where it was lost. One that a fault took away is for a runbook to bring back."""
    if not site.database.exists() and not (site.folder / "detached").exists():
        shutil.copyfile(site.kept / "shop.db", site.database)


@contextmanager
def turn(ground: Ground, say: Say) -> Iterator[None]:
    """One at a time in this folder; the folder is made when it is not there."""
    ground.folder.mkdir(parents=True, exist_ok=True)
    ignore = ground.folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    with server.turn(ground.lock, lambda: say("waiting for another start or stop of the practice environment")):
        yield


def _with_usable_programs(marker: Marker) -> Marker:
    """The marker; with this interpreter and package where those that built are gone."""
    if _has_programs(marker):
        return marker
    return replace(marker, python=sys.executable, server=SERVER)


def _has_programs(marker: Marker) -> bool:
    return Path(marker.python).exists() and Path(marker.server).exists()


def _configure(ground: Ground, marker: Marker) -> None:
    from runbook_lib.practice import configuration

    configuration.write(ground, marker)
    for site in ground.sites:
        _point(site, marker)
    if ground.marker.exists():
        marker.write(ground)


def _point(site: Site, marker: Marker) -> None:
    """Let .env name the ports as they are; the rest of it stays as it is. What read it before is ended."""
    ports = {"REDIS_PORT": str(marker.ports[site.store]), "PAYMENT_URL": _payment_url(site, marker)}
    for file in (site.environment, site.kept / ".env"):
        text = file.read_text()
        for name, value in ports.items():
            text = re.sub(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        if replace_file(file, text, 0o600) and file == site.environment:
            server.stop(site.lock)
            server.stop(site.worker_lock)


def _payment_url(site: Site, marker: Marker) -> str:
    return f"http://{server.LOOPBACK}:{marker.ports[PROVIDER]}/{site.name}"


def _serve(ground: Ground, marker: Marker, say: Say) -> None:
    """Start the parts that do not run, all at once."""
    ground.outages.mkdir(parents=True, exist_ok=True)
    calls = {PROVIDER: [PROVIDER, str(ground.provider), str(marker.ports[PROVIDER])]}
    for site in ground.sites:
        if server.holder(site.lock) is None or not server.answers(marker.ports[site.name]):
            say(f"{site.name}: starting {site.current.resolve().name} at port {marker.ports[site.name]}")
        calls[site.name] = ["up", str(site.folder), str(marker.ports[site.name]), str(marker.ports[site.store])]
    control(marker, calls)


def _send_traffic(ground: Ground, marker: Marker) -> None:
    """Make the traffic go on for its full time from now."""
    ground.traffic.mkdir(exist_ok=True)
    ground.lease.touch()
    if server.holder(ground.traffic_lock) is None:
        ports = [str(marker.ports[name]) for name in ENVIRONMENTS]
        control(marker, {"traffic": ["traffic", str(ground.traffic), *ports]})


def _is_in_use(ground: Ground, marker: Marker) -> bool:
    """Whether any part of it serves."""
    locks = [lock for site in ground.sites for lock in site.processes.values()]
    return any(server.holder(lock) is not None for lock in locks) and _has_programs(marker)


def _stop(ground: Ground) -> list[str]:
    processes = {"traffic": ground.traffic_lock, PROVIDER: ground.provider_lock}
    for site in ground.sites:
        processes |= {
            **site.processes,
            f"{site.name} import": site.import_lock,
            f"{site.name} stranger": site.stranger_lock,
        }
    return [name for name, lock in processes.items() if server.stop(lock)]
