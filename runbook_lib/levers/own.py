"""Commands of your own that are levers, by their names: levers.commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from runbook_lib.config.levers import Own
from runbook_lib.errors import ParameterError
from runbook_lib.levers import commands
from runbook_lib.levers.base import At, Request, shown
from runbook_lib.levers.health import healthy
from runbook_lib.run.plan import Snapshot, Step, Verdict


@dataclass(frozen=True)
class OwnCommand:
    """One command. With `undo` it stays in force."""

    request: Request

    several: ClassVar[bool] = True

    @property
    def stays(self) -> bool:
        return bool(self._own.undo)

    @property
    def what(self) -> str:
        return f"{self.request.action} {self.request.value}".strip()

    @cached_property
    def _own(self) -> Own:
        return self.request.levers.commands[self.request.action]

    def read(self) -> Snapshot:
        wanted = any(commands.takes(argv, "value") for argv in self._all)
        if wanted != bool(self.request.value):
            raise ParameterError(
                f"{self.request.action} {'needs a value' if wanted else 'takes no value'}",
                next_step=f"{'give' if wanted else 'leave out'} the parameter value",
            )
        commands.checked_value(self.request.value)
        at = commands.places(self.request.target, self._own.where)
        return {"places": at, "held": self._says(self._own.done, at)}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        if not before["held"]:
            return ()
        return (f"{self.what} holds already, and not by this record: taking it back ends it all the same",)

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        no_undo = "" if self.stays else "it is done once and over"
        return tuple(self._steps("run", self._own.run, before, at, wanted=True, no_undo=no_undo))

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return tuple(self._steps("undo", self._own.undo, before, at, wanted=False)) if self.stays else ()

    def effect(self, before: Snapshot) -> Verdict:
        proof = self._own.verify or self._own.done
        if not proof:
            return healthy(self.request.target.environment)
        wrong = commands.objection(self.request.target, self._own.where, before["places"], self._filled(proof))
        return shown(wrong, f"`{' '.join(proof)}` says so")

    def undone(self, before: Snapshot) -> Verdict:
        holds = self.holds(before)
        if holds is None:
            return healthy(self.request.target.environment)
        return shown(f"{self.what} still holds" if holds else "", f"{self.what} no longer holds")

    def holds(self, before: Snapshot) -> bool | None:
        return self._says(self._own.done or self._own.verify, before["places"])

    @property
    def _all(self) -> list[list[str]]:
        return [self._own.run, self._own.undo, self._own.done, self._own.verify]

    def _filled(self, argv: list[str]) -> list[str]:
        return commands.filled(argv, "value", self.request.value)

    def _says(self, argv: list[str], at: list[str]) -> bool | None:
        if not argv:
            return None
        return commands.says_yes(self.request.target, self._own.where, at, self._filled(argv))

    def _steps(
        self, name: str, argv: list[str], before: Snapshot, at: At, *, wanted: bool, no_undo: str = ""
    ) -> Iterator[Step]:
        def holds(place: str) -> bool:
            return self._says(self._own.done, [place]) is wanted

        return commands.steps(
            self.request.target,
            self._own.where,
            before["places"],
            at,
            name,
            self._filled(argv),
            timeout=self._own.timeout,
            holds=holds if self._own.done else None,
            # Taking back must get through wherever it was left.
            repeatable=not wanted,
            no_undo=no_undo,
        )
