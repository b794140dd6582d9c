"""What will happen, complete, before anything happens: steps, sections, plan.

A plan is a pure function of a snapshot (the readings taken before it, as plain data). That is what makes it
possible to show it without doing anything, to approve exactly it by its digest, to notice drift by reading again
and comparing digests, and to continue it in another process from the recorded snapshot.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

Snapshot = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One change.

    id: unique and the same each time the plan is built from the same snapshot; "production.local.checkout".
    title: what it does, for a reader. host: where. shows: the commands or calls, secrets masked.
    do: makes the change, returns a short remark for the report; raises RunbookError when it did not work.
    done: True when the effect already holds, False when not, None when nothing can tell.
    repeatable: doing it twice does no harm; only such a step is repeated when `done` cannot tell.
    undo: takes the effect back; without it, no_undo says why there is none. undoes: id of the step that this one takes
    back; it is passed over when that one was never begun. stops: whether its failure ends the run; without it, the
    failure is written down and the next step is done. risk: what users, data or other programs may have of it though it
    goes well, in a few words; empty: nothing.
    """

    id: str
    title: str
    do: Callable[[], str]
    done: Callable[[], bool | None]
    host: str = "local"
    shows: tuple[str, ...] = ()
    repeatable: bool = False
    undo: Callable[[], str] | None = None
    no_undo: str = ""
    undoes: str = ""
    stops: bool = True
    risk: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """What the digest covers and the journal keeps."""
        return {
            "id": self.id,
            "title": self.title,
            "host": self.host,
            "shows": list(self.shows),
            "repeatable": self.repeatable,
        }

    def undone(self) -> Step | None:
        """The step that takes this one back, or None where there is no undo."""
        if self.undo is None:
            return None
        return Step(
            f"{self.id}.undo",
            f"undo {self.title}",
            self.undo,
            lambda: None,
            self.host,
            repeatable=True,
            undoes=self.id,
        )


@dataclass(frozen=True)
class Verdict:
    """What an observation came to. numbers: what it rests on, JSON values; reasons: why, one sentence each."""

    result: Literal["PASS", "FAIL", "INCONCLUSIVE"]
    reasons: tuple[str, ...] = ()
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return self.result == "PASS"


@dataclass(frozen=True)
class Section:
    """The steps that belong together in one environment: all are done and verified, or all are taken back.

    name: unique in the plan ("staging"). environment: label of what it changes, "shop/staging"; its lock's name.
    ready: raises PlanDriftError when the environment is not as the plan assumes; asked right before the steps. Its
    argument says whether a step was begun before, in a run that is continued.
    back: the steps that restore what served before; empty: reversed undo of the steps that ran.
    verify: read-only; what came of it. verified_back: read-only; one line on what serves after going back.
    skipped: why nothing needs to be done here; otherwise empty. observed: the run only succeeds when an observation of
    this section passed.
    seconds: how long it is expected to take, without waiting for people. otherwise: what a person does next when it
    does not end well; empty: reads the record.
    """

    name: str
    environment: str
    title: str
    steps: tuple[Step, ...] = ()
    back: tuple[Step, ...] = ()
    ready: Callable[[bool], None] = lambda begun: None
    verify: Callable[[], Verdict] | None = None
    verified_back: Callable[[], str] | None = None
    release: dict[str, Any] = field(default_factory=dict)
    skipped: str = ""
    observed: bool = False
    seconds: float = 0.0
    otherwise: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "environment": self.environment,
            "title": self.title,
            "skipped": self.skipped,
            "release": self.release,
            "steps": [step.facts for step in self.steps],
            "back": [step.facts for step in self.back],
        }


@dataclass(frozen=True)
class Plan:
    """All sections in order, made from one snapshot.

    title: "Roll back shop/production from v1.5.0 to v1.4.2". warnings: what the approver must know. run: the id of
    the run it was made for, which may be part of names in it.
    """

    title: str
    sections: tuple[Section, ...]
    snapshot: Snapshot
    warnings: tuple[str, ...] = ()
    run: str = ""

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The plan as plain data: what is journaled, shown and covered by the digest."""
        return {
            "title": self.title,
            "warnings": list(self.warnings),
            "snapshot": self.snapshot,
            "sections": [section.facts for section in self.sections],
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the plan's facts, hexadecimal: the name under which it is approved.

        The run's id is left out, so that the plan of a dry run can be approved for the run that follows it.
        """
        text = canonical(self.facts)
        return hashlib.sha256((text.replace(self.run, "RUN") if self.run else text).encode()).hexdigest()

    @property
    def environments(self) -> tuple[str, ...]:
        """Labels of the environments that it changes, each once, sorted: the locks to take."""
        return tuple(sorted({section.environment for section in self.sections if section.steps}))

    def section(self, name: str) -> Section:
        for section in self.sections:
            if section.name == name:
                return section
        raise KeyError(f"the plan has no section {name!r}; it has {[s.name for s in self.sections]}")

    def steps(self) -> Iterator[tuple[Section, Step]]:
        for section in self.sections:
            for step in section.steps:
                yield section, step


def canonical(data: Any) -> str:
    """JSON in one spelling: sorted keys, no spaces, no NaN."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # Bytes that were no UTF-8 come from the system as lone surrogates; escaped, they can be stored and hashed.
    return text.encode("utf-8", "backslashreplace").decode()
