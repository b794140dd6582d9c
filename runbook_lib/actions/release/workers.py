"""Workers after a switch: the moment of the switch is noted on each host, and afterwards they are looked at until all
have restarted or the time for it is over."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from runbook_lib.config import Laravel, Target
from runbook_lib.errors import RunbookError
from runbook_lib.laravel.workers import LIST, UPTIME, told, uptime_in, workers_in
from runbook_lib.platforms.base import Platform
from runbook_lib.run.plan import Step, Verdict

PAUSE = 0.5


@dataclass(frozen=True)
class Workers:
    """The queue workers of one environment. hosts: names of hosts or replicas; run: the run's id."""

    target: Target
    platform: Platform
    laravel: Laravel
    hosts: Sequence[str]
    run: str

    def noted(self) -> Iterator[Step]:
        """The steps that note on each host when the code was switched; what a run that is continued asks for."""
        for host in self.hosts if self.laravel.workers_within else ():
            yield Step(
                f"{self.target.name}.{host}.switched",
                "note the moment on the host",
                lambda host=host: self._note(host),  # type: ignore[misc]
                lambda host=host: self._since(host) is not None,  # type: ignore[misc]
                host,
                shows=(str(UPTIME),),
                repeatable=True,
                no_undo="it only notes",
            )

    def seen(self, verdict: Verdict) -> Verdict:
        """A verdict with what was seen of the workers; FAIL where an old one is to count as that."""
        if not self.laravel.workers_within or not verdict.passed:
            return verdict
        deadline = time.monotonic() + self.laravel.workers_within
        while True:
            readings = [self._look(host) for host in self.hosts]
            restarted = all(new for new, _ in readings)
            if restarted or time.monotonic() >= deadline:
                break
            time.sleep(PAUSE)
        failed = not restarted and self.laravel.old_workers == "fail"
        words = tuple(said if new else f"WARNING: {said}" for new, said in readings)
        numbers = {**verdict.numbers, "old_workers": sum(not new for new, _ in readings)}
        return replace(
            verdict,
            result="FAIL" if failed else verdict.result,
            reasons=tuple(said for new, said in readings if not new) if failed else (*verdict.reasons, *words),
            numbers=numbers,
        )

    def _note(self, host: str) -> str:
        connector, inside = self.platform.live(UPTIME, host)
        result = connector.change(inside, self._mark(host), repeatable=True)
        since = uptime_in(result)
        return "this host tells no time" if since is None else f"{since:.2f} s after it started"

    def _since(self, host: str) -> float | None:
        connector, _ = self.platform.live(UPTIME, host)
        return uptime_in(connector.outcome(self._mark(host)))

    def _look(self, host: str) -> tuple[bool, str]:
        try:
            connector, inside = self.platform.live(LIST, host)
            return told(host, workers_in(connector.read(inside), self._folder), self._since(host))
        except RunbookError as error:
            return True, f"{host} does not tell which workers run: {error.message}"

    @property
    def _folder(self) -> str:
        """Of the application; inside a container there is no other one."""
        git = self.target.environment.git
        return str(self.target.resolve(git.path)) if git else ""

    def _mark(self, host: str) -> str:
        return f"{self.run}/{self.target.name}.{host}.switched"
