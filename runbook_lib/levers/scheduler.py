"""The scheduler halted: no scheduled task begins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from runbook_lib.levers import commands
from runbook_lib.levers.base import At, Request, no_value, shown
from runbook_lib.levers.pausing import Halt
from runbook_lib.run.plan import Snapshot, Step, Verdict

# Laravel keeps the halt in its cache and has no command that tells it.
_KEY = "illuminate:schedule:paused"
_PHP = (
    'require "vendor/autoload.php"; $app = require "bootstrap/app.php"; '
    '$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap(); '
    'exit($app->make("cache")->get($argv[1]) ? 0 : 1);'
)


@dataclass(frozen=True)
class PauseScheduler:
    """Halted and resumed by commands; proven by the command `paused`, or by what Laravel has in its cache."""

    request: Request

    stays: ClassVar[bool] = True
    several: ClassVar[bool] = False
    what: ClassVar[str] = "scheduler halted"

    def __post_init__(self) -> None:
        no_value(self.request)
        self._halt  # noqa: B018 - refuses what is not configured

    def read(self) -> Snapshot:
        return {"places": self._halt.places()}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        return ("scheduled tasks are left out while it is halted, not made up for; those that run go on",)

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return tuple(self._halt.steps(before, at, halt=True))

    def undo(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return tuple(self._halt.steps(before, at, halt=False))

    def effect(self, before: Snapshot) -> Verdict:
        holds = self.holds(before)
        if holds is None:
            return Verdict("INCONCLUSIVE", ("nothing shows it: there is no command `paused`",))
        return shown("" if holds else "the scheduler is not halted", "the scheduler is halted")

    def undone(self, before: Snapshot) -> Verdict:
        return shown("the scheduler is halted" if self.holds(before) else "", "the scheduler is not halted")

    def holds(self, before: Snapshot) -> bool | None:
        says = self._halt.says(before)
        laravel = self.request.target.environment.laravel
        if says is not None or laravel is None or self._halt.table.by != "artisan":
            return says
        argv = [*laravel.php, "-r", _PHP, "--", _KEY]
        return commands.says_yes(self.request.target, self._halt.where, before["places"], argv)

    @cached_property
    def _halt(self) -> Halt:
        artisan = ["schedule:pause"], ["schedule:continue"]
        return Halt.of(self.request, self.request.levers.scheduler, "scheduler", artisan)
