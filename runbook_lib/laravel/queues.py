"""Jobs that wait in queues: which there are, which of them an older release cannot run, and how those are set aside
until a release is live again that can.

A store is where the application keeps its queues: `redis_queues.RedisQueues`, `database_queues.DatabaseQueues`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

from runbook_lib.errors import PlatformError
from runbook_lib.laravel import payloads
from runbook_lib.laravel.classes import Classes

Place = Literal["waiting", "delayed", "reserved"]
"""reserved: a worker has it, or had it when it died."""

_MARK = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")


@dataclass(frozen=True)
class Job:
    """One job in a queue. payload: as it is stored."""

    queue: str
    place: Place
    payload: bytes = field(repr=False)

    @cached_property
    def _read(self) -> payloads.Payload:
        return payloads.read(self.payload)

    @property
    def name(self) -> str:
        """The job's class, or UNREADABLE."""
        return self._read.name

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes that its payload names."""
        return self._read.classes


Choice = Callable[[Job], bool]


@dataclass(frozen=True)
class Aside:
    """The jobs that were set aside under a mark: how many of each class, and a checksum of their payloads."""

    mark: str
    counts: dict[str, int]
    checksum: str

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    @classmethod
    def of(cls, mark: str, kept: Iterable[bytes]) -> Aside:
        stored = list(kept)
        counts = Counter(payloads.read(payload).name for payload in stored)
        each = sorted(hashlib.sha256(payload).digest() for payload in stored)
        return cls(mark, dict(sorted(counts.items())), hashlib.sha256(b"".join(each)).hexdigest())


@dataclass(frozen=True)
class Depth:
    """How full a queue is. waiting: jobs that a worker could take now; delayed: whose time has not come; reserved: that
    a worker has; oldest: Unix time since when the first of those that wait could have been taken, or None where nothing
    tells."""

    waiting: int = 0
    delayed: int = 0
    reserved: int = 0
    oldest: float | None = None


class Store(Protocol):
    """Where an application keeps its queues."""

    def depths(self) -> dict[str, Depth]:
        """How full each queue is, by its name; counted by the store, so that a million jobs take no longer than one."""

    def jobs(self) -> Iterator[Job]:
        """All jobs, as they are while it is read; one that moves meanwhile may be seen twice or not at all."""

    def set_aside(self, mark: str, chosen: Choice, *, reserved: bool = False) -> Aside:
        """Move the chosen jobs to where no worker looks, each in one instant: it is always in exactly one place.
        Workers may run, but are better stopped before: in a database, theirs and this one's writes wait for each other
        or, on SQLite, fail.

        mark: name under which they are kept. Calling it again with the same mark goes on after an interruption, adds
        what has come since, and returns what all calls together set aside. reserved: also those that a worker has;
        only once no worker runs, or a job is done twice: by that worker and after it was put back.
        """

    def aside(self, mark: str) -> Aside:
        """What is kept under a mark, put back or not."""

    def put_back(self, aside: Aside) -> int:
        """Return jobs to their queues, delayed ones with their time. How many this call returned; calling it again
        goes on after an interruption. PlatformError, and nothing is returned, when what is kept is not what `aside`
        says."""


def counts(jobs: Iterable[Job]) -> dict[Place, dict[str, int]]:
    """How many jobs of each class there are in each place."""
    found: dict[Place, Counter[str]] = {"waiting": Counter(), "delayed": Counter(), "reserved": Counter()}
    for job in jobs:
        found[job.place][job.name] += 1
    return {place: dict(sorted(counter.items())) for place, counter in found.items()}


def cannot_run_in(classes: Classes) -> Choice:
    """Chooses the jobs that name a class which that release lacks: it would fail to load them, or a job after them in
    their chain."""
    return lambda job: any(classes.lacks(name) for name in job.classes)


def lacking(jobs: Iterable[Job], classes: Classes) -> dict[str, int]:
    """The classes that jobs name and that a release lacks, with the number of those jobs."""
    return dict(sorted(Counter(name for job in jobs for name in job.classes if classes.lacks(name)).items()))


def checked_mark(mark: str) -> str:
    """The mark, where it can be part of a key."""
    if not _MARK.fullmatch(mark):
        raise PlatformError(f"{mark[:80]!r} cannot be a mark", next_step="use letters, digits, dot, dash, underscore")
    return mark


def refuse_other(kept: Aside, recorded: Aside) -> None:
    """PlatformError unless what is kept is what was recorded."""
    if kept != recorded:
        raise PlatformError(
            f"under the mark {recorded.mark} {kept.count} jobs are kept, which are not the {recorded.count} recorded",
            next_step="look at what is kept before any of it is returned",
        )
