"""runbooks.toml: what is operated and how. Every key is documented here, once; the example file, the error
messages and the reference are made from these descriptions."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Strict,
    StringConstraints,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from runbook_lib.command import Secret, nearest, printable
from runbook_lib.errors import ConfigurationError

FILE_NAME = "runbooks.toml"
STATE_FOLDER = ".runbooks"

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
ROUTE = "^/"
URL = r"^https?://[^\s/]+"
VARIABLE = "^[A-Za-z_][A-Za-z0-9_]*$"

Name = Annotated[str, StringConstraints(pattern=NAME)]
RoutePath = Annotated[str, StringConstraints(pattern=ROUTE)]
Url = Annotated[str, StringConstraints(pattern=URL)]
VariableName = Annotated[str, StringConstraints(pattern=VARIABLE)]
# Strict: "5" and true are no numbers, 0 is no answer to yes or no.
Number = Annotated[float, Strict()]
Count = Annotated[int, Strict()]
Yes = Annotated[bool, Strict()]
Seconds = Annotated[Number, Field(ge=0, le=86_400 * 30)]


def _argv(value: object) -> object:
    if isinstance(value, str):
        raise ValueError('a command is a list of words, ["php", "artisan", "up"]; it never goes through a shell')
    if isinstance(value, list) and value and value[0] == "":
        raise ValueError("the first word is the program and must not be empty")
    return value


Words = Annotated[list[str], BeforeValidator(_argv)]
Argv = Annotated[Words, Field(min_length=1)]


class Table(BaseModel):
    """What all tables of the file share: unknown keys are refused, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SecretReference(Table):
    """Where a secret is: in an environment variable or in a file, never in this file."""

    env: str = Field("", description="Name of the environment variable that holds the secret.")
    file: Path | None = Field(
        None, description="File whose first line is the secret; relative to the folder of runbooks.toml."
    )

    @model_validator(mode="after")
    def _one(self) -> SecretReference:
        if bool(self.env) == bool(self.file):
            raise ValueError("name exactly one of env and file")
        return self

    def resolve(self, root: Path) -> Secret:
        """The secret itself. root: of relative paths. ConfigurationError when there is none."""
        if self.file is None:
            if not os.environ.get(self.env):
                state = "empty" if self.env in os.environ else "not set"
                raise ConfigurationError(
                    f"the environment variable {self.env} is {state}", next_step=f"export {self.env} before the run"
                )
            return Secret(os.environ[self.env])
        path = root / self.file.expanduser()
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"the secret file {path} cannot be read: {error}", next_step="check path and permissions"
            ) from error
        if not lines or not lines[0]:
            raise ConfigurationError(
                f"the secret file {path} has an empty first line", next_step="write the secret there"
            )
        return Secret(lines[0])


def _is_reference(value: object) -> str:
    return "plain" if isinstance(value, str) else "reference"


# Told apart by their form, so that an error is about the form that was written.
Value = Annotated[
    Annotated[str, Tag("plain")] | Annotated[SecretReference, Tag("reference")], Discriminator(_is_reference)
]


class Hook(Table):
    """A command of your own before or after a switch."""

    run: Argv = Field(description="The command, a list of words; runs in the release's folder where there is one.")
    done: Words = Field(
        [],
        description="Command that exits 0 when the effect of `run` already holds; settles an interrupted run.",
    )
    undo: Words = Field([], description="Command that takes the effect back when the switch is undone.")
    repeatable: Yes = Field(
        False, description="True when running it twice does no harm; only then is it repeated after a crash."
    )
    timeout: Seconds = Field(600, description="Seconds after which the command is stopped and has failed.")


class Hooks(Table):
    """Your own commands around a switch, in this order."""

    before: list[Hook] = Field([], description="Run before the first change.")
    after: list[Hook] = Field([], description="Run after the last change, before verification.")


class Git(Table):
    """An application deployed from a Git repository."""

    path: Path = Field(
        description="Folder of the application (in-place), or the folder that holds releases/ and current."
    )
    layout: Literal["in-place", "releases"] = Field(
        "in-place",
        description="in-place: the tag is checked out in `path`; releases: one folder a release in "
        "`path`/releases and the link `path`/current, switched atomically.",
    )
    repository: Path | None = Field(
        None,
        description="Repository that knows the tags: a clone on this machine, and at the same path on each host. "
        "in-place: `path` unless set.",
    )
    hosts: list[str] = Field(
        ["local"],
        min_length=1,
        description='Where the application runs: "local", or user@host reached by ssh.',
    )
    shared: list[str] = Field(
        [],
        description="Files and folders in `path`/shared that each release folder links to (.env, storage).",
    )
    install: list[Argv] = Field([], description="Commands that install what the release needs, in its folder.")
    clear: list[Argv] = Field([], description="Commands that clear stale caches after the switch.")
    restart: list[Argv] = Field([], description="Commands that make the running processes take the new code.")
    logs: list[Path] = Field([], description="Log files of the application, relative to its folder or absolute.")
    env: dict[VariableName, Value] = Field(
        {}, description="Variables for every command of this environment; secrets by reference."
    )

    @model_validator(mode="after")
    def _layout(self) -> Git:
        if self.layout == "releases" and self.repository is None:
            raise ValueError('layout = "releases" needs repository: the clone that release folders are made from')
        if self.layout == "in-place" and self.shared:
            raise ValueError('shared belongs to layout = "releases"; in-place keeps such files where they are')
        return self

    @model_validator(mode="after")
    def _far(self) -> Git:
        far = [host for host in self.hosts if host != "local"]
        for path in filter(None, (self.path, self.repository)):
            if far and not path.is_absolute():
                raise ValueError(f"{path} must be absolute: it is a path on {far[0]}, too")
        return self

    @field_validator("shared")
    @classmethod
    def _shared(cls, names: list[str]) -> list[str]:
        # What a release has under these names is removed to make room for the link.
        paths = [Path(name) for name in names]
        for name, path in zip(names, paths, strict=True):
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(f"{name!r} must be a name below the release's folder")
            if any(path != other and path.is_relative_to(other) for other in paths) or paths.count(path) > 1:
                raise ValueError(f"{name!r} is shared twice: once by itself, once by a folder above it")
        return [str(path) for path in paths]

    @field_validator("hosts")
    @classmethod
    def _hosts(cls, hosts: list[str]) -> list[str]:
        for host in hosts:
            if host.startswith("-") or not host.strip() or any(c.isspace() for c in host):
                raise ValueError(f'{host!r} is no host; write "local" or user@host')
        if len(set(hosts)) != len(hosts):
            raise ValueError("a host is named twice")
        return hosts


class Docker(Table):
    """An application in containers of one Docker engine."""

    image: str = Field(description="Image repository without tag, shop or registry.example/shop; tags are releases.")
    container: str = Field("", description="Name of the container.")
    label: str = Field("", description='Label that finds the containers, "app=shop".')
    project: str = Field("", description="Compose project of the containers; needs compose_service.")
    compose_service: str = Field("", description="Compose service within `project`.")
    engine: str = Field("", description="Engine's address; empty: DOCKER_HOST or the local socket.")
    stop_timeout: Seconds = Field(10, description="Seconds a container gets to stop before it is killed.")

    @model_validator(mode="after")
    def _selector(self) -> Docker:
        if sum(map(bool, (self.container, self.label, self.project))) != 1:
            raise ValueError("name exactly one of container, label and project: how the containers are found")
        if bool(self.project) != bool(self.compose_service):
            raise ValueError("project and compose_service go together")
        if self.label and "=" not in self.label:
            raise ValueError('label is name=value, such as "app=shop"')
        return self


class Smoke(Table):
    """A business check: one request and what the answer must be."""

    name: str = Field(description="What the check proves, in a few words.")
    path: RoutePath = Field(description="Route below the environment's url.")
    method: Literal["GET", "HEAD", "POST"] = Field("GET", description="HTTP method.")
    status: Count = Field(200, ge=100, le=599, description="Status that the answer must have.")
    contains: str = Field("", description="Text that the answer must contain.")


class Checks(Table):
    """How health is read."""

    up: RoutePath = Field("/up", description="Liveness route; 200 when the process serves.")
    ready: RoutePath = Field("/ready", description="Readiness route; 200 when database, cache and queue are reached.")
    version: str = Field(
        "", description="Route whose answer names the running tag, commit or digest; empty: not asked."
    )
    smoke: list[Smoke] = Field([], description="Business checks, all of which must pass.")
    timeout: Annotated[Number, Field(gt=0, le=300)] = Field(5, description="Seconds one request may take.")
    within: Annotated[Number, Field(gt=0, le=3600)] = Field(
        60, description="Seconds after a switch within which everything must be healthy."
    )

    @field_validator("version")
    @classmethod
    def _route(cls, value: str) -> str:
        if value and not value.startswith("/"):
            raise ValueError("a route starts with /")
        return value


class Observation(Table):
    """How long and how strictly a release is watched after the switch."""

    window: Seconds = Field(60, description="Seconds of observation; 0: a single look.")
    interval: Annotated[Number, Field(gt=0, le=3600)] = Field(2, description="Seconds between two samples.")
    min_requests: Annotated[Count, Field(ge=1)] = Field(
        20,
        description="Requests below which nothing is concluded; made up with synthetic ones to the smoke routes.",
    )
    max_error_rate: Annotated[Number, Field(ge=0, le=1)] = Field(
        0.01, description="Share of failed requests (5xx, no answer) above which the verdict is FAIL."
    )
    max_p95_ms: Annotated[Number, Field(gt=0)] = Field(
        500, description="95th percentile of latency in milliseconds above which the verdict is FAIL."
    )
    failure_limit: Annotated[Count, Field(ge=0)] = Field(
        0, description="Failed samples (/up, /ready, smoke) that are tolerated in one window."
    )
    metrics: str = Field(
        "",
        description="Route with Prometheus text metrics for errors and latency of real traffic; empty: none.",
    )
    requests_metric: str = Field(
        "http_requests_total",
        description="Counter of requests, with the status in its `status` or `code` label.",
    )
    latency_metric: str = Field(
        "http_request_duration_seconds", description="Histogram of latency in seconds (its _bucket series)."
    )


class Approval(Table):
    """Who must agree to a plan before it is carried out."""

    policy: Literal["none", "confirm", "second-person"] = Field(
        "confirm", description="none; confirm: whoever runs it; second-person: somebody else."
    )
    expires: Annotated[Number, Field(gt=0, le=86_400 * 7)] = Field(
        3600, description="Seconds after which an approval is no longer valid."
    )
    wait: Seconds = Field(600, description="Seconds a headless run waits at the gate before it ends, to be continued.")


AfterSwitch = Literal[
    "config:clear",
    "route:clear",
    "view:clear",
    "event:clear",
    "cache:clear",
    "queue:restart",
    "octane:reload",
    "horizon:terminate",
]


class Backup(Table):
    """Your own backup of the database."""

    run: Argv = Field(description="Command that takes a backup; RUNBOOK_RUN names the run. It may be run again.")
    check: list[str] = Field([], description="Command that exits 0 when the backup just taken can be restored.")
    timeout: Seconds = Field(3600, description="Seconds after which either command is stopped and has failed.")


class Laravel(Table):
    """A Laravel application, or one that is operated by the same commands."""

    folder: str = Field("", description='Folder of the application in the repository or image ("backend").')
    php: Argv = Field(["php"], description="How PHP is called where the application runs.")
    database: Literal["mysql", "mariadb", "pgsql", "sqlite"] = Field(
        description="Driver of the application's database, as in its config/database.php."
    )
    migrations: list[str] = Field(
        ["database/migrations"], min_length=1, description="Folders of migration files below `folder`."
    )
    sql: list[str] = Field(
        [],
        description="Command that runs the SQL given as its last word on the application's database and prints the "
        "rows as JSON; empty: PHP, through the application's own connection.",
    )
    after_switch: list[AfterSwitch] = Field(
        ["config:clear", "route:clear", "view:clear", "event:clear", "queue:restart"],
        description="Artisan commands after each switch, in this order. cache:clear empties the whole store.",
    )
    bypass: SecretReference | None = Field(
        None, description="Secret path that lets a person in while maintenance mode is on."
    )
    backup: Backup | None = Field(None, description="How the database is backed up before migrations are taken back.")

    @field_validator("folder", "migrations")
    @classmethod
    def _inside(cls, value: str | list[str]) -> str | list[str]:
        for path in [value] if isinstance(value, str) else value:
            if path.startswith("/") or ".." in path.split("/"):
                raise ValueError(f"{path!r} is not a folder inside the application")
        return value


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
    checks: Checks = Field(Checks(), description="How health is read.")
    observation: Observation = Field(Observation(), description="Watching after the switch.")
    approval: Approval = Field(Approval(), description="Who must agree.")
    hooks: Hooks = Field(Hooks(), description="Your own commands around a switch.")

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


@dataclass(frozen=True)
class Target:
    """One environment of one service, and the file that describes it: what a run works on.

    root: folder that relative paths of the file start from. practice: true for the built-in environment.
    """

    service_name: str
    name: str
    environment: Environment
    service: Service
    root: Path
    state: Path

    @cached_property
    def staging(self) -> Target | None:
        """The environment that goes first, or None."""
        first = self.environment.staging
        if not first:
            return None
        return Target(self.service_name, first, self.service.environments[first], self.service, self.root, self.state)

    @property
    def label(self) -> str:
        return f"{self.service_name}/{self.name}"

    def resolve(self, path: Path) -> Path:
        """A path of the file, made absolute; ~ is the user's home."""
        return (self.root / path.expanduser()).absolute()

    def secrets_resolved(self, env: Mapping[str, str | SecretReference]) -> dict[str, str | Secret]:
        return {
            name: value.resolve(self.root) if isinstance(value, SecretReference) else value
            for name, value in env.items()
        }


@dataclass(frozen=True)
class Loaded:
    """A configuration and where it came from. file: the runbooks.toml; root: its folder; state: journal folder."""

    configuration: Configuration
    file: Path

    @property
    def root(self) -> Path:
        return self.file.parent

    @property
    def state(self) -> Path:
        return Path(os.path.normpath(self.root / self.configuration.journal.folder.expanduser()))

    def target(self, service: str = "", environment: str = "production") -> Target:
        """The environment that a run names. service may be empty when there is only one."""
        services = self.configuration.services
        if not service and len(services) > 1:
            raise ConfigurationError(
                f"{self.file} has several services: {', '.join(services)}",
                next_step="name one: -p service NAME",
            )
        name = service or next(iter(services))
        if name not in services:
            raise ConfigurationError(
                f"no service {name[:80]!r} in {self.file}", next_step=f"use one of: {', '.join(services)}"
            )
        environments = services[name].environments
        if environment not in environments:
            raise ConfigurationError(
                f"service {name} has no environment {environment[:80]!r}",
                next_step=f"use one of: {', '.join(environments)}",
            )
        return Target(name, environment, environments[environment], services[name], self.root, self.state)


def find(start: Path | None = None) -> Path | None:
    """The runbooks.toml of `start` (default: the working folder) or the nearest folder above it, or None."""
    folder = (start or Path.cwd()).absolute()
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return candidate / FILE_NAME
    return None


def project_root(start: Path | None = None) -> Path:
    """The folder that holds this project's state when nothing is configured: the nearest one upwards with
    a state folder or a Git repository, else `start` itself."""
    folder = (start or Path.cwd()).absolute()
    for candidate in (folder, *folder.parents):
        if (candidate / STATE_FOLDER).is_dir() or (candidate / ".git").exists():
            return candidate
    return folder


def load(file: Path) -> Loaded:
    """Read and validate a runbooks.toml. ConfigurationError names the key, what it means and what is wrong."""
    try:
        text = file.read_text(encoding="utf-8-sig")  # editors on Windows write a mark in front
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}", next_step="check path and permissions") from error
    try:
        return Loaded(Configuration.model_validate(tomllib.loads(text)), file.absolute())
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is not valid TOML: {error}", next_step="mend that line") from error
    except ValidationError as error:
        problems = "\n".join(f"  {_problem(item)}" for item in error.errors())
        raise ConfigurationError(
            f"{file} cannot be used:\n{problems}",
            next_step="compare with runbooks.example.toml, then `runbook check`",
        ) from error


_MUST = {
    NAME: "must be 1 to 63 letters, digits, dots, dashes and underscores, and begin with a letter or digit",
    ROUTE: "must begin with /",
    URL: "must begin with http:// or https:// and name a host",
    VARIABLE: "must be letters, digits and underscores, and not begin with a digit",
}


def _problem(item: Mapping[str, Any]) -> str:
    """One line of an error: the key's path, what is wrong with it, what the key means."""
    parts = [part for at, part in enumerate(item["loc"]) if not (part in ("plain", "reference") and _in_env(item, at))]
    path = [str(part) for part in parts if part != "[key]"]
    key = printable(".".join(path)) or "the file"
    table, meaning = _descend(path)
    if item["type"] == "extra_forbidden":
        return f"{key}: unknown key; {_hint(path[-1], table)}"
    return f"{key}: {_wrong(item)}" + (f" ({meaning})" if meaning else "")


def _in_env(item: Mapping[str, Any], at: int) -> bool:
    """Whether a part of an error's place is the form of a variable's value."""
    return at >= 2 and item["loc"][at - 2] == "env"


def _wrong(item: Mapping[str, Any]) -> str:
    match item["type"]:
        case "missing":
            return "is missing"
        case "too_short":
            return "must not be empty"
        case "string_pattern_mismatch":
            return _MUST[item["ctx"]["pattern"]]
        case "model_type" if item["loc"][-1] == "reference":
            return 'must be text, { env = "NAME" } or { file = "PATH" }'
        case "model_type" | "dict_type":
            return "must be a table"
    message = str(item["msg"]).removeprefix("Value error, ")
    return message.replace("Input should be", "must be").replace("valid string", "text")


def _hint(key: str, table: type[Table] | None) -> str:
    known = list(table.model_fields) if table else []
    guess = nearest(key, known, 1)
    return f"did you mean {guess[0]}?" if guess else f"there are {', '.join(known)}"


def _descend(path: list[str]) -> tuple[type[Table] | None, str]:
    """The table that holds the last key of a path, and that key's description."""
    table: type[Table] | None = Configuration
    meaning = ""
    for position, part in enumerate(path):
        if table is None or part.isdigit():
            continue
        known = table.model_fields.get(part)
        if known is None:
            # The name of a service or environment: its table was reached with the key before it.
            if position == len(path) - 1:
                return table, ""
            continue
        meaning = known.description or ""
        inner = _table_of(known.annotation)
        if position == len(path) - 1:
            return table, meaning
        table = inner or table
    return table, meaning


def _table_of(annotation: Any) -> type[Table] | None:
    """The table class inside an annotation such as dict[Name, Service], list[Hook] or Git | None."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation
    from typing import get_args

    for inner in reversed(get_args(annotation)):
        found = _table_of(inner)
        if found is not None:
            return found
    return None
