"""A release that is verified while maintenance mode keeps everybody out: by the secret path, or else from inside."""

from __future__ import annotations

import time
from dataclasses import dataclass

from runbook_lib.actions.release.doors import bypass, keys, look, undo
from runbook_lib.command import printable
from runbook_lib.config import Target
from runbook_lib.laravel.steps import artisan
from runbook_lib.observation.health import health
from runbook_lib.observation.window import Report, watch
from runbook_lib.platforms.base import Platform, Release
from runbook_lib.probes.http import Keys, places
from runbook_lib.probes.replicas import on_release
from runbook_lib.run.plan import Verdict

PAUSE = 0.2


@dataclass(frozen=True)
class BehindDoors:
    """Maintenance mode was in force before the release came, and is never ended here."""

    target: Target
    platform: Platform
    release: Release

    @property
    def warning(self) -> str:
        """What a plan says of it."""
        how = "by its secret path" if bypass(self.target) else "from inside only, for no laravel.bypass is configured"
        return f"maintenance mode of {self.target.label} is in force and stays so: it is verified {how}"

    def verdict(self) -> Verdict:
        """PASS where every route answers by the secret path; INCONCLUSIVE where it lets nobody in, but the release
        starts and reaches its database; else FAIL. Where the doors turn out to be open, what everybody sees counts."""
        environment = self.target.environment
        deadline = time.monotonic() + environment.checks.within
        while time.monotonic() < deadline:
            if self._let_in(self._keys()):
                return self._told(f"maintenance mode stays in force; asked by its secret path, {self._end}")
            if all(reading.ok for reading in look(environment, on=True)):
                return self._inside()
            if all(reading.ok for reading in look(environment, on=False)):
                return self._told("maintenance mode is no longer in force: it did not outlive the switch")
            time.sleep(PAUSE)
        return self._health()

    def watched(self, seconds: float, report: Report) -> Verdict:
        """The observation, by the secret path; where the doors turn out to be open, as everybody sees it."""
        asked = self._keys if self._let_in(self._keys()) else None
        return watch(self.target.environment, self.platform, self.release, seconds, report, asked)

    @property
    def _end(self) -> str:
        return f"end it with {undo(self.target)}"

    def _keys(self) -> Keys:
        secret = bypass(self.target)
        return keys(self.target.environment, secret) if secret else {}

    def _let_in(self, held: Keys) -> bool:
        return all(place in held for place in places(self.target.environment))

    def _health(self) -> Verdict:
        return health(self.target.environment, self.platform, self.release, keys=self._keys)

    def _told(self, note: str) -> Verdict:
        verdict = self._health()
        return Verdict(verdict.result, (note, *verdict.reasons), verdict.numbers)

    def _inside(self) -> Verdict:
        """Nobody is let in: whether the release runs on every host, starts there and reaches its database."""
        wrong = [str(reading) for reading in on_release(self.platform, self.release) if not reading.ok]
        laravel = self.target.environment.laravel
        assert laravel is not None  # noqa: S101 - only such an application has these doors
        asked = artisan(laravel).migrate_status()
        for host in [] if wrong else self.platform.current():
            connector, command = self.platform.live(asked, host)
            result = connector.read(command)
            if not result.ok:
                wrong.append(f"{host} does not start: {printable(result.last_line, 200)}")
        if wrong:
            return Verdict("FAIL", tuple(wrong[:5]))
        seen = f"{self.release} starts and reaches its database (artisan migrate:status), its routes were not asked"
        what = f"{self._end}, then run verify.ipynb; a laravel.bypass that fits lets the next run in"
        return Verdict("INCONCLUSIVE", (f"maintenance mode is in force and lets nobody in: {seen}; {what}",))
