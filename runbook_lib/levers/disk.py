"""Room on a full disk, made by a command of your own."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runbook_lib.command import printable
from runbook_lib.config.levers import Disk
from runbook_lib.errors import PlatformError
from runbook_lib.levers import commands
from runbook_lib.levers.base import At, Once, Request, no_value, not_configured
from runbook_lib.run.plan import Snapshot, Step, Verdict


@dataclass(frozen=True)
class FreeDisk(Once):
    """Proven by the room that is free afterwards."""

    request: Request
    what: str = "disk space freed"

    def __post_init__(self) -> None:
        no_value(self.request)
        if self.request.levers.disk is None:
            raise not_configured(self.request, "disk")

    def read(self) -> Snapshot:
        at = commands.places(self.request.target, self._table.where)
        for place in at:
            self._free(place)
        return {"places": at}

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        steps = commands.steps(
            self.request.target,
            self._table.where,
            before["places"],
            at,
            "free",
            self._table.run,
            timeout=self._table.timeout,
            repeatable=True,
            no_undo="what was removed is gone",
        )
        return tuple(self._measured(step, place) for step, place in zip(steps, before["places"], strict=True))

    def effect(self, before: Snapshot) -> Verdict:
        free = {place: self._free(place) for place in before["places"]}
        numbers = {place: {"free": kib * 1024, "percent": round(percent, 2)} for place, (kib, percent) in free.items()}
        full = [place for place, (_, percent) in free.items() if percent < self._table.percent]
        words = [f"{percent:.1f} % of {self._table.path} is free at {place}" for place, (_, percent) in free.items()]
        if full:
            words = [f"{', '.join(full)} needs {self._table.percent:g} %", *words]
        return Verdict("FAIL" if full else "PASS", tuple(words), numbers)

    @property
    def _table(self) -> Disk:
        table = self.request.levers.disk
        assert table is not None  # noqa: S101 - refused when it was made
        return table

    def _measured(self, step: Step, place: str) -> Step:
        def do() -> str:
            before, _ = self._free(place)
            step.do()
            after, _ = self._free(place)
            return f"{(after - before) / 1024:.1f} MiB freed"

        return replace(step, do=do)

    def _free(self, place: str) -> tuple[int, float]:
        """KiB that are free, and their share of the disk in percent, as a user who is not root has them."""
        argv = ["df", "-Pk", str(self._table.path)]
        result = commands.asked(self.request.target, self._table.where, place, argv)
        fields = result.last_line.split()
        if not result.ok or len(fields) < 6 or not (fields[2] + fields[3]).isdecimal():
            raise PlatformError(
                f"the free space of {self._table.path} at {place} cannot be read: {printable(result.last_line, 200)}",
                next_step="check levers.disk.path",
            )
        used, free = int(fields[2]), int(fields[3])
        return free, 100 * free / max(1, used + free)
