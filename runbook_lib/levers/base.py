"""What a lever is: the contract that every lever keeps, and the values it speaks in."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from runbook_lib.command import printable
from runbook_lib.config import Levers, Target
from runbook_lib.errors import ConfigurationError, ParameterError
from runbook_lib.run.plan import Snapshot, Step, Verdict

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
# What the record calls it, whichever database it is.
WRITES_STOPPED = "writes to the database stopped"


@dataclass(frozen=True)
class Request:
    """What is asked of a lever. levers: the table as it is configured, or as it was when the mitigation began.
    value: as it was typed."""

    target: Target
    action: str
    levers: Levers
    value: str = ""


@dataclass(frozen=True)
class At:
    """Where the steps of a lever are made. prefix: of their ids; run: the run's id, part of their marks; origin: the
    run that put the mitigation in force, the same one or an earlier one."""

    prefix: str
    run: str
    origin: str = ""


class Lever(Protocol):
    """One change that stabilises a service, and the way back. Made from a Request; reads nothing until it is asked to.

    stays: whether it stays in force until it is taken back. several: whether it may be in force several times, each
    with a `what` of its own.
    """

    @property
    def request(self) -> Request: ...

    @property
    def stays(self) -> bool: ...

    @property
    def several(self) -> bool: ...

    @property
    def what(self) -> str:
        """What is in force, in a few words, for the record and the reader."""

    def read(self) -> Snapshot:
        """What there is before, as plain JSON data: all that the steps, the proof and the way back are made from.
        Refuses what could not work."""

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        """What the approver must know."""

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        """The steps that put it in force. Pure."""

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        """The steps that restore what was read before. Pure; right from wherever `pull` was left."""

    def effect(self, before: Snapshot) -> Verdict:
        """Whether it works, seen at its effect."""

    def undone(self, before: Snapshot) -> Verdict:
        """Whether all is as it was before, seen in the same way."""

    def holds(self, before: Snapshot) -> bool | None:
        """Whether it is in effect now, by one quick look; None when nothing can tell."""


class Once:
    """A lever whose effect is done and over: there is nothing to take back."""

    stays: ClassVar[bool] = False
    several: ClassVar[bool] = False

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        return ()

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return ()

    def undone(self, before: Snapshot) -> Verdict:
        return Verdict("PASS", ("there is nothing to take back",))

    def holds(self, before: Snapshot) -> bool | None:
        return None


def no_value(request: Request) -> None:
    """ParameterError when a value was given to an action that takes none."""
    if request.value:
        raise ParameterError(
            f"{request.action} takes no value, and {printable(request.value, 40)!r} was given",
            next_step="leave the parameter value out",
        )


def not_configured(request: Request, key: str, why: str = "") -> ConfigurationError:
    """The error of an action whose lever is missing; it names the table to add."""
    target = request.target
    table = f"services.{target.service_name}.environments.{target.name}.levers.{key}"
    return ConfigurationError(
        f"{request.action} has no lever in {target.label}{': ' + why if why else ''}",
        next_step=f"add the table [{table}] to runbooks.toml; the example shows its keys",
    )


def wrong_after(look: Callable[[], str], seconds: float) -> str:
    """What is still wrong when `look` has said so for that many seconds; empty as soon as it says nothing."""
    deadline, pause = time.monotonic() + seconds, FIRST_PAUSE
    while (wrong := look()) and time.monotonic() + pause < deadline:
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
    return wrong


def shown(wrong: str, right: str) -> Verdict:
    """PASS with what was seen, or FAIL with what is wrong."""
    return Verdict("FAIL", (wrong,)) if wrong else Verdict("PASS", (right,))
