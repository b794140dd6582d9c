"""The queue's workers started anew: they are told to end after their job, and a supervisor starts them again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from runbook_lib.command import Command, printable
from runbook_lib.config.levers import Workers
from runbook_lib.errors import PlatformError
from runbook_lib.laravel.steps import artisan
from runbook_lib.levers import commands
from runbook_lib.levers.base import At, Once, Request, no_value, not_configured, shown, wrong_after
from runbook_lib.platforms.command_step import Bench
from runbook_lib.run.plan import Snapshot, Step, Verdict

NOBODY = 1  # pgrep's status when it finds none


@dataclass(frozen=True)
class RestartWorkers(Once):
    """Proven by the processes: none of those that ran before runs, and there are some."""

    request: Request
    what: str = "workers restarted"

    def __post_init__(self) -> None:
        no_value(self.request)
        if self.request.levers.workers is None and self.request.target.environment.laravel is None:
            raise not_configured(self.request, "workers", "it is no Laravel application")
        if not self._table.run and self.request.target.environment.laravel is None:
            raise not_configured(self.request, "workers", "artisan needs the table laravel; or give it run")

    def read(self) -> Snapshot:
        at = commands.places(self.request.target, self._table.where)
        return {"places": {place: self._processes(place) for place in at}}

    def warnings(self, before: Snapshot) -> tuple[str, ...]:
        if any(before["places"].values()):
            return ("a worker ends after its job: a long one delays it",)
        return ("no worker runs: it only helps when something starts them",)

    def pull(self, before: Snapshot, at: At) -> tuple[Step, ...]:
        return tuple(self._step(place, at) for place in before["places"])

    def effect(self, before: Snapshot) -> Verdict:
        return shown(wrong_after(lambda: self._missing(before), self._table.within), "every worker was started since")

    @cached_property
    def _table(self) -> Workers:
        return self.request.levers.workers or Workers()

    def _step(self, place: str, at: At) -> Step:
        connector, command = commands.way(self.request.target, self._table.where, place, self._command)
        bench = Bench(connector, f"{at.prefix}.{place}", at.run)
        title = f"restart the workers: {self._table.restart}"
        return bench.step("workers", title, command, repeatable=True, no_undo="they only start anew")

    @property
    def _command(self) -> Command:
        if self._table.run:
            return Command.of(*self._table.run, timeout=self._table.within or 60)
        laravel = self.request.target.environment.laravel
        assert laravel is not None  # noqa: S101 - refused when it was made
        builders = artisan(laravel)
        return builders.queue_restart() if self._table.restart == "queue:restart" else builders.horizon_terminate()

    def _processes(self, place: str) -> list[str]:
        result = commands.asked(self.request.target, self._table.where, place, self._table.processes)
        if result.code not in (0, NOBODY):
            raise PlatformError(
                f"nothing tells which workers run at {place}: {printable(result.last_line, 200)}",
                next_step="mend levers.workers.processes",
            )
        return sorted({line.strip() for line in result.output.splitlines() if line.strip()})

    def _missing(self, before: Snapshot) -> str:
        now = {place: self._processes(place) for place in before["places"]}
        left = [line for place, was in before["places"].items() for line in was if line in now[place]]
        if left:
            return f"still the ones from before: {', '.join(left[:5])}"
        gone = [place for place, was in before["places"].items() if was and not now[place]]
        if gone or not any(now.values()):
            return f"no worker runs at {', '.join(gone) or 'any place'}: nothing starts them"
        return ""
