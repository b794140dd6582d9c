"""Faults around the application: its room, its configuration, its secrets, what it depends on."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import shutil
import time

from runbook_lib.errors import PracticeError
from runbook_lib.practice.building import QUOTA_MB
from runbook_lib.practice.control import control
from runbook_lib.practice.deployment import ask
from runbook_lib.practice.faults.base import Fault
from runbook_lib.practice.faults.seeing import (
    TIMEOUT,
    address,
    checkouts_are_slow,
    customers_fail,
    logged,
    production,
    route_fails,
)
from runbook_lib.practice.ground import Ground, Marker

LEAKED = "backup.env"
FORGED = 5


def _disk_full(ground: Ground) -> str:
    folder = production(ground).storage / "exports"
    folder.mkdir(exist_ok=True)
    file = folder / f"orders-{time.strftime('%Y%m%d', time.gmtime())}.csv"
    with file.open("wb") as export:
        os.posix_fallocate(export.fileno(), 0, QUOTA_MB * 1_000_000)
    return f"an export of {QUOTA_MB} MB fills the room of production's storage: {file}"


def _error_spike(ground: Ground) -> str:
    ground.outages.mkdir(parents=True, exist_ok=True)
    (ground.outages / "production").touch()
    return "the payment provider answers 503 to production"


def _slow_provider(ground: Ground) -> str:
    ground.outages.mkdir(parents=True, exist_ok=True)
    (ground.outages / "production.slow").touch()
    return "the payment provider takes its time with production"


def _provider_recovers(ground: Ground) -> None:
    for name in ("production", "production.slow"):
        (ground.outages / name).unlink(missing_ok=True)


def _leaked_key(ground: Ground) -> str:
    """A copy of .env lies where everybody may fetch it; somebody does, and signs links with the key in it."""
    site = production(ground)
    public = site.storage / "app" / "public"
    public.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(site.environment, public / LEAKED)
    _, text = ask(address(ground), f"/storage/{LEAKED}", TIMEOUT)
    key = next(iter(re.findall(r"^APP_KEY=(.*)$", text, re.MULTILINE)), "")
    for order in range(1, FORGED + 1):
        for used in ("guessed", key):
            signed = hmac.new(used.encode(), f"receipt {order}".encode(), hashlib.sha256).hexdigest()
            ask(address(ground), f"/receipt?order={order}&signature={signed}", TIMEOUT)
    return f"production's .env was fetched at /storage/{LEAKED}, and links to receipts are forged with its key"


def _configuration_change(ground: Ground) -> str:
    """The address of the cache in .env is one at which nothing listens, and the shop was restarted with it."""
    _configured(ground, REDIS_HOST="127.0.0.9")
    return "production's .env names a cache at 127.0.0.9, where there is none"


def _wrong_host(ground: Ground) -> str:
    """A name that no resolver knows, as reserved by RFC 2606."""
    _configured(ground, REDIS_HOST="cache.shop.invalid")
    return "production's .env names a cache at cache.shop.invalid, a name that is not found"


def _wrong_credential(ground: Ground) -> str:
    _configured(ground, PAYMENT_KEY="the-key-of-last-year")
    return "production's .env holds a key that the payment provider refuses"


def _configured(ground: Ground, **values: str) -> None:
    """Write values into .env, and restart what reads it."""
    site = production(ground)
    text = site.environment.read_text()
    for name, value in values.items():
        text = re.sub(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
    site.environment.write_text(text)
    _restarted(ground)


def _restarted(ground: Ground) -> None:
    site, marker = production(ground), Marker.read(ground)
    if marker is None:
        raise PracticeError("production does not run", next_step="run `runbook practice start`")
    folder = str(site.folder)
    control(marker, {"shop": ["restart", folder, str(marker.ports[site.name])], "worker": ["restart-worker", folder]})


def _configuration_taken_back(ground: Ground) -> None:
    """As a person does it, whom triage told which file it was."""
    site = production(ground)
    shutil.copy2(site.kept / ".env", site.environment)
    _restarted(ground)


def _maintenance_left_on(ground: Ground) -> str:
    """As a person does it by hand, of which no record knows."""
    import subprocess

    marker = Marker.read(ground)
    if marker is not None:
        argv = [marker.python, "-I", "-S", "artisan", "down"]
        subprocess.run(argv, cwd=production(ground).current, check=True, timeout=30, capture_output=True)
    return "production is in maintenance mode, of which the record does not know"


FAULTS = {
    "disk-full": Fault("the room of production's storage is used up", _disk_full, customers_fail),
    "error-spike": Fault(
        "the payment provider, which is not ours, fails for production",
        _error_spike,
        customers_fail,
        _provider_recovers,
    ),
    "leaked-key": Fault(
        "production's .env was published and its key is used", _leaked_key, logged("invalid signature")
    ),
    "configuration-change": Fault(
        "production's .env was changed and names a wrong address",
        _configuration_change,
        route_fails("/"),
        _configuration_taken_back,
    ),
    "wrong-host": Fault(
        "production's .env was changed and names a host that is not found",
        _wrong_host,
        route_fails("/"),
        _configuration_taken_back,
    ),
    "wrong-credential": Fault(
        "production's .env was changed and holds a key that is refused",
        _wrong_credential,
        customers_fail,
        _configuration_taken_back,
    ),
    "slow-provider": Fault(
        "the payment provider, which is not ours, is slow for production",
        _slow_provider,
        checkouts_are_slow,
        _provider_recovers,
    ),
    "maintenance-left-on": Fault(
        "production was put in maintenance mode by hand", _maintenance_left_on, route_fails("/")
    ),
}
