"""More replicas: containers made from a live one, or a command of your own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from runbook_lib.command import printable
from runbook_lib.config.levers import Scale
from runbook_lib.errors import CommandError
from runbook_lib.levers import commands
from runbook_lib.levers.base import At, Lever, Request, not_configured, shown, wrong_after
from runbook_lib.levers.how_many import wanted
from runbook_lib.run.plan import Snapshot, Step, Verdict

MOST = 20


def scale(request: Request) -> Lever:
    """The lever of an environment: its own command where there is one, else containers. ConfigurationError."""
    table = request.levers.scale
    if table is not None and table.run:
        return ScaleByCommand(request, table)
    if request.target.environment.platform != "docker":
        raise not_configured(request, "scale", "only containers can be scaled without a command of your own")
    from runbook_lib.levers.replicas import ScaleContainers

    return ScaleContainers(request, table.most if table else MOST)


@dataclass(frozen=True)
class ScaleByCommand:
    """A command that is told how many are to serve, and one that tells how many do."""

    request: Request
    table: Scale

    stays: ClassVar[bool] = True
    several: ClassVar[bool] = False

    @property
    def what(self) -> str:
        return f"scaled up ({self.request.value})"

    def read(self) -> Snapshot:
        place = commands.places(self.request.target, "first" if self.table.where == "each" else self.table.where)[:1]
        now = self._count(place[0])
        return {"places": place, "now": now, "wanted": wanted(self.request.value, now, self.table.most)}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        return (f"{before['wanted']} replicas instead of {before['now']}; the database gets their connections, too",)

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return tuple(self._steps("scale", before["wanted"], before, at))

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return tuple(self._steps("scale-back", before["now"], before, at))

    def effect(self, before: Snapshot) -> Verdict:
        return self._reaches(before["wanted"], before)

    def undone(self, before: Snapshot) -> Verdict:
        return self._reaches(before["now"], before)

    def holds(self, before: Snapshot) -> bool | None:
        return self._count(before["places"][0]) > int(before["now"])

    @cached_property
    def _where(self) -> str:
        return "first" if self.table.where == "each" else self.table.where

    def _reaches(self, number: int, before: Snapshot) -> Verdict:
        def look() -> str:
            now = self._count(before["places"][0])
            return "" if now == number else f"{now} replicas serve instead of {number}"

        return shown(wrong_after(look, self.table.timeout), f"{number} replicas serve")

    def _count(self, place: str) -> int:
        result = commands.asked(self.request.target, self._where, place, self.table.count)
        said = result.output.strip()
        if not result.ok or not re.fullmatch("[0-9]{1,6}", said, re.ASCII):
            raise CommandError(
                f"levers.scale.count prints no number: {printable(said, 80) or 'nothing'}",
                next_step="see to it that it prints how many replicas serve, and nothing else",
            )
        return int(said)

    def _steps(self, name: str, number: int, before: Snapshot, at: At) -> Iterator[Step]:
        argv = commands.filled(self.table.run, "n", str(number))
        return commands.steps(
            self.request.target,
            self._where,
            before["places"],
            at,
            name,
            argv,
            timeout=self.table.timeout,
            holds=lambda place: self._count(place) == number,
        )
