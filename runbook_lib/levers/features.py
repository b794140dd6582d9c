"""Features switched off, one lever each: by commands, a key in Redis or a row of the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

from runbook_lib.command import nearest, printable
from runbook_lib.config.levers import Feature
from runbook_lib.errors import ParameterError, PlatformError
from runbook_lib.levers import commands
from runbook_lib.levers.base import At, Request, not_configured, shown, wrong_after
from runbook_lib.levers.flags import DatabaseFlag, RedisFlag
from runbook_lib.probes.http import Client, Route, places
from runbook_lib.run.plan import Snapshot, Step, Verdict


class Flag(Protocol):
    """A stored value that says whether a feature is on. None: there is no such key."""

    def read(self) -> str | None: ...

    def write(self, value: str | None) -> None: ...


def feature(request: Request) -> StoredFeature | CommandedFeature:
    """The lever of the feature that is named. ConfigurationError where none is configured, ParameterError where that
    one is not."""
    features = request.levers.features
    if not features:
        raise not_configured(request, "features.NAME")
    if request.value not in features:
        close = nearest(request.value, list(features))
        hint = f"did you mean {', '.join(close)}?" if close else f"there are {', '.join(features)}"
        raise ParameterError(f"no feature is called {printable(request.value, 60)!r}", next_step=hint)
    table = features[request.value]
    return CommandedFeature(request, table) if table.disable else StoredFeature(request, table)


@dataclass(frozen=True)
class StoredFeature:
    """A feature whose flag is stored in Redis or in the database. What was there is put back, whatever it was."""

    request: Request
    table: Feature

    stays: ClassVar[bool] = True
    several: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return f"feature {self.request.value} switched off"

    def read(self) -> Snapshot:
        return {"was": self._flag.read()}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        return (f"{self.request.value} is off already",) if before["was"] == self.table.off else ()

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return (self._step(at, "switch off", self.table.off),)

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return (self._step(at, "put back", before["was"]),)

    def effect(self, before: Snapshot) -> Verdict:
        return _proof(self.request, self.table, lambda: self._differs(self.table.off))

    def undone(self, before: Snapshot) -> Verdict:
        return shown(self._differs(before["was"]), f"the flag of {self.request.value} is as before")

    def holds(self, before: Snapshot) -> bool | None:
        return self._flag.read() == self.table.off

    @cached_property
    def _flag(self) -> Flag:
        kind = RedisFlag if self.table.redis else DatabaseFlag
        return kind(self.request.target, self.table)

    def _differs(self, wanted: str | None) -> str:
        there = self._flag.read()
        return "" if there == wanted else f"the flag is {there!r} instead of {wanted!r}"

    def _step(self, at: At, verb: str, value: str | None) -> Step:
        def write() -> str:
            self._flag.write(value)
            return "" if value is None else printable(value, 40)

        return Step(
            id=f"{at.prefix}.feature",
            title=f"{verb} {self.request.value}",
            shows=(f"{self._flag} = {'nothing' if value is None else printable(value, 40)}",),
            do=write,
            done=lambda: self._flag.read() == value,
            repeatable=True,
        )


@dataclass(frozen=True)
class CommandedFeature:
    """A feature that commands switch off and on."""

    request: Request
    table: Feature

    stays: ClassVar[bool] = True
    several: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return f"feature {self.request.value} switched off"

    def read(self) -> Snapshot:
        at = commands.places(self.request.target, self.table.where)
        return {"places": at, "was": [place for place in at if self._is_on(place)]}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        return () if before["was"] else (f"{self.request.value} is off already",)

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return self._steps("disable", self.table.disable, before["places"], at, on=False)

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        """Switched on where it was on."""
        return self._steps("enable", self.table.enable, before["was"], at, on=True)

    def effect(self, before: Snapshot) -> Verdict:
        return _proof(self.request, self.table, lambda: self._wrong(before["places"], on=False))

    def undone(self, before: Snapshot) -> Verdict:
        return shown(self._wrong(before["was"], on=True), f"{self.request.value} is on where it was")

    def holds(self, before: Snapshot) -> bool | None:
        return not any(self._is_on(place) for place in before["places"])

    def _is_on(self, place: str) -> bool:
        result = commands.asked(self.request.target, self.table.where, place, self.table.enabled)
        if result.code not in (0, 1):
            raise PlatformError(
                f"nothing tells whether {self.request.value} is on at {place}: `{' '.join(self.table.enabled)}` ended "
                f"with status {result.code}: {printable(result.last_line, 200)}",
                next_step="mend the command `enabled` of the feature: 0 means on, 1 means off",
            )
        return result.code == 0

    def _wrong(self, at: list[str], *, on: bool) -> str:
        wrong = [place for place in at if self._is_on(place) is not on]
        return f"{self.request.value} is {'off' if on else 'on'} at {', '.join(wrong)}" if wrong else ""

    def _steps(self, name: str, argv: list[str], at_places: list[str], at: At, *, on: bool) -> tuple[Step, ...]:
        return tuple(
            commands.steps(
                self.request.target,
                self.table.where,
                at_places,
                at,
                name,
                argv,
                holds=lambda place: self._is_on(place) is on,
            )
        )


def _proof(request: Request, table: Feature, differs: Callable[[], str]) -> Verdict:
    """Read back, and seen by a user's request where one is configured."""
    environment = request.target.environment

    def look() -> str:
        if wrong := differs():
            return wrong
        if table.check is None:
            return ""
        readings = Client(environment.checks.timeout).all(places(environment), [Route.of(table.check)])
        return next((str(reading) for reading in readings if not reading.ok), "")

    seen = f", {table.check.name}" if table.check else ""
    return shown(wrong_after(look, environment.checks.within), f"{request.value} is off, read back{seen}")
