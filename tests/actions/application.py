"""A Laravel application in memory, on several hosts: it answers the commands that are sent to it and remembers them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from runbook_lib.command import Command, Result
from runbook_lib.config import Service, Target
from runbook_lib.connectors.base import Connector
from runbook_lib.platforms.base import Release
from tests.actions.routes import Routes

LIVE = Release("v3", "3" * 40)


@dataclass
class Application:
    """applied: rows of the table migrations, in order; down: hosts in maintenance mode; ran: host and name of each
    changing command, in order; failing: names of commands that end with status 1; during: called before a command;
    stops_after: migrate:rollback undoes no more than that and then fails; reached: whether the database answers;
    columns: of its table orders, by name with their types; forgets: migrate:rollback leaves them; leaks: maintenance
    mode closes nothing; ends: of commands, by their marks; under_way: commands that a killed run left, and how they
    end."""

    hosts: tuple[str, ...] = ("web-1", "web-2")
    applied: list[str] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    ran: list[tuple[str, str]] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    during: Callable[[str], None] = lambda name: None
    stops_after: int | None = None
    reached: bool = True
    columns: dict[str, str] = field(default_factory=lambda: {"id": "integer", "note": "text"})
    forgets: bool = False
    leaks: bool = False
    url: str = "http://127.0.0.1:9"
    folder: Any = None
    ends: dict[str, Result] = field(default_factory=dict)
    under_way: dict[str, Callable[[], Result]] = field(default_factory=dict)

    def target(self, url: str = "http://127.0.0.1:9", folder: Any = None, **laravel: Any) -> Target:
        environment: dict[str, Any] = {
            "platform": "git",
            "url": url,
            "git": {"path": "shop"},
            "laravel": {"database": "sqlite", "sql": ["sql"], **laravel},
        }
        service = Service.model_validate({"environments": {"production": environment}})
        return Target("shop", "production", service.environments["production"], service, folder, folder)

    @property
    def names(self) -> list[str]:
        return [name for _, name in self.ran]

    # -- a platform, as far as it is asked -------------------------------------------------------------------------

    def current(self) -> dict[str, Release]:
        return dict.fromkeys(self.hosts, LIVE)

    def live(self, command: Command, host: str) -> tuple[Connector, Command]:
        return Host(self, host), command

    # -- the application ----------------------------------------------------------------------------------------------

    def asked(self, command: Command) -> Result:
        if not self.reached:
            return Result(1, "SQLSTATE[HY000] [2002] Connection refused")
        if "sqlite_master" in command.raw[-1]:
            return Result(0, json.dumps([*self._orders()]))
        return Result(0, json.dumps([{"migration": name} for name in self.applied]))

    def _orders(self) -> Iterator[dict[str, str | None]]:
        """The schema, as the query of SQLite's tables tells it."""
        yield {"what": "table", "tab": "orders", "name": "table", "a": "CREATE TABLE orders"}
        for name, kind in self.columns.items():
            null = "1" if name == "id" else "0"
            yield {"what": "column", "tab": "orders", "name": name, "a": kind, "b": null, "c": None, "d": "0 0"}

    def told(self, host: str, command: Command) -> Result:
        words = command.raw
        name = next((after for before, after in pairwise(words) if before in ("artisan", "--")), words[0])
        self.during(name)
        self.ran.append((host, name))
        self.commands.append(command)
        if name in self.failing:
            return Result(1, f"{name} does not work here")
        if name in ("down", "up"):
            (self.down.add if name == "down" else self.down.discard)(host)
        if name == "migrate:rollback":
            return self._rolled_back(next(int(w.partition("=")[2]) for w in words if w.startswith("--step=")))
        return Result(0, "")

    def _rolled_back(self, count: int) -> Result:
        limit = count if self.stops_after is None else self.stops_after
        undone = self.applied[: -count - 1 : -1][:limit]
        if not self.forgets:
            self.columns.pop("note", None)
        self.applied = [name for name in self.applied if name not in undone]
        lines = [f"Rolled back:  {name} (1.20ms)" for name in undone]
        return Result(0 if len(undone) == count else 1, "\n".join([*lines, *(["broken"] if limit < count else [])]))


@dataclass(frozen=True)
class Host:
    """The way to one host of the application."""

    application: Application
    host: str

    def read(self, command: Command) -> Result:
        return self.application.asked(command)

    def change(self, command: Command, mark: str, *, repeatable: bool = False) -> Result:
        ends, under_way = self.application.ends, self.application.under_way
        if mark in under_way:
            ends[mark] = under_way.pop(mark)()
        if mark not in ends:
            ends[mark] = self.application.told(self.host, command)
        return ends[mark]

    def outcome(self, mark: str) -> Result | None:
        return self.application.ends.get(mark)


class Closing(dict[str, int]):
    """Statuses of routes that answer 503 while a host is down, all but /up."""

    def __init__(self, application: Application, statuses: Mapping[str, int]) -> None:
        super().__init__(statuses)
        self._application = application

    def get(self, path: str, default: Any = None) -> Any:
        closed = self._application.down and not self._application.leaks and path != "/up"
        return 503 if closed else super().get(path, default)


def closing(routes: Routes, application: Application) -> None:
    """From now on the routes follow maintenance mode."""
    routes.statuses = Closing(application, {"/": 200, "/up": 200, "/ready": 200})
