"""What is operated, and where: services and their environments."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from runbook_lib.config.backups import Backups, DataCheck
from runbook_lib.config.checks import Approval, Checks, Observation
from runbook_lib.config.communication import Communication
from runbook_lib.config.dependencies import Dependency
from runbook_lib.config.deployment import Docker, Git, Hooks
from runbook_lib.config.drilling import Drilling
from runbook_lib.config.hosts import Hosts
from runbook_lib.config.laravel import Laravel
from runbook_lib.config.levers import Levers
from runbook_lib.config.rotation import Leaks, Revocation, Rotation
from runbook_lib.config.status_page import Review, StatusPage
from runbook_lib.config.stores import Database, Queues, Redis
from runbook_lib.config.values import Name, Seconds, Table, Url

STATE_FOLDER = ".runbooks"


class Environment(Table):
    """One place where a service runs."""

    platform: Literal["git", "docker"] = Field(description="What runs it: git or docker; its own table says how.")
    url: Url = Field(description="Base url as users reach it.")
    replica_urls: list[Url] = Field([], description="Base url of each replica, checked one by one besides `url`.")
    staging: str = Field(
        "",
        description="Environment that must pass with the same commit or digest first; empty: none, goes directly.",
    )
    staging_valid: Seconds = Field(86_400, description="Seconds for which a recorded PASS of `staging` counts.")
    git: Git | None = Field(None, description="How it is deployed from Git.")
    docker: Docker | None = Field(None, description="How it is deployed as containers.")
    laravel: Laravel | None = Field(None, description="How the application itself is operated; none: not Laravel.")
    database: Database | None = Field(
        None, description="The database, as this machine reaches it; none: not looked at."
    )
    redis: Redis | None = Field(None, description="Redis, as this machine reaches it; none: not looked at.")
    queues: Queues | None = Field(None, description="The queued jobs; none: not looked at.")
    dependencies: dict[Name, Dependency] = Field({}, description="Third parties that the application calls, by name.")
    backups: Backups | None = Field(None, description="How data is backed up; none: not from here.")
    data_checks: list[DataCheck] = Field([], description="What must be true of the data, looked at on a data concern.")
    rotation: Rotation = Field(Rotation(), description="Secrets that can be changed.")
    revocation: Revocation = Field(Revocation(), description="Where tokens and sessions are kept.")
    leaks: Leaks = Field(Leaks(), description="What a suspected breach is looked into by.")
    hosts: Hosts = Field(Hosts(), description="The hosts or replicas as machines.")
    levers: Levers = Field(Levers(), description="What a mitigation may change.")
    drill: Drilling | None = Field(None, description="How it may be broken in drills; none: it may not.")
    checks: Checks = Field(Checks(), description="How health is read.")
    observation: Observation = Field(Observation(), description="Watching after the switch.")
    approval: Approval = Field(Approval(), description="Who must agree.")
    hooks: Hooks = Field(Hooks(), description="Your own commands around a switch.")
    communication: Communication | None = Field(
        None, description="Who is told of its incidents; none: as for the service."
    )

    @property
    def install(self) -> list[list[str]]:
        """What installs a release deployed from Git, in its folder: Composer where it is configured and not called
        anyway, then the environment's own commands."""
        own = self.git.install if self.git else []
        called = any("composer" in word and "install" in argv for argv in own for word in argv)
        composer = self.laravel.composer_install if self.laravel and not called else []
        return [composer, *own] if composer else own

    @model_validator(mode="after")
    def _stores(self) -> Environment:
        store = self.queues.store if self.queues else ""
        if store and getattr(self, store) is None:
            raise ValueError(f'queues.store = "{store}" needs the table {store}, which is missing')
        if self.backups and self.database is None and not self.backups.folders:
            raise ValueError("backups needs the table database, or folders to back up")
        kind = self.database.kind if self.database else None
        if self.backups and self.backups.recovery and (kind == "pgsql") != bool(self.backups.recovery.restore_command):
            raise ValueError(
                "backups.recovery.restore_command is PostgreSQL's: "
                + ("it is missing" if kind == "pgsql" else f"the database is {kind}")
            )
        if self.backups and self.backups.recovery and kind not in ("pgsql", "mysql"):
            raise ValueError(f"backups.recovery needs a server that keeps a log, and the database is {kind}")
        if self.data_checks and self.database is None:
            raise ValueError("data_checks need the table database, which is missing")
        if self.laravel and self.database and self.laravel.kind != self.database.kind:
            raise ValueError(f"laravel.database is {self.laravel.database}, database.kind is {self.database.kind}")
        return self

    @model_validator(mode="after")
    def _features(self) -> Environment:
        for name, dependency in self.dependencies.items():
            if dependency.feature and dependency.feature not in self.levers.features:
                raise ValueError(f"dependencies.{name}.feature names {dependency.feature!r}, which is no lever here")
        return self

    @model_validator(mode="after")
    def _platform_table(self) -> Environment:
        for name in ("git", "docker"):
            if (getattr(self, name) is not None) != (self.platform == name):
                here, there = ("needs", "is missing") if self.platform == name else ("does not use", "is given")
                raise ValueError(f'platform = "{self.platform}" {here} the table {name}, which {there}')
        return self


class Service(Table):
    """One application that is operated."""

    description: str = Field("", description="What it is, for the reader.")
    owner: str = Field("", description="Team that owns it.")
    communication: Communication | None = Field(None, description="Who is told of its incidents; none: nobody.")
    environments: dict[Name, Environment] = Field(min_length=1, description="Where it runs.")

    @model_validator(mode="after")
    def _staging(self) -> Service:
        for name, environment in self.environments.items():
            first = environment.staging
            if not first:
                continue
            if first not in self.environments or first == name:
                raise ValueError(
                    f"environments.{name}.staging names {first!r}, which is "
                    + ("the environment itself" if first == name else "no environment of this service")
                )
            if self.environments[first].staging:
                raise ValueError(f"environments.{first} is staging for {name} and names a staging of its own")
            if self.environments[first].platform != environment.platform:
                raise ValueError(f"environments.{name} and its staging {first} differ in platform")
        return self

    @model_validator(mode="after")
    def _apart(self) -> Service:
        places: dict[tuple[str, Path], str] = {}
        for name, environment in self.environments.items():
            for host in environment.git.hosts if environment.git else ():
                place = (host, environment.git.path) if environment.git else (host, Path())
                if places.setdefault(place, name) != name:
                    raise ValueError(f"environments.{name} and {places[place]} are one folder: {place[1]} on {host}")
        return self


class JournalPlace(Table):
    """Where the record of all runs is kept."""

    folder: Path = Field(
        Path(STATE_FOLDER), description="Folder of the journal and the runs' records; relative to this file."
    )


class Configuration(Table):
    """The whole file."""

    journal: JournalPlace = Field(JournalPlace(), description="Where the record is kept.")
    services: dict[Name, Service] = Field(min_length=1, description="What is operated.")
    status_page: StatusPage = Field(StatusPage(), description="The status page.")
    review: Review = Field(Review(), description="What reviews leave.")

    @model_validator(mode="after")
    def _components(self) -> Configuration:
        labels = {f"{service}/{name}" for service, about in self.services.items() for name in about.environments}
        for number, component in enumerate(self.status_page.components):
            if component.environment not in labels:
                raise ValueError(
                    f"status_page.components.{number}.environment names {component.environment!r}; "
                    f"there are {', '.join(sorted(labels))}"
                )
        return self
