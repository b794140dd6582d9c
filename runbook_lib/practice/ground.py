"""Where the practice environment lies on disk, and the marker that says that it is complete."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# Raised when what is built changes so much that an existing practice environment must be built anew.
FORMAT = 5
ENVIRONMENTS = ("staging", "production")
PROVIDER = "provider"
SERVICE = "shop"
# Nobody is asked, so that drills run by themselves.
NO_APPROVAL = "none"


@dataclass(frozen=True)
class Site:
    """One environment of the practice service: staging or production."""

    name: str
    folder: Path

    @property
    def current(self) -> Path:
        return self.folder / "current"

    @property
    def storage(self) -> Path:
        return self.folder / "shared" / "storage"

    @property
    def database(self) -> Path:
        return self.storage / "shop.db"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def environment(self) -> Path:
        """The file .env, the configuration of the application."""
        return self.folder / "shared" / ".env"

    @property
    def kept(self) -> Path:
        """The database and .env as they are when all is well."""
        return self.folder / "kept"

    @property
    def lock(self) -> Path:
        """Held by the shop's process as long as it lives."""
        return self.run / "shop.lock"

    @property
    def store_lock(self) -> Path:
        """Held by the process of cache and queue."""
        return self.run / "store.lock"

    @property
    def worker_lock(self) -> Path:
        """Held by the worker's process."""
        return self.run / "worker.lock"

    @property
    def import_lock(self) -> Path:
        """Held by the process of an import, while there is one."""
        return self.run / "import.lock"

    @property
    def stranger_lock(self) -> Path:
        """Held by another program that took the shop's port, while there is one."""
        return self.run / "stranger.lock"

    @property
    def processes(self) -> dict[str, Path]:
        """The processes that serve, by name; an import is none of them."""
        return {self.name: self.lock, f"{self.name} worker": self.worker_lock, f"{self.name} store": self.store_lock}

    @property
    def store(self) -> str:
        """The name by which a marker has the port of cache and queue."""
        return f"{self.name}.store"

    @property
    def restart(self) -> Path:
        """The script that a deployment restarts the shop with."""
        return self.folder / "restart.sh"

    @property
    def bypass(self) -> Path:
        """The secret path that lets a person in while maintenance mode is on."""
        return self.folder / "bypass"


@dataclass(frozen=True)
class Ground:
    """The folder of one project's practice environment, and everything in it by name."""

    folder: Path

    @classmethod
    def of(cls, start: Path | None = None) -> Ground:
        """The practice environment of the project that `start` (default: the working folder) belongs to."""
        from runbook_lib.config import STATE_FOLDER, project_root

        # The same project reached through a link is the same ground.
        return cls(project_root(start).resolve() / STATE_FOLDER / "practice")

    @property
    def configuration(self) -> Path:
        return self.folder / "runbooks.toml"

    @property
    def php(self) -> Path:
        """The script that stands for PHP."""
        return self.folder / "php.sh"

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def marker(self) -> Path:
        return self.folder / "practice.json"

    @property
    def lock(self) -> Path:
        return self.folder / "practice.lock"

    @property
    def traffic(self) -> Path:
        return self.folder / "traffic"

    @property
    def lease(self) -> Path:
        return self.traffic / "lease"

    @property
    def traffic_lock(self) -> Path:
        """Held by the traffic's process as long as it lives."""
        return self.traffic / "traffic.lock"

    @property
    def provider(self) -> Path:
        """The folder of the payment provider."""
        return self.folder / PROVIDER

    @property
    def provider_lock(self) -> Path:
        """Held by the provider's process as long as it lives."""
        return self.provider / "provider.lock"

    @property
    def outages(self) -> Path:
        """The folder of files that say for whom the provider is out of order."""
        return self.provider / "out"

    @property
    def ports(self) -> dict[str, Path]:
        """The names by which a marker has ports, each with the lock of the process that listens there."""
        shops = {site.name: site.lock for site in self.sites}
        return {**shops, **{site.store: site.store_lock for site in self.sites}, PROVIDER: self.provider_lock}

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(Site(name, self.folder / name) for name in ENVIRONMENTS)

    def site(self, name: str) -> Site:
        return next(site for site in self.sites if site.name == name)


@dataclass(frozen=True)
class Marker:
    """What a complete practice environment says of itself.

    ports: by the names in Ground.ports. python, server: the interpreter and the script that start its processes.
    approval: the policy of its gates.
    """

    ports: dict[str, int]
    python: str
    server: str
    approval: str = NO_APPROVAL

    def write(self, ground: Ground) -> None:
        data = {"format": FORMAT, "folder": str(ground.folder), **asdict(self)}
        replace(ground.marker, json.dumps(data, indent=2) + "\n")

    @classmethod
    def read(cls, ground: Ground) -> Marker | None:
        """The marker, or None: not built, not to its end, by another version, or moved here from elsewhere."""
        try:
            data: dict[str, Any] = json.loads(ground.marker.read_text())
            ports = {name: int(data["ports"][name]) for name in ground.ports}
            marker = cls(ports, str(data["python"]), str(data["server"]), str(data.get("approval", NO_APPROVAL)))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        whole = data.get("format") == FORMAT and data.get("folder") == str(ground.folder)
        return marker if whole and ground.configuration.is_file() else None


def replace(file: Path, text: str, mode: int = 0o644) -> bool:
    """Write a file so that a reader sees the old or the new text, never half; False where it held it already."""
    try:
        if file.read_text() == text:
            return False
    except (OSError, UnicodeDecodeError):
        pass
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.touch(mode)
    fresh.write_text(text)
    os.replace(fresh, file)
    return True
