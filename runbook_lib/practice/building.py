"""Making the practice environment from nothing, up to the bad release being live."""

from __future__ import annotations

import base64
import secrets
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from runbook_lib.errors import RunbookError
from runbook_lib.practice import server
from runbook_lib.practice.control import control
from runbook_lib.practice.ground import PROVIDER, Ground, Marker, Site
from runbook_lib.practice.ports import free_ports

Say = Callable[[str], None]

SERVER = str(Path(server.__file__).absolute())
# Room that the shop's hosting plan gives its storage.
QUOTA_MB = 50
# Seconds in which a command that outlived its start comes to its end.
PATIENCE = 5.0

ENVIRONMENT = """\
APP_NAME=Shop
APP_ENV={name}
APP_KEY={key}
REDIS_HOST={host}
REDIS_PORT={store}
REDIS_PREFIX=shop_
PAYMENT_URL=http://{host}:{provider}/{name}
PAYMENT_KEY={payment}
STORAGE_QUOTA_MB={quota}
"""


def build(ground: Ground, say: Say, stop: Callable[[Ground], list[str]]) -> None:
    """Make everything anew; the marker comes last. stop: ends the processes of before. RunbookError, OSError;
    LockHeldError while a run is at work."""
    from runbook_lib.practice.deployment import locked, new_run

    say("building the practice environment")
    run = new_run()
    with locked(ground, run):
        try:
            _build_once(ground, run, say, stop)
        except (RunbookError, OSError) as error:
            # Another program can take a port between its choice and its use, and a command of a start that was
            # killed can still be at work in here.
            say(f"once more, because: {str(error).splitlines()[0]}")
            _build_once(ground, new_run(), say, stop)


def whole(ground: Ground) -> bool:
    """Whether what a build makes is still there."""
    shops = all((site.current / "shop.py").is_file() and (site.kept / "shop.db").is_file() for site in ground.sites)
    return shops and (ground.repository / ".git").is_dir()


def _build_once(ground: Ground, run: str, say: Say, stop: Callable[[Ground], list[str]]) -> None:
    _clear(ground, stop)
    marker = _lay_out(ground)
    control(marker, {f"{site.name} store": _store(site, marker) for site in ground.sites})
    _release_history(ground, run, say)
    marker.write(ground)


def _store(site: Site, marker: Marker) -> list[str]:
    return ["restart-store", str(site.folder), str(marker.ports[site.store])]


def _clear(ground: Ground, stop: Callable[[Ground], list[str]]) -> None:
    """Remove what a build makes. The marker goes first: from here on the environment counts as not built."""
    ground.marker.unlink(missing_ok=True)
    stop(ground)
    for folder in (*(site.folder for site in ground.sites), ground.repository, ground.traffic, ground.provider):
        _remove(folder)
    ground.configuration.unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    """Remove a folder, also while a command of a start that was killed still writes into it."""
    deadline = time.monotonic() + PATIENCE
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _lay_out(ground: Ground) -> Marker:
    """Folders, repository, configuration: all that stands still."""
    from runbook_lib.practice import configuration, repository

    repository.build(ground.repository)
    marker = Marker(free_ports(ground), sys.executable, SERVER)
    (ground.provider / "keys").mkdir(parents=True, exist_ok=True)
    for site in ground.sites:
        for folder in (site.folder / "releases", site.run, site.kept, site.storage / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
        write_environment(ground, site, marker)
        repository.lay_first(ground.repository, site.folder)
    configuration.write(ground, marker)
    return marker


def write_environment(ground: Ground, site: Site, marker: Marker) -> None:
    """Write the file .env with secrets of its own, and keep a copy; the provider gets the key of this shop."""
    payment = secrets.token_urlsafe(24)
    text = ENVIRONMENT.format(
        name=site.name,
        host=server.LOOPBACK,
        key="base64:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        store=marker.ports[site.store],
        provider=marker.ports[PROVIDER],
        payment=payment,
        quota=QUOTA_MB,
    )
    kept = {site.environment: text, site.kept / ".env": text, ground.provider / "keys" / site.name: payment}
    for file, content in kept.items():
        file.touch(0o600)
        file.write_text(content)


def _release_history(ground: Ground, run: str, say: Say) -> None:
    """What happened before the incident: a good release, proven; then the bad one."""
    from runbook_lib.practice.deployment import deploy, prove, targets
    from runbook_lib.practice.repository import BAD, GOOD

    environments = targets(ground)
    for target in environments:
        say(f"{target.label}: {GOOD}")
        release = deploy(target, GOOD, f"{run}-good")
        prove(target, release)
        keep_database(ground.site(target.name))
    for target in environments:
        say(f"{target.label}: {BAD}")
        deploy(target, BAD, f"{run}-bad")


def keep_database(site: Site) -> None:
    """Keep a copy of the database as it is now."""
    with (
        closing(sqlite3.connect(site.database)) as database,
        closing(sqlite3.connect(site.kept / "shop.db")) as copy,
    ):
        database.backup(copy)
