"""The levers of an environment: what a mitigation may change, and how it is taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from runbook_lib.config.checks import Smoke
from runbook_lib.config.values import (
    IDENTIFIER,
    QUEUE,
    Argv,
    Count,
    Name,
    Number,
    RoutePath,
    Seconds,
    SecretReference,
    Table,
    Words,
)

Where = Literal["here", "first", "each"]
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]

# What mitigate.ipynb calls its own actions: no own command may have one of these names.
ACTIONS = (
    "disable_features",
    "end_sessions",
    "free_disk",
    "maintenance",
    "pause_queues",
    "pause_scheduler",
    "rate_limit",
    "read_only",
    "restart",
    "restart_workers",
    "scale",
)


class Own(Table):
    """A command of your own that is a lever. With `undo` it stays in force until it is taken back."""

    run: Argv = Field(description="The command, a list of words; {value} in a word is what the mitigation was given.")
    undo: Words = Field([], description="Command that takes the effect back; empty: it is done once and over.")
    done: Words = Field(
        [], description="Command that exits 0 while the effect holds: settles an interrupted run, finds what is undone."
    )
    verify: Words = Field([], description="Command that exits 0 when the effect is real; empty: the health routes.")
    where: Where = Field(
        "here",
        description="here: on this machine, in the folder of this file; first, each: where the application is live, "
        "on the first host or replica, or on each.",
    )
    timeout: Seconds = Field(600, description="Seconds after which a command is stopped and has failed.")


class Scale(Table):
    """How many replicas serve. Containers of the platform docker need no command."""

    run: Words = Field([], description="Command that scales; {n} in a word is the number that is to serve.")
    count: Words = Field([], description="Command that prints how many serve; needed with `run`.")
    most: Annotated[Count, Field(ge=1, le=1000)] = Field(20, description="More than that are refused.")
    where: Where = Field("here", description="Where the commands run: here, first or each, as for own commands.")
    timeout: Seconds = Field(300, description="Seconds within which that many serve.")

    @model_validator(mode="after")
    def _complete(self) -> Scale:
        if bool(self.run) != bool(self.count):
            raise ValueError("run and count go together: what scales, and what tells how many serve")
        if self.run and not any("{n}" in word for word in self.run):
            raise ValueError("run has no word with {n}, the number that is to serve")
        return self


class Feature(Table):
    """A feature that can be done without: switched by commands, by a key in Redis, or by a row of the database."""

    disable: Words = Field([], description="Command that switches it off.")
    enable: Words = Field([], description="Command that switches it on.")
    enabled: Words = Field([], description="Command that exits 0 while it is on, 1 while it is off.")
    where: Where = Field("here", description="Where these commands run: here, first or each, as for own commands.")
    redis: str = Field("", description="Key in the table redis' database, with its prefix.")
    table: Identifier = Field("", description="Table of the database that holds the flags.")
    column: Identifier = Field("enabled", description="Column that says whether a feature is on.")
    key: Identifier = Field("name", description="Column that names the feature.")
    row: str = Field("", description="What `key` holds in the feature's row.")
    off: str = Field("0", description="What is written to switch it off, in Redis or in the column.")
    check: Smoke | None = Field(None, description="Request whose answer shows that it is off; none: read back.")

    @model_validator(mode="after")
    def _one_way(self) -> Feature:
        commands = (self.disable, self.enable, self.enabled)
        if sum(map(bool, (any(commands), self.redis, self.table))) != 1:
            raise ValueError("name exactly one way: disable, enable and enabled; or redis; or table and row")
        if any(commands) and not all(commands):
            raise ValueError("disable, enable and enabled go together")
        if bool(self.table) != bool(self.row) or not (self.column and self.key):
            raise ValueError("table and row go together, with column and key")
        return self


class RateLimit(Table):
    """How many requests a second are let through."""

    by: Literal["nginx", "haproxy", "command"] = Field(
        description="nginx: a file that its http block includes; haproxy: a map, by its stats socket; command: yours."
    )
    host: str = Field("local", description='nginx: where it runs, "local" or user@host.')
    file: Path | None = Field(
        None, description="nginx: the file, included in the http block; written while the limit is in force."
    )
    per: Literal["client", "all"] = Field("client", description="nginx: the limit is each client's, or everybody's.")
    test: Argv = Field(["nginx", "-t"], description="nginx: command that checks its configuration.")
    reload: Argv = Field(["nginx", "-s", "reload"], description="nginx: command that makes it take the file.")
    socket: str = Field("", description="haproxy: its stats socket with level admin, a path or HOST:PORT.")
    map: str = Field(
        "", description="haproxy: file of the map that its rule reads the limit from, as haproxy names it."
    )
    entry: str = Field("limit", description="haproxy: key in the map whose value is the limit.")
    run: Words = Field([], description="command: sets the limit; {rate} in a word is requests a second.")
    undo: Words = Field([], description="command: takes the limit away.")
    url: str = Field("", description="Url that is asked to see the limit; empty: the environment's, with `path`.")
    path: RoutePath = Field("/", description="Route that is asked to see the limit.")

    @model_validator(mode="after")
    def _complete(self) -> RateLimit:
        needs = {"nginx": ("file",), "haproxy": ("socket", "map"), "command": ("run", "undo")}[self.by]
        missing = [name for name in needs if not getattr(self, name)]
        if missing:
            raise ValueError(f'by = "{self.by}" needs {", ".join(missing)}')
        if self.by != "nginx" and self.host != "local":
            raise ValueError(
                f'by = "{self.by}" knows no host: HAProxy is reached at its stats socket, HOST:PORT; a command of your '
                "own goes to another machine by itself"
            )
        if self.by == "command" and not any("{rate}" in word for word in self.run):
            raise ValueError("run has no word with {rate}, the requests a second")
        return self


class ReadOnly(Table):
    """How writes to the database are stopped. pgsql and mysql need no command."""

    sessions: Literal["terminate", "report"] = Field(
        "report", description="pgsql: sessions that are open keep on writing: end them, or only say which there are."
    )
    role: Identifier = Field("", description="pgsql: only this role is stopped; empty: everybody in the database.")
    application: SecretReference | None = Field(
        None, description="Url with which the application connects, for trying to write as it does; none: database.url."
    )
    table: Identifier = Field("", description="Table in which a write is tried; empty: the first one.")
    run: Words = Field([], description="Command of your own that stops writes; needed for sqlite.")
    undo: Words = Field([], description="Command of your own that resumes them.")
    refused: Words = Field([], description="Command that tries to write and exits 0 when that is refused.")
    where: Where = Field("here", description="Where these commands run: here, first or each, as for own commands.")

    @model_validator(mode="after")
    def _complete(self) -> ReadOnly:
        commands = (self.run, self.undo, self.refused)
        if any(commands) and not all(commands):
            raise ValueError("run, undo and refused go together")
        return self


class Restart(Table):
    """How the application is started anew. Without this table: git.restart, or the containers."""

    run: Argv = Field(description="Command that restarts the application on a host, in its folder there.")
    identity: Words = Field(
        [], description="Command that prints what differs after a restart, such as a pid; empty: only health is read."
    )
    timeout: Seconds = Field(120, description="Seconds the command may take.")


class Workers(Table):
    """The processes that work off the queues."""

    restart: Literal["queue:restart", "horizon:terminate", "command"] = Field(
        "queue:restart", description="Artisan's command after which a supervisor starts them anew, or `run`."
    )
    run: Words = Field([], description="Command of your own that restarts them, where they run.")
    processes: Argv = Field(
        ["pgrep", "-f", "artisan (queue:work|horizon)"],
        description="Command that prints a line for each worker, another one once it was started anew: its pid.",
    )
    where: Where = Field("each", description="Where the commands run: here, first or each, as for own commands.")
    within: Seconds = Field(60, description="Seconds within which all of them were started anew.")

    @model_validator(mode="after")
    def _complete(self) -> Workers:
        if (self.restart == "command") != bool(self.run):
            raise ValueError('restart = "command" and run go together')
        return self


class Pause(Table):
    """How queues or the scheduler are halted and go on."""

    by: Literal["artisan", "horizon", "command"] = Field(
        description="artisan: queue:pause or schedule:pause of Laravel 12.40 and 13; horizon: queues only; command: "
        "yours."
    )
    queues: list[Annotated[str, StringConstraints(pattern=QUEUE)]] = Field(
        ["default"], min_length=1, description='artisan: queues to halt, "redis:emails" on a connection of its own.'
    )
    pause: Words = Field([], description="command: halts.")
    resume: Words = Field([], description="command: lets it go on.")
    paused: Words = Field([], description="Command that exits 0 while it is halted; empty: the queue is watched.")
    where: Where = Field("first", description="Where the commands run: here, first or each, as for own commands.")
    watch: Annotated[Number, Field(gt=0, le=600)] = Field(
        5, description="Seconds in which no job may be taken, once those at work are done."
    )
    within: Seconds = Field(60, description="Seconds that jobs at work get to be done.")

    @model_validator(mode="after")
    def _complete(self) -> Pause:
        if (self.by == "command") != bool(self.pause and self.resume):
            raise ValueError('by = "command" and pause with resume go together')
        return self


class Sessions(Table):
    """Which sessions of the database may be ended."""

    older: Annotated[Number, Field(ge=1)] = Field(
        60, description="Seconds that a statement or an idle transaction lasts before it may be ended."
    )
    spare: list[str] = Field([], description="Users whose sessions are never ended, besides the server's own.")


class Disk(Table):
    """How room is made on a full disk."""

    run: Argv = Field(description="Command that frees space; it may be run again.")
    path: Path = Field(Path("/"), description="Folder on the disk that is full; df is asked there.")
    percent: Annotated[Number, Field(ge=0, le=100)] = Field(
        5, description="Share of the disk, in percent, that must be free afterwards."
    )
    where: Where = Field("each", description="Where the commands run: here, first or each, as for own commands.")
    timeout: Seconds = Field(600, description="Seconds after which the command is stopped and has failed.")


class Levers(Table):
    """What mitigate.ipynb may change here; an action whose lever is not configured is refused."""

    scale: Scale | None = Field(None, description="How many replicas serve; containers need no table.")
    features: dict[Name, Feature] = Field({}, description="Features that can be switched off, by name.")
    rate_limit: RateLimit | None = Field(None, description="How many requests a second are let through.")
    read_only: ReadOnly | None = Field(None, description="How writes are stopped; pgsql and mysql need no table.")
    restart: Restart | None = Field(None, description="How the application is restarted; git and docker know it.")
    workers: Workers | None = Field(None, description="The queue's workers; Laravel's default needs no table.")
    queues: Pause | None = Field(None, description="How queues are halted.")
    scheduler: Pause | None = Field(None, description="How the scheduler is halted.")
    sessions: Sessions | None = Field(None, description="Which sessions may be ended; without it: older than 60 s.")
    disk: Disk | None = Field(None, description="How room is made on a full disk.")
    commands: dict[Name, Own] = Field({}, description="Your own levers, by the name of their action.")

    @model_validator(mode="after")
    def _names(self) -> Levers:
        taken = [name for name in self.commands if name in ACTIONS]
        if taken:
            raise ValueError(f"commands.{taken[0]}: that is the name of a mitigation; choose another one")
        if self.scheduler and self.scheduler.by == "horizon":
            raise ValueError('scheduler.by = "horizon": Horizon halts queues, not the scheduler')
        return self
