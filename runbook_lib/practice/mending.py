"""Bringing the practice environment back to its steady state: the good release, and all well."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable

from runbook_lib.config import FILE_NAME, load
from runbook_lib.errors import ConfigurationError, PracticeError
from runbook_lib.practice import server
from runbook_lib.practice.control import explained
from runbook_lib.practice.deployment import ask, deploy, locked, new_run, targets
from runbook_lib.practice.ground import NO_APPROVAL, SERVICE, Ground, Marker, Site
from runbook_lib.practice.lifecycle import start_all, turn
from runbook_lib.practice.repository import GOOD
from runbook_lib.run.giving_up import give_up
from runbook_lib.run.in_force import in_force
from runbook_lib.run.journal import Journal

Say = Callable[[str], None]

PATIENCE = 10.0
TICK = 0.05
# The good release and its configuration have been there for so long then: what breaks next did not come with them.
LIVE_FOR = 3600.0
# What is checked of each environment.
ROUTES = ("/up", "/ready", "/", "/checkout")


def mend(ground: Ground, say: Say) -> None:
    """See runbook_lib.practice.mend."""
    with explained(ground), turn(ground, say):
        if Marker.read(ground) is None:
            start_all(ground, say)
        run = new_run()
        with locked(ground, run):
            if _has_the_record_to_itself(ground):
                _give_up_runs(ground, say)
                _lift(ground, say)
            for site in ground.sites:
                _put_right(site)
            shutil.rmtree(ground.outages, ignore_errors=True)
            marker = start_all(ground, say, NO_APPROVAL)
            _redeploy(ground, run, say)
        _await_health(ground, marker)


def _has_the_record_to_itself(ground: Ground) -> bool:
    """Whether what the record says of this service is about practice, and not about a real one of the same name."""
    file = ground.folder.parent.parent / FILE_NAME
    try:
        return not file.exists() or SERVICE not in load(file).configuration.services
    except ConfigurationError:
        return False


def _give_up_runs(ground: Ground, say: Say) -> None:
    """A run that was killed would be continued by the next one of the same command, in a world that is another."""
    journal = Journal(ground.folder.parent)
    for record in journal.runs(1000, unfinished=True):
        if record.environment.startswith(f"{SERVICE}/"):
            give_up(journal, record.run, "the practice environment was mended")
            say(f"gave up {record.run}")


def _lift(ground: Ground, say: Say) -> None:
    journal = Journal(ground.folder.parent)
    for item in in_force(journal):
        if item.environment.startswith(f"{SERVICE}/"):
            journal.append("", "lifted", {"what": item.what, "environment": item.environment})
            say(f"lifted {item.what} in {item.environment}")


def _put_right(site: Site) -> None:
    """End its processes, and put back its data, configuration and code; its logs begin anew."""
    for lock in (site.import_lock, site.stranger_lock, *site.processes.values()):
        server.stop(lock, patience=0.5)
    for folder in (site.folder / "detached", site.storage):
        shutil.rmtree(folder, ignore_errors=True)
    (site.storage / "logs").mkdir(parents=True)
    shutil.copyfile(site.kept / "shop.db", site.database)
    moment = time.time() - LIVE_FOR
    shutil.copy2(site.kept / ".env", site.environment)
    os.utime(site.environment, (moment, moment))
    good = site.folder / "releases" / GOOD
    if (good / "shop.py").is_file():
        fresh = site.folder / f".current.{os.getpid()}"
        fresh.symlink_to(f"releases/{GOOD}")
        os.utime(fresh, (moment, moment), follow_symlinks=False)
        os.replace(fresh, site.current)


def _redeploy(ground: Ground, run: str, say: Say) -> None:
    """Put the good release live by the platform where its folder is gone."""
    for target in targets(ground):
        if ground.site(target.name).current.resolve().name != GOOD:
            say(f"{target.label}: {GOOD}")
            deploy(target, GOOD, run)


def _await_health(ground: Ground, marker: Marker) -> None:
    deadline = time.monotonic() + PATIENCE
    while wrong := _wrong(ground, marker):
        if time.monotonic() > deadline:
            raise PracticeError(f"it is not well: {wrong}", next_step="run `runbook practice reset`")
        time.sleep(TICK)


def _wrong(ground: Ground, marker: Marker) -> str:
    """The first thing that is not well, or an empty string."""
    for site in ground.sites:
        address = f"http://{server.LOOPBACK}:{marker.ports[site.name]}"
        for route in ROUTES:
            status, body = ask(address, route, 2.0)
            if status != 200:
                return f"{site.name}: {route} answers {status or 'nothing'} {body[:100]}"
    return ""
