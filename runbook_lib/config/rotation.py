"""Secrets that are changed: what kind each is, where its value lives, how a value is shown to be good or dead."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from runbook_lib.config.values import Argv, Count, Name, Seconds, SecretReference, Table, Url, VariableName, Words

SecretKind = Literal["app_key", "database", "redis", "given", "generated"]
PlaceKind = Literal["env_file", "container", "swarm", "command"]
Part = Literal["value", "previous", "user", "password", "url"]


class SecretPlace(Table):
    """One place where the value of a secret lives."""

    kind: PlaceKind = Field(
        description="env_file, container (its variables; it is made anew), swarm (a Docker secret) or command."
    )
    file: str = Field("", description="env_file: the file; relative: below the live application, on each host.")
    variables: dict[VariableName, Part] = Field(
        {},
        description="Variables of an env_file or container, and what each holds: value, previous, user, password or "
        "url (in which user and password are replaced); empty: those that Laravel uses.",
    )
    part: Part = Field("value", description="swarm, command: what it holds, of those.")
    secret: str = Field("", description="swarm: name of the secret, as the file in the containers is called.")
    services: list[str] = Field([], description="swarm: services that use it.")
    engine: str = Field("", description="swarm: address of a manager's engine; empty: DOCKER_HOST or the local socket.")
    read: Words = Field([], description="command: prints the present value; without it there is no way back.")
    write: Words = Field([], description="command: takes the new value on its standard input; it may be run again.")

    @model_validator(mode="after")
    def _needs(self) -> SecretPlace:
        needs = {"env_file": "file", "container": "", "swarm": "secret", "command": "write"}[self.kind]
        if needs and not getattr(self, needs):
            raise ValueError(f'kind = "{self.kind}" needs {needs}')
        if self.kind == "swarm" and not self.services:
            raise ValueError('kind = "swarm" needs services')
        return self


class SecretCheck(Table):
    """A call that shows whether a value is accepted: a request, or a command of your own."""

    url: Url | None = Field(None, description="Address that is asked.")
    method: Literal["GET", "HEAD", "POST"] = Field("GET", description="HTTP method.")
    headers: dict[str, str] = Field({}, description="Headers; {value} stands for the secret, {basic} for it in Base64.")
    accepted: list[Count] = Field([200], min_length=1, description="Statuses that mean: the value is accepted.")
    refused: list[Count] = Field([401, 403], min_length=1, description="Statuses that mean: the value is refused.")
    run: Words = Field(
        [],
        description="Command that reads the value on its standard input: 0 accepted, 1 refused, anything else: no "
        "answer. It runs on this machine.",
    )
    timeout: Seconds = Field(10, description="Seconds that one call may take.")

    @model_validator(mode="after")
    def _one(self) -> SecretCheck:
        if bool(self.url) == bool(self.run):
            raise ValueError("name exactly one of url and run")
        if set(self.accepted) & set(self.refused):
            raise ValueError("a status cannot mean both accepted and refused")
        return self


class RotatedSecret(Table):
    """One secret that can be changed."""

    kind: SecretKind = Field(
        description="app_key, database, redis; given: made elsewhere and read here; generated: made here."
    )
    places: list[SecretPlace] = Field(min_length=1, description="Where its value lives.")
    admin: SecretReference | None = Field(
        None,
        description="database, redis: url of who may make users there; none: the one of the table database or redis.",
    )
    drain: Seconds = Field(
        10, description="database, redis: seconds that sessions of the old one get to end before they are ended."
    )
    new: SecretReference | None = Field(
        None, description="given: where a run without a person at it finds the new value; a person is asked for it."
    )
    steps: list[str] = Field([], description="given: what a person does to get the new value, a line each.")
    make: Words = Field([], description="generated: command that prints a new value; empty: 48 random characters.")
    check: SecretCheck | None = Field(None, description="Call that shows whether a value is accepted.")
    retire: Words = Field(
        [], description="given, generated: command that makes the old value, on its standard input, invalid."
    )
    retire_steps: list[str] = Field([], description="given: what a person does to make the old value invalid.")
    convert: Words = Field(
        [],
        description="app_key: command in the live application that encrypts anew what is stored; it reads the old key "
        "on its standard input.",
    )

    @model_validator(mode="after")
    def _given(self) -> RotatedSecret:
        if self.kind in ("given", "generated") and self.check is None:
            raise ValueError(f'kind = "{self.kind}" needs check: a value is only good when a call has shown it')
        if self.kind not in ("database", "redis") and self.admin is not None:
            raise ValueError(f'kind = "{self.kind}" takes no admin')
        return self


class Rotation(Table):
    """The secrets of an environment that can be changed, and what makes the application take them."""

    config: Literal["clear", "cache"] = Field(
        "clear", description="artisan config:clear or config:cache after a value was written."
    )
    restart: list[Argv] = Field(
        [],
        description="Commands in the application's folder, on each host, that make its processes and workers take the "
        "new values; they may be run again.",
    )
    secrets: dict[Name, RotatedSecret] = Field({}, description="The secrets, by name.")


class Revocation(Table):
    """Where the application keeps what lets its users in, as far as it differs from what Laravel makes."""

    users: str = Field("users", description="Table of the users, with the columns id, email and remember_token.")
    user_type: str = Field(
        "",
        description="Sanctum's tokenable_type of these users; needed where tokens belong to models of several types.",
    )
    sessions: Literal["database", "file", "redis", "none"] = Field("none", description="Where sessions are kept.")
    session_table: str = Field("sessions", description="database: their table.")
    session_folder: str = Field(
        "storage/framework/sessions", description="file: their folder, below the application's."
    )
    session_prefix: str = Field(
        "", description="redis: what their keys begin with after redis.prefix; the cache's prefix and a colon."
    )
    kinds: list[Literal["sanctum", "passport", "sessions", "remember", "resets"]] = Field(
        ["sanctum", "passport", "sessions", "remember", "resets"],
        min_length=1,
        description="What is revoked when nothing else is asked for; what it does not have is passed over.",
    )

    @field_validator("user_type")
    @classmethod
    def _type(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_.:\\-]*", name):
            raise ValueError(f"{name!r} is no name of a model; one is App\\Models\\User")
        return name

    @field_validator("users", "session_table")
    @classmethod
    def _table(cls, name: str) -> str:
        if not name.replace("_", "").replace(".", "").isalnum():
            raise ValueError(f"{name!r} is no name of a table")
        return name


class Leaks(Table):
    """What a suspected breach is looked into by."""

    routes: list[str] = Field(
        [
            "/.env", "/.env.backup", "/.git/config", "/.git/HEAD", "/storage/logs/laravel.log", "/telescope",
            "/phpinfo.php", "/.aws/credentials", "/backup.sql", "/_ignition/health-check",
        ],
        description="Routes that the site must not answer with a file or page of these names.",
    )  # fmt: skip
    folders: list[str] = Field(
        ["public", "storage/app/public", "storage/logs"],
        description="Folders of the application that are searched for the values of its secrets.",
    )
    rows: dict[Name, str] = Field(
        {}, description="SELECT statements whose rows are kept as evidence, by name; through the application."
    )
