"""Queues halted: jobs wait, none is taken; proven by watching them."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import ClassVar

from runbook_lib.datastores.redis import redis_of
from runbook_lib.datastores.sql import sql_of
from runbook_lib.laravel.database_queues import DatabaseQueues
from runbook_lib.laravel.queues import Store
from runbook_lib.laravel.redis_queues import RedisQueues
from runbook_lib.levers.base import At, Request, no_value, shown, wrong_after
from runbook_lib.levers.pausing import Halt
from runbook_lib.run.plan import Snapshot, Step, Verdict

# Jobs looked at; behind so many waiting ones, nothing more is to be learnt.
MOST = 20_000


@dataclass(frozen=True)
class PauseQueues:
    """Halted and resumed by commands; watched where the table queues says where the jobs are."""

    request: Request

    stays: ClassVar[bool] = True
    several: ClassVar[bool] = False
    what: ClassVar[str] = "queues halted"

    def __post_init__(self) -> None:
        no_value(self.request)
        self._halt  # noqa: B018 - refuses what is not configured

    def read(self) -> Snapshot:
        return {"places": self._halt.places()}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        return ("jobs wait from then on: mails, payments and whatever else they do come later",)

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return tuple(self._halt.steps(before, at, halt=True))

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return tuple(self._halt.steps(before, at, halt=False))

    def effect(self, before: Snapshot) -> Verdict:
        """Jobs at work come to their end, then none is taken."""
        if self._halt.says(before) is False:
            return Verdict("FAIL", (f"`{' '.join(self._halt.table.paused)}` says that they are not halted",))
        if self._store is None:
            return self._said(before)
        if busy := wrong_after(self._busy, self._halt.table.within):
            return Verdict("INCONCLUSIVE", (f"{busy}: they may take a long time, or be taken still",))
        taken, waited = self._watch()
        if taken:
            return Verdict("FAIL", (f"{taken} jobs were taken within {self._halt.table.watch:g} s",))
        if waited:
            return Verdict("PASS", (f"{waited} jobs wait, none was taken in {self._halt.table.watch:g} s",))
        return self._said(before)

    def undone(self, before: Snapshot) -> Verdict:
        if self._halt.says(before):
            return Verdict("FAIL", (f"`{' '.join(self._halt.table.paused)}` says that they are halted",))
        if self._store is None:
            return Verdict("PASS", ("they are no longer halted",)) if self._halt.table.paused else self._said(before)
        return shown(wrong_after(self._idle, self._halt.table.within), "jobs are taken, or none waits")

    def holds(self, before: Snapshot) -> bool | None:
        says = self._halt.says(before)
        if says is not None or self._store is None:
            return says
        taken, waited = self._watch()
        return False if taken else True if waited else None

    @cached_property
    def _halt(self) -> Halt:
        table = self.request.levers.queues
        queues = [*table.queues] if table else []
        artisan = [f"queue:pause {name}" for name in queues], [f"queue:resume {name}" for name in queues]
        return Halt.of(self.request, table, "queues", artisan)

    @cached_property
    def _store(self) -> Store | None:
        """Where the jobs are, where that is configured."""
        target = self.request.target
        queues, redis = target.environment.queues, target.environment.redis
        if queues is None:
            return None
        if queues.store == "redis" and redis is not None:
            return RedisQueues(redis_of(target), redis.prefix)
        return DatabaseQueues(sql_of(target), queues.table)

    def _said(self, before: Snapshot) -> Verdict:
        """The verdict when no job can be watched."""
        says = self._halt.says(before)
        if says:
            return Verdict("PASS", ("they are halted, as their command says; no job waits that could be taken",))
        return Verdict("INCONCLUSIVE", ("nothing shows it: no job waits, and there is no command `paused`",))

    def _busy(self) -> str:
        jobs = self._jobs()["reserved"].total()
        return f"{jobs} jobs are at work" if jobs else ""

    def _idle(self) -> str:
        """What is wrong when jobs wait and none is taken."""
        taken, waited = self._watch()
        return f"{waited} jobs wait and none is taken" if waited and not taken else ""

    def _watch(self) -> tuple[int, int]:
        """How many of the jobs that waited are gone after a while, and how many waited."""
        before = self._jobs()["waiting"]
        if not before:
            return 0, 0
        time.sleep(self._halt.table.watch)
        gone = before - self._jobs()["waiting"]
        return gone.total(), before.total()

    def _jobs(self) -> dict[str, Counter[bytes]]:
        assert self._store is not None  # noqa: S101 - asked by those who looked
        found: dict[str, Counter[bytes]] = {"waiting": Counter(), "delayed": Counter(), "reserved": Counter()}
        for job in islice(self._store.jobs(), MOST):
            found[job.place][hashlib.blake2b(job.payload, digest_size=16).digest()] += 1
        return found
